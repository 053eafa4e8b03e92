// Marks of jobs in table cursors: that one ran, so that others know what they made is older.
import type { Store } from './store.ts';

/** Later marks outrank earlier ones, even if the clock went back. */
export const markJob = (store: Store, job: 'reindex' | 'retention', now: Date): Promise<void> =>
  store.run(
    `INSERT INTO cursors SELECT {job:String} AS job, '' AS loader, 0 AS seq, greatest({now:UInt64}, max(version) + 1) AS version FROM cursors`,
    { job, now: now.getTime() },
  );
