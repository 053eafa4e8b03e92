// Derived tables: each run of a job writes its rows with version = run, and what it no longer finds is marked as gone.
import type { Row, Store } from './store.ts';

/** Tables a run makes anew; a closed list, for the name stands in the statement. */
export type DerivedTable =
  | 'pods'
  | 'containers'
  | 'boots'
  | 'process_runs'
  | 'runtime_calls'
  | 'rootfs_devices'
  | 'named_pids'
  | 'login_records'
  | 'process_facts'
  | 'audit_notes'
  | 'serial_minutes'
  | 'processes'
  | 'attributions'
  | 'callers'
  | 'sessions'
  | 'session_processes'
  | 'clock_offsets'
  | 'principals'
  | 'owners'
  | 'workloads'
  | 'node_addresses'
  | 'ways'
  | 'images'
  | 'api_contacts'
  | 'api_servers'
  | 'api_connections'
  | 'token_uses'
  | 'events'
  | 'auditd_hours'
  | 'gaps'
  | 'behaviours'
  | 'novelties'
  | 'baselines'
  | 'findings'
  | 'namespaces'
  | 'event_marks'
  | 'chains'
  | 'chain_links'
  | 'chain_members';

/**
 * Has a table hold what `write` puts into the table it is given: all of its rows, or all of those stored `within`.
 */
export type Put = (table: DerivedTable, write: (into: string) => Promise<void>, within?: string) => Promise<void>;

/** All rows anew: what a run no longer finds goes at once. */
export const putAnew =
  (store: Store, version: number): Put =>
  async (table, write) => {
    await write(table);
    await forgetOlder(store, table, version);
  };

/** Rows of earlier runs that run `version` did not write again are written once more, as deleted. */
export async function forgetOlder(store: Store, table: DerivedTable, version: number): Promise<void> {
  const { key, hasOlder } = await lookAt(store, table, version);
  if (!hasOlder) return;
  // the key first, which is read alone; the other columns of these few then. The inner SELECT keeps the rows' own version apart from the new
  const older = `SELECT ${key} FROM ${table} FINAL WHERE version < {version:UInt64}`;
  await store.run(
    `INSERT INTO ${table}
     SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
     FROM (SELECT * FROM ${table} FINAL WHERE (${key}) IN (${older}))
     SETTINGS use_index_for_in_with_subqueries = 1`,
    { version },
    'background',
  );
}

/** The columns that tell a table's rows apart, as they stand in a statement, of each table. */
export async function keysOf(store: Store): Promise<Map<string, string>> {
  const sql = "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND sorting_key != ''";
  const rows = await store.rows(sql, {}, 'background');
  return new Map(rows.map((row) => [String(row['name']), String(row['sorting_key'])]));
}

async function lookAt(store: Store, table: DerivedTable, version: number): Promise<{ key: string; hasOlder: boolean }> {
  const [row] = await store.rows(
    `SELECT sorting_key, (SELECT count() FROM (SELECT 1 FROM ${table} WHERE version < {version:UInt64} LIMIT 1)) AS older
     FROM system.tables WHERE database = currentDatabase() AND name = {table:String}`,
    { table, version },
    'background',
  );
  return { key: String(row?.['sorting_key']), hasOlder: Number(row?.['older']) > 0 };
}

/** Milliseconds since 1970 as the engine reads a time. */
export const instant = (ms: number): string => new Date(ms).toISOString().slice(0, -1);

/** One insert holds its rows in memory twice; this many are some megabytes. */
const ROWS_PER_INSERT = 20_000;

/** @param rows made as they are asked for, where there are many */
export async function insertInParts(store: Store, table: string, rows: Iterable<Row>): Promise<void> {
  let part: Row[] = [];
  for (const row of rows) {
    part.push(row);
    if (part.length < ROWS_PER_INSERT) continue;
    await store.insert(table, part);
    part = [];
  }
  if (part.length > 0) await store.insert(table, part);
}
