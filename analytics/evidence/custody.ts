// The log of who saw or took evidence: displays, holds, releases, seals, retention. Append only.
import type { Store } from '../store/store.ts';

export interface CustodyEntry {
  at: Date;
  /** Who: the user of the operating system, or of the interface. */
  actor: string;
  action: 'seal' | 'hold' | 'release' | 'dossier' | 'retention-set' | 'retention-apply';
  /** What: a container, a chain, a hold, a digest. */
  subject: string;
  detail: string;
}

export async function recordCustody(store: Store, entry: CustodyEntry): Promise<void> {
  await store.run(
    `INSERT INTO custody SELECT parseDateTime64BestEffort({at:String}, 6, 'UTC'), {actor:String}, {action:String}, {subject:String}, {detail:String}`,
    {
      at: entry.at.toISOString(),
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      detail: entry.detail,
    },
  );
}
