// What came since the last run of entities: which typed tables hold anything else, and the minutes of auditd's records. A run looks at these, and at what
// changed by them; or at all there is: the first time, after typed rows were derived again or removed, when entities are made otherwise than they were, and after a run that did not
// come to its end.
import { z } from 'zod';
import { withScratchTable } from '../store/scratch.ts';
import { type Store, sqlString } from '../store/store.ts';

export type Touched =
  | { whole: true }
  | {
      whole: false;
      /** Table: cluster, node, minute. */
      minutes: string;
      /** The same as a condition that the key of auditd serves, minutes that lie between among them; '' when there are none. */
      ranges: string;
      /** Likewise of the hours that the minutes are in. */
      hours: string;
      /** Which of INPUTS hold anything else than they did. */
      inputs: ReadonlySet<string>;
      /** Conditions on rows of k8s_audit and runtime, which their keys serve: those that came, and what was of the same moments before. */
      news: TypedNews;
    };

export interface TypedNews {
  k8s_audit: string;
  runtime: string;
}

/** Cursors: how far records were seen; how entities were made; that a run began; what the inputs held then. */
const JOB = 'minutes';
const WAY = 'entities';
const BEGUN = 'entities-begun';
const HELD = 'entities-inputs';
/** All that is not concluded and entities are made of. */
const INPUTS = ['records', 'k8s_audit', 'auditd', 'runtime', 'collector_notices', 'receipts', 'retention_drops'];
/** Each insert has a number of its own in its partition, which merges keep; what is removed or rewritten changes the list or the last column. */
const HOLDS = `
SELECT table, toString(sipHash64(arraySort(groupUniqArray((partition_id, last, changed))))) AS mark FROM
(
    SELECT table, partition_id, max(max_block_number) AS last, max(data_version - min_block_number) AS changed FROM system.parts
    WHERE database = currentDatabase() AND active AND table IN {inputs:Array(String)} GROUP BY table, partition_id
)
GROUP BY table ORDER BY table`;
/** A batch that spans months comes in month by month: its records may be seen when some before them are not. Batches have fewer records. */
const OVERLAP = 20_000;
/** Minutes further apart are two ranges of time, each read by itself; so many ranges a statement can have without being long to prepare. */
const APART_S = 600;
const RANGES_MAX = 64;
const MINUTE_S = 60;
const HOUR_S = 3600;

const horizonRow = z.object({ loader: z.string(), seq: z.coerce.number() });
type Horizon = z.infer<typeof horizonRow>[];

/**
 * Does `work` with what is touched; that it was is noted when it is done, with the version of the run: later than any reindex that it saw the rows of.
 * @param way tells how entities are made: another one than last time makes all anew
 */
export async function withTouched<T>(
  store: Store,
  version: number,
  way: string,
  work: (touched: Touched) => Promise<T>,
): Promise<T> {
  const horizon = await read(store, 'SELECT loader, max(seq) AS seq FROM records GROUP BY loader ORDER BY loader');
  // later, as typed rows are there before their records: what is within the horizon is among them
  const held = await holds(store);
  const done = await read(
    store,
    `SELECT loader, seq FROM cursors FINAL WHERE job = '${JOB}'
       AND version > (SELECT max(version) FROM cursors WHERE job IN ('reindex', 'retention'))
       AND version >= (SELECT max(version) FROM cursors WHERE job = '${BEGUN}')
       AND (SELECT argMax(loader, version) FROM cursors WHERE job = '${WAY}') = {way:String}`,
    { way },
  );
  const inputs = done.length === 0 ? new Set(INPUTS) : await changedSince(store, held);
  await store.insert('cursors', [{ job: BEGUN, loader: '', seq: 0, version }]);
  const result =
    done.length === 0 ? await work({ whole: true }) : await withMinutes(store, { horizon, done, inputs }, work);
  const rows = horizon.map(({ loader, seq }) => ({ job: JOB, loader, seq, version }));
  await store.insert('cursors', [
    ...rows,
    { job: WAY, loader: way, seq: 0, version },
    { job: HELD, loader: JSON.stringify([...held]), seq: 0, version },
  ]);
  return result;
}

const read = async (store: Store, sql: string, params = {}): Promise<Horizon> =>
  z.array(horizonRow).parse(await store.rows(sql, params, 'background'));

async function holds(store: Store): Promise<Map<string, string>> {
  const rows = await store.rows(HOLDS, { inputs: INPUTS }, 'background');
  return new Map(rows.map(({ table, mark }) => [String(table), String(mark)]));
}

async function changedSince(store: Store, held: ReadonlyMap<string, string>): Promise<Set<string>> {
  const sql = `SELECT argMax(loader, version) AS noted FROM cursors WHERE job = '${HELD}' HAVING count() > 0`;
  const [row] = await store.rows(sql, {}, 'background');
  const noted = new Map(z.array(z.tuple([z.string(), z.string()])).parse(JSON.parse(String(row?.['noted'] ?? '[]'))));
  return new Set(INPUTS.filter((table) => held.get(table) !== noted.get(table)));
}

