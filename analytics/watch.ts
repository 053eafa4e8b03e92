// Concluding while records arrive: whenever there are new ones, once more. What came late, doubled or out of order makes no difference, because a
// run comes to what one over everything would.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from './store/store.ts';

export interface WatchOptions {
  /** Between two looks for new records; a run that takes longer is followed by the next look at once. */
  everyMs: number;
  /** Ends the watch after the run that is under way. */
  stop: AbortSignal;
}

/** Calls `work` at once, and again whenever records came or were derived again since the last call began; gives what it gave. */
export async function* watch<T>(store: Store, work: () => Promise<T>, options: WatchOptions): AsyncGenerator<T> {
  let seen: string | undefined;
  while (!options.stop.aborted) {
    const begun = Date.now();
    const now = await arrived(store);
    if (now !== seen) {
      yield await work();
      seen = now;
    }
    await pause(options.everyMs - (Date.now() - begun), options.stop);
  }
}

// Of each loader how far it came, and when rows were last derived again or retired.
const ARRIVED = `
SELECT toString(arraySort(groupArray((of, last)))) AS arrived
FROM (SELECT loader AS of, max(seq) AS last FROM records GROUP BY loader
      UNION ALL SELECT job AS of, max(version) AS last FROM cursors WHERE job IN ('reindex', 'retention') GROUP BY job)`;

async function arrived(store: Store): Promise<string> {
  const [row] = await store.rows(ARRIVED, {}, 'background');
  return String(row?.['arrived']);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  await sleep(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
}
