// A store that does not run what can only come out empty: each statement of entities takes the engine some hundredths of a second to prepare, and where
// a whole layer was never recorded most of them read nothing.
import { z } from 'zod';
import type { Store } from './store.ts';

const EMPTY =
  "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows = 0 AND engine LIKE '%MergeTree'";

/**
 * The same store, but a statement all of whose tables are empty is answered without the engine: an INSERT ... SELECT does nothing, a SELECT has no rows.
 * Not for statements that give a row of nothing (aggregates without GROUP BY, constants).
 * What others write meanwhile is not noticed: it is for one run of a job, which concludes from what was there when it began.
 */
export async function skipEmpty(store: Store): Promise<Store> {
  const rows = z.array(z.object({ name: z.string() })).parse(await store.rows(EMPTY, {}, 'background'));
  const empty = new Set(rows.map(({ name }) => name));
  const isNothing = (sql: string) => tablesRead(sql).every((table) => empty.has(table));
  return {
    ...store,
    rows: async (sql, params, lane) => (isNothing(sql) ? [] : store.rows(sql, params, lane)),
    async *stream(sql, params) {
      if (!isNothing(sql)) yield* store.stream(sql, params);
    },
    run: async (sql, params, lane) => {
      const target = /^\s*INSERT INTO (\w+)/.exec(sql)?.[1];
      if (target !== undefined && isNothing(sql)) return;
      await store.run(sql, params, lane);
      if (target === undefined || !empty.has(target)) return;
      const [found] = await store.rows(`SELECT 1 FROM ${target} LIMIT 1`, {}, lane);
      if (found !== undefined) empty.delete(target);
    },
    insert: async (table, inserted) => {
      empty.delete(table);
      await store.insert(table, inserted);
    },
  };
}

/** What stands behind FROM and JOIN, without the names that WITH gives. Of a function, or none, the statement is not told to be empty. */
export function tablesRead(sql: string): string[] {
  const text = sql.replace(/--[^\n]*/g, '').replace(/'(?:[^'\\]|\\.)*'/g, "''");
  const named = new Set([...text.matchAll(/\b(\w+)\s+AS(?:\s+MATERIALIZED)?\s*\(/g)].map(([, name]) => name));
  const read = [...text.matchAll(/\b(?:FROM|(?<!ARRAY )JOIN)\s+([\w.]+\(?)/g)].map(([, name = '']) => name);
  const tables = read.filter((name) => !named.has(name));
  return tables.length === 0 ? ['?'] : tables;
}