interface Since {
  horizon: Horizon;
  done: Horizon;
  inputs: Set<string>;
}

function withMinutes<T>(
  store: Store,
  { horizon, done, inputs }: Since,
  work: (touched: Touched) => Promise<T>,
): Promise<T> {
  const seqs = new Map(done.map(({ loader, seq }) => [loader, seq]));
  const came = horizon.filter(({ loader, seq }) => seq > (seqs.get(loader) ?? -1));
  const since = came.map(({ loader }) => Math.max(0, (seqs.get(loader) ?? 0) - OVERLAP));
  const loaders = came.map(({ loader }) => loader);
  const nothing = { minutes: '', ranges: '', hours: '' };
  const none = { k8s_audit: '0', runtime: '0' };
  if (inputs.size === 0 && came.length === 0) return work({ whole: false, ...nothing, inputs, news: none });
  const memory = (columns: string) => `(${columns}) ENGINE = Memory`;
  const time = "time DateTime64(9, 'UTC')";
  const run = (sql: string, params = {}) => store.run(sql, params, 'background');
  return withScratchTable(
    store,
    'came',
    memory(`source String, ${PLACE}, ${time}, digest FixedString(32)`),
    (records) =>
      withScratchTable(store, 'touched_moments', memory(`source String, ${PLACE}, ${time}`), (moments) =>
        withScratchTable(store, 'touched_minutes', memory(`${PLACE}, minute DateTime('UTC')`), async (minutes) => {
          if (came.length > 0)
            await run(
              `INSERT INTO ${records} SELECT source, cluster, node, event_time, digest FROM records WHERE has({loaders:Array(String)}, loader)
             AND seq >= transform(loader, {loaders:Array(String)}, {since:Array(UInt64)}, toUInt64(0))`,
              { loaders, since },
            );
          for (const { source } of await store.rows(`SELECT DISTINCT source FROM ${records}`, {}, 'background'))
            inputs.add(String(source).replace('-', '_'));
          // rows that no loader of records brought are always looked at
          const known = horizon.map(({ loader }) => loader);
          for (const table of ['k8s_audit', 'runtime'] as const)
            if (inputs.has(table))
              await run(
                `INSERT INTO ${moments} SELECT DISTINCT '${table}', cluster, ${table === 'runtime' ? 'node' : "''"}, time FROM ${table}
               WHERE digest IN (SELECT digest FROM ${records} WHERE source = '${table.replace('_', '-')}') OR NOT has({known:Array(String)}, loader)`,
                { known },
              );
          await run(
            `INSERT INTO ${minutes} SELECT DISTINCT cluster, node, toStartOfMinute(time) FROM ${records} WHERE source = 'auditd'`,
          );
          const nodes = await minutesOf(store, minutes);
          const ranges = rangesOf(nodes, MINUTE_S);
          const news = {
            k8s_audit: `(cluster, time) IN (SELECT cluster, time FROM ${moments} WHERE source = 'k8s_audit')`,
            runtime: `(cluster, node, time) IN (SELECT cluster, node, time FROM ${moments} WHERE source = 'runtime')`,
          };
          return work({ whole: false, minutes, ranges, hours: rangesOf(nodes, HOUR_S), inputs, news });
        }),
      ),
  );
}

const PLACE = 'cluster String, node String';

interface NodeMinutes {
  cluster: string;
  node: string;
  minutes: number[];
}

function minutesOf(store: Store, touched: string): Promise<NodeMinutes[]> {
  const sql = `SELECT cluster, node, groupArray(toUnixTimestamp(minute)) AS minutes FROM (SELECT * FROM ${touched} ORDER BY ALL) GROUP BY cluster, node ORDER BY cluster, node`;
  const row = z.object({ cluster: z.string(), node: z.string(), minutes: z.array(z.coerce.number()) });
  return store.rows(sql, {}, 'background').then((rows) => z.array(row).parse(rows));
}

/** A condition that the primary key of auditd serves: minutes, or hours, close together are one range. */
function rangesOf(nodes: readonly NodeMinutes[], unit: number): string {
  const units = nodes.map((at) => ({ ...at, minutes: at.minutes.map((m) => m - (m % unit)) }));
  const exact = units.flatMap((at) => coalesced(at.minutes, APART_S).map((range) => condition(at, range, unit)));
  if (exact.length <= RANGES_MAX) return exact.join(' OR ');
  // late records from everywhere: between the first and the last, of all nodes
  const all = units.flatMap(({ minutes }) => minutes);
  const ends = [
    all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    all.reduce((a, b) => Math.max(a, b), 0),
  ] as const;
  return between(ends, unit);
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

const condition = ({ cluster, node }: NodeMinutes, range: readonly [number, number], unit: number): string =>
  `(cluster = ${sqlString(cluster)} AND node = ${sqlString(node)} AND ${between(range, unit)})`;
const between = ([from, to]: readonly [number, number], unit: number): string =>
  `time >= fromUnixTimestamp64Milli(${from * 1000}, 'UTC') AND time < fromUnixTimestamp64Milli(${(to + unit) * 1000}, 'UTC')`;
