// The custody log as seals cover it: how many entries there were before a time, and a hash over all of them.
import { createHash, type Hash } from 'node:crypto';
import type { Store } from '../store/store.ts';

export interface CustodyState {
  /** Entries before this time, RFC 3339 in milliseconds. */
  until: string;
  entries: number;
  /** SHA-256 over the netstrings of every entry's at (microseconds), actor, action, subject, detail; in that order. */
  hash: string;
}

// An entry's time is taken a moment before it is written: the youngest ones wait for the next seal.
const GRACE_MS = 60_000;

export function custodyUntil(now: Date): string {
  return new Date(now.getTime() - GRACE_MS).toISOString();
}

/** The state of the log at each of these times, in one reading of it; memory does not grow with the log. */
export async function readCustodyStates(store: Store, untils: readonly string[]): Promise<CustodyState[]> {
  const waiting = [...new Set(untils)].sort((a, b) => Date.parse(b) - Date.parse(a));
  const states: CustodyState[] = [];
  const hash = createHash('sha256');
  let entries = 0;
  const closeBefore = (us: number) => {
    for (let until = waiting.at(-1); until !== undefined && Date.parse(until) * 1000 <= us; until = waiting.at(-1)) {
      states.push({ until, entries, hash: hash.copy().digest('hex') });
      waiting.pop();
    }
  };
  const sql = `SELECT toUnixTimestamp64Micro(at) AS us, actor, action, subject, detail FROM custody
    ORDER BY at, actor, action, subject, detail`;
  for await (const row of store.stream(sql)) {
    closeBefore(Number(row['us']));
    if (waiting.length === 0) break;
    for (const field of ['us', 'actor', 'action', 'subject', 'detail']) addNetstring(hash, String(row[field]));
    entries++;
  }
  closeBefore(Number.POSITIVE_INFINITY);
  return states;
}

function addNetstring(hash: Hash, text: string): void {
  hash.update(`${Buffer.byteLength(text)}:${text},`);
}
