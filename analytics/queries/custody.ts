// Who saw or took evidence: displaying raw bytes is written down before the bytes are shown.
import type { Store } from '../store/store.ts';

export interface CustodyEntry {
  at: Date;
  /** user@host of a command, the authenticated name of a page's reader. */
  actor: string;
  action: string;
  /** A digest, a chain, a container: what was looked at. */
  subject: string;
  detail: string;
}

export async function recordCustody(store: Store, entry: CustodyEntry): Promise<void> {
  const at = entry.at.toISOString().replace('T', ' ').replace('Z', '');
  await store.insert('custody', [{ ...entry, at }]);
}
