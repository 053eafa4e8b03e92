// What auditd tells of each minute (runs of processes, calls of runtimes, devices of containers, logins, what processes did, what is said of auditing), kept up to date: made again for the minutes
// that records touch which came since the last run (touched.ts). The rows of a minute are a function of its typed rows alone, so that it does not matter in
// which order records came, and a store made anew has the same.
import { withChanges } from '../../store/changed.ts';
import { type Put, putAnew } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import loginRecords from '../sessions/login-records.sql';
import { ENTITY_SETTINGS } from '../settings.ts';
import { type Touched, withTouched } from '../touched.ts';
import auditNotes from './audit-notes.sql';
import processFacts from './process-facts.sql';
import rootfsDevices from './rootfs-devices.sql';
import runs from './runs.sql';
import runtimeCalls from './runtime-calls.sql';
import serialMinutes from './serial-minutes.sql';

const SELECTS = {
  process_runs: runs,
  runtime_calls: runtimeCalls,
  rootfs_devices: rootfsDevices,
  login_records: loginRecords,
  process_facts: processFacts,
  audit_notes: auditNotes,
  serial_minutes: serialMinutes,
} as const;
const TABLES = Object.keys(SELECTS) as (keyof typeof SELECTS)[];

const SCOPE = /\/\*scope minute\*\/ 1/g;

/** Makes the minutes that new records touch again; all of them the first time, and after typed rows were derived again or removed. */
export const refreshMinutes = (store: Store, version: number): Promise<void> =>
  withTouched(store, version, '', (touched) =>
    touched.whole
      ? makeMinutes(store, version, touched, putAnew(store, version))
      : withChanges(store, version, ({ put }) => makeMinutes(store, version, touched, put)),
  );

export async function makeMinutes(store: Store, version: number, touched: Touched, put: Put): Promise<void> {
  const make = async (table: (typeof TABLES)[number]) => {
    const insert = (into: string, select: string) =>
      store.run(`INSERT INTO ${into} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
    if (touched.whole) await put(table, (into) => insert(into, SELECTS[table]));
    else if (touched.ranges !== '') {
      const { ranges, minutes } = touched;
      const inScope = `(${ranges}) AND (cluster, node, toStartOfMinute(time)) IN (SELECT cluster, node, minute FROM ${minutes})`;
      const select = SELECTS[table].replace(SCOPE, () => inScope);
      const within = `(cluster, node, minute) IN (SELECT cluster, node, minute FROM ${minutes})`;
      await put(table, (into) => insert(into, select), within);
    }
  };
  // all of a store at once would be twice the memory
  if (touched.whole) for (const table of TABLES) await make(table);
  else await Promise.all(TABLES.map(make));
}
