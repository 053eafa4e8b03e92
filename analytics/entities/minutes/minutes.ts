// What auditd tells of each minute (runs of processes, calls of runtimes, devices of containers, logins, what processes did), kept up to date: made again for the minutes
// that records touch which came since the last run. The rows of a minute are a function of its typed rows alone, so that it does not matter in
// which order records came, and a store made anew has the same.
import { z } from 'zod';
import { forgetOlder } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import loginRecords from '../sessions/login-records.sql';
import { ENTITY_SETTINGS } from '../settings.ts';
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

const JOB = 'minutes';
/** A batch that spans months comes in month by month: its records may be seen when some before them are not. Batches have fewer records. */
const OVERLAP = 20_000;
/** Minutes further apart are two ranges of time, each read by itself; so many ranges a statement can have without being long to prepare. */
const APART_S = 600;
const RANGES_MAX = 64;
const SCOPE = /\/\*scope minute\*\/ 1/g;

const horizonRow = z.object({ loader: z.string(), seq: z.coerce.number() });
type Horizon = z.infer<typeof horizonRow>[];

/** Makes the minutes that new records touch again; all of them the first time, and after typed rows were derived again or removed. */
export async function refreshMinutes(store: Store, version: number): Promise<void> {
  const horizon = await read(store, 'SELECT loader, max(seq) AS seq FROM records GROUP BY loader ORDER BY loader');
  const done = await read(
    store,
    `SELECT loader, seq FROM cursors FINAL WHERE job = '${JOB}'
       AND version > (SELECT max(version) FROM cursors WHERE job IN ('reindex', 'retention'))`,
  );
  if (done.length === 0) await makeAll(store, version);
  else await makeTouched(store, version, horizon, done);
  // the version of a run: later than any reindex that it saw the rows of
  const rows = horizon.map(({ loader, seq }) => ({ job: JOB, loader, seq, version }));
  if (rows.length > 0) await store.insert('cursors', rows);
}

const read = async (store: Store, sql: string): Promise<Horizon> =>
  z.array(horizonRow).parse(await store.rows(sql, {}, 'background'));

async function makeAll(store: Store, version: number): Promise<void> {
  for (const table of TABLES) {
    await store.run(`INSERT INTO ${table} ${SELECTS[table]} ${ENTITY_SETTINGS}`, { version }, 'background');
    await forgetOlder(store, table, version);
  }
}

async function makeTouched(store: Store, version: number, horizon: Horizon, done: Horizon): Promise<void> {
  const seqs = new Map(done.map(({ loader, seq }) => [loader, seq]));
  const news = horizon.filter(({ loader, seq }) => seq > (seqs.get(loader) ?? -1));
  if (news.length === 0) return;
  const since = news.map(({ loader }) => Math.max(0, (seqs.get(loader) ?? 0) - OVERLAP));
  const definition = '(cluster String, node String, minute DateTime) ENGINE = Memory';
  await withScratchTable(store, 'touched_minutes', definition, async (touched) => {
    await store.run(
      `INSERT INTO ${touched}
       SELECT DISTINCT cluster, node, toStartOfMinute(event_time) FROM records
       WHERE source = 'auditd' AND has({loaders:Array(String)}, loader)
         AND seq >= transform(loader, {loaders:Array(String)}, {since:Array(UInt64)}, toUInt64(0))`,
      { loaders: news.map(({ loader }) => loader), since },
      'background',
    );
    const ranges = await rangesOf(store, touched);
    if (ranges.length === 0) return;
    const inMinutes = `(cluster, node, minute) IN (SELECT cluster, node, minute FROM ${touched})`;
    const inScope = `(${ranges.join(' OR ')}) AND (cluster, node, toStartOfMinute(time)) IN (SELECT cluster, node, minute FROM ${touched})`;
    for (const table of TABLES) {
      const select = SELECTS[table].replace(SCOPE, () => inScope);
      await store.run(`INSERT INTO ${table} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
      await store.run(
        `INSERT INTO ${table} SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
         FROM (SELECT * FROM ${table} FINAL WHERE ${inMinutes} AND version < {version:UInt64})`,
        { version },
        'background',
      );
    }
  });
}

/** Conditions that the primary key of auditd serves: minutes close together are one range. */
async function rangesOf(store: Store, touched: string): Promise<string[]> {
  const sql = `SELECT cluster, node, groupArray(toUnixTimestamp(minute)) AS minutes FROM (SELECT * FROM ${touched} ORDER BY ALL) GROUP BY cluster, node ORDER BY cluster, node`;
  const row = z.object({ cluster: z.string(), node: z.string(), minutes: z.array(z.coerce.number()) });
  const nodes = z.array(row).parse(await store.rows(sql, {}, 'background'));
  const exact = nodes.flatMap((at) => coalesced(at.minutes, APART_S).map((range) => condition(at, range)));
  if (exact.length <= RANGES_MAX) return exact;
  // late records from everywhere: between the first and the last, of all nodes
  const all = nodes.flatMap(({ minutes }) => minutes);
  const ends = [
    all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    all.reduce((a, b) => Math.max(a, b), 0),
  ] as const;
  return [between(ends)];
}

function coalesced(minutes: readonly number[], apart: number): [number, number][] {
  const ranges: [number, number][] = [];
  for (const minute of minutes) {
    const last = ranges.at(-1);
    if (last !== undefined && minute - last[1] <= apart) last[1] = minute;
    else ranges.push([minute, minute]);
  }
  return ranges;
}

const condition = ({ cluster, node }: { cluster: string; node: string }, range: readonly [number, number]): string =>
  `(cluster = ${sqlString(cluster)} AND node = ${sqlString(node)} AND ${between(range)})`;
const between = ([from, to]: readonly [number, number]): string =>
  `time >= fromUnixTimestamp64Milli(${from * 1000}, 'UTC') AND time < fromUnixTimestamp64Milli(${(to + 60) * 1000}, 'UTC')`;
