// How many rows the tables of entities have. Counting reads all their keys: what a run found is noted, and the next one adds what it changed.
import { z } from 'zod';
import type { Store } from '../store/store.ts';

export const COUNTED = ['pods', 'containers', 'processes', 'sessions', 'events'] as const;
export type EntityCounts = Record<(typeof COUNTED)[number], number>;

/** Cursors: the loader is the table. */
const JOB = 'entities-counts';
const number = z.coerce.number();
const counts = z.object({ pods: number, containers: number, processes: number, sessions: number, events: number });

export async function countRows(store: Store): Promise<EntityCounts> {
  const columns = COUNTED.map((table) => `(SELECT count() FROM ${table} FINAL) AS ${table}`);
  const [row] = await store.rows(`SELECT ${columns.join(', ')}`, {}, 'background');
  return counts.parse(row);
}

/** As the last run noted them. */
export async function readCounts(store: Store): Promise<EntityCounts | undefined> {
  const rows = await store.rows(`SELECT loader, seq FROM cursors FINAL WHERE job = '${JOB}'`, {}, 'background');
  const noted = counts.safeParse(Object.fromEntries(rows.map(({ loader, seq }) => [loader, seq])));
  return noted.data;
}

export async function noteCounts(store: Store, version: number, found: EntityCounts): Promise<EntityCounts> {
  const rows = COUNTED.map((table) => ({ job: JOB, loader: table, seq: found[table], version }));
  await store.insert('cursors', rows);
  return found;
}
