// What auditd tells of each minute (runs of processes, calls of runtimes, devices of containers, logins, what processes did), kept up to date: made again for the minutes
// that records touch which came since the last run (touched.ts). The rows of a minute are a function of its typed rows alone, so that it does not matter in
// which order records came, and a store made anew has the same.
import { writeChanged } from '../../store/changed.ts';
import { forgetOlder } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import loginRecords from '../sessions/login-records.sql';
import { ENTITY_SETTINGS } from '../settings.ts';
import { type Touched, withTouched } from '../touched.ts';
import processFacts from './process-facts.sql';
import rootfsDevices from './rootfs-devices.sql';
import runs from './runs.sql';
import runtimeCalls from './runtime-calls.sql';

const SELECTS = {
  process_runs: runs,
  runtime_calls: runtimeCalls,
  rootfs_devices: rootfsDevices,
  login_records: loginRecords,
  process_facts: processFacts,
} as const;
const TABLES = Object.keys(SELECTS) as (keyof typeof SELECTS)[];

const SCOPE = /\/\*scope minute\*\/ 1/g;

/** Makes the minutes that new records touch again; all of them the first time, and after typed rows were derived again or removed. */
export const refreshMinutes = (store: Store, version: number): Promise<void> =>
  withTouched(store, version, '', (touched) => makeMinutes(store, version, touched));

export async function makeMinutes(store: Store, version: number, touched: Touched): Promise<void> {
  for (const table of TABLES) {
    const insert = (into: string, select: string) =>
      store.run(`INSERT INTO ${into} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
    if (touched.whole) {
      await insert(table, SELECTS[table]);
      await forgetOlder(store, table, version);
    } else if (touched.ranges !== '') {
      const { ranges, minutes } = touched;
      const inScope = `(${ranges}) AND (cluster, node, toStartOfMinute(time)) IN (SELECT cluster, node, minute FROM ${minutes})`;
      const select = SELECTS[table].replace(SCOPE, () => inScope);
      const within = `(cluster, node, minute) IN (SELECT cluster, node, minute FROM ${minutes})`;
      await writeChanged(store, table, version, (into) => insert(into, select), within);
    }
  }
}
