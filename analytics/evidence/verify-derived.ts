// The second half of `evidence verify`: typed rows, which people see, derived again from the records, which are proved,
// and compared. A row changed, lost or planted in a typed table shows even though the records are untouched.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import auditd from '../decode/auditd.sql';
import { DEAD_LETTER_REASON, READABLE_JSON } from '../decode/decode.ts';
import k8sAudit from '../decode/k8s-audit.sql';
import runtime from '../decode/runtime.sql';
import type { Store } from '../store/store.ts';
import differences from './derived-differences.sql';
import planted from './derived-planted.sql';

// Records derived again at once: some 100 MB of raw bytes, as in a batch of the loader.
const WINDOW_RECORDS = 50_000;

const LIMITS = `SETTINGS max_block_size = 8192, max_insert_block_size = 65536, min_insert_block_size_bytes = 67108864,
  extract_key_value_pairs_max_pairs_per_row = 65536`;

interface Derived {
  table: 'k8s_audit' | 'auditd' | 'runtime';
  source: string;
  select: string;
  key: string;
  madeOf: string;
}

const tables: readonly Derived[] = [
  {
    table: 'k8s_audit',
    source: 'k8s-audit',
    select: k8sAudit.replace('{readable_json}', () => READABLE_JSON),
    key: 'cluster, time, audit_id, stage',
    madeOf: '[digest]',
  },
  { table: 'auditd', source: 'auditd', select: auditd, key: 'cluster, node, time, serial', madeOf: 'digests' },
  {
    table: 'runtime',
    source: 'runtime',
    select: runtime,
    key: 'cluster, node, time, topic, runtime_namespace, container_id, exec_id, digest',
    madeOf: '[digest]',
  },
];

export type DerivedProblem = 'changed' | 'lost' | 'planted';

export interface DerivedDifference {
  table: string;
  problem: DerivedProblem;
  rows: number;
  /** Of a record behind the first such row. */
  digest: string;
}

export interface DerivedComparison {
  differences: DerivedDifference[];
  /** Rows that an older decoder made: not comparable. */
  older: number;
}

/** @param expired whether retention ever took anything: rows may then be made of records that are gone */
export async function verifyDerived(store: Store, expired: boolean): Promise<DerivedComparison> {
  const comparison: DerivedComparison = { differences: [], older: 0 };
  await dropLeftovers(store);
  for (const derived of tables) {
    for (const window of await windowsOf(store, derived.source)) {
      await compareWindow(store, derived, window, expired, comparison);
    }
    const sql = planted.replaceAll('{table}', derived.table).replaceAll('{made_of}', derived.madeOf);
    const [row] = await store.rows(sql, {}, 'background');
    add(comparison, derived.table, 'planted', Number(row?.['rows'] ?? 0), String(row?.['digest'] ?? ''));
  }
  return comparison;
}

// Tables of verifications that were killed; one that still runs is younger.
async function dropLeftovers(store: Store): Promise<void> {
  const sql = `SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, '^verify_[a-z0-9_]+_[0-9a-f]{12}$')
    AND metadata_modification_time < now() - INTERVAL 1 DAY`;
  for (const row of await store.rows(sql)) await store.run(`DROP TABLE IF EXISTS ${String(row['name'])}`);
}

interface Window {
  from: string;
  to: string;
}

// Records of one event share their time, so a window between two times holds events whole.
async function windowsOf(store: Store, source: string): Promise<Window[]> {
  const rows = await store.rows(
    `SELECT DISTINCT toString(toUnixTimestamp64Nano(event_time)) AS t FROM
       (SELECT event_time, row_number() OVER (ORDER BY event_time) AS i FROM records_all WHERE source = {source:String})
     WHERE i % ${WINDOW_RECORDS} = 1 ORDER BY toInt64(t)`,
    { source },
    'background',
  );
  const starts = rows.map((row) => String(row['t']));
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? '9223372036854775807' }));
}

const Difference = z.object({ difference: z.enum(['changed', 'lost', 'older']), rows: z.number(), digest: z.string() });

async function compareWindow(
  store: Store,
  d: Derived,
  window: Window,
  expired: boolean,
  comparison: DerivedComparison,
): Promise<void> {
  const again = `verify_${d.table}_${randomBytes(6).toString('hex')}`;
  const params = { ...window, source: d.source };
  await store.run(`CREATE TABLE ${again} AS ${d.table} ENGINE = MergeTree ORDER BY tuple()`);
  try {
    await store.run(
      `INSERT INTO ${again} ${d.select.replace('input_records\n', () => `${recordsOfWindow} AS input_records\n`)} ${LIMITS}`,
      params,
    );
    const sql = differences
      .replaceAll('{table}', d.table)
      .replaceAll('{again}', again)
      .replaceAll('{key}', d.key)
      .replaceAll('{made_of}', d.madeOf)
      .replaceAll('{partly_expired}', String(expired));
    for (const row of await store.rows(sql, params, 'background')) {
      const { difference, rows, digest } = Difference.parse(row);
      if (difference === 'older') comparison.older += rows;
      else add(comparison, d.table, difference, rows, digest);
    }
  } finally {
    await store.run(`DROP TABLE IF EXISTS ${again}`);
  }
}

const inWindow = `source = {source:String} AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
  AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC') AND ${DEAD_LETTER_REASON} = ''`;
const recordsOfWindow = `(SELECT * FROM (SELECT * FROM records FINAL WHERE ${inWindow} UNION ALL SELECT * FROM records_kept FINAL WHERE ${inWindow})
  LIMIT 1 BY source, cluster, node, digest)`;

function add(
  comparison: DerivedComparison,
  table: string,
  problem: DerivedProblem,
  rows: number,
  digest: string,
): void {
  if (rows === 0) return;
  const known = comparison.differences.find((x) => x.table === table && x.problem === problem);
  if (known) known.rows += rows;
  else comparison.differences.push({ table, problem, rows, digest });
}
