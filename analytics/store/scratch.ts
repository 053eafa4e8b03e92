// Tables that hold what one job needs while it runs.
import { randomBytes } from 'node:crypto';
import type { Lane, Store } from './store.ts';

/**
 * A table of its own for `work`, gone afterwards.
 * @param name letters and underscores
 * @param definition what follows the name in CREATE TABLE
 * @param lane what it must not wait for: a load does not wait for work in the background
 */
export async function withScratchTable<T>(
  store: Store,
  name: string,
  definition: string,
  work: (table: string) => Promise<T>,
  lane: Lane = 'background',
): Promise<T> {
  const { table, drop } = await openScratchTable(store, name, definition, lane);
  try {
    return await work(table);
  } finally {
    await drop();
  }
}

/** The same for who must drop it himself. */
export async function openScratchTable(
  store: Store,
  name: string,
  definition: string,
  lane: Lane = 'background',
): Promise<{ table: string; drop(): Promise<void> }> {
  if (!looked.has(store)) {
    looked.add(store);
    await dropLeftovers(store);
  }
  const table = `scratch_${name}_${Date.now()}_${randomBytes(6).toString('hex')}`;
  await store.run(`CREATE TABLE ${table} ${definition}`, {}, lane);
  return { table, drop: () => store.run(`DROP TABLE IF EXISTS ${table} SYNC`, {}, lane) };
}

/** Names of all scratch tables there are. */
export const SCRATCH_TABLES =
  "SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, '^scratch_[a-z0-9_]+_[0-9]{13}_[0-9a-f]{12}$')";

// Tables of jobs that were killed; those of one that still runs are younger. The name tells the age: the engine does not say
// when a table was made.
const looked = new WeakSet<Store>(); // a job looks once, and many tables are opened by one
const OLD_MS = 24 * 3600 * 1000;

async function dropLeftovers(store: Store): Promise<void> {
  const sql = `SELECT name FROM system.tables WHERE database = currentDatabase()
    AND toUInt64OrDefault(extract(name, '^scratch_[a-z0-9_]+_([0-9]{13})_[0-9a-f]{12}$'), toUInt64(9999999999999)) < {before:UInt64}`;
  for (const row of await store.rows(sql, { before: Date.now() - OLD_MS }))
    await store.run(`DROP TABLE IF EXISTS ${String(row['name'])} SYNC`);
}
