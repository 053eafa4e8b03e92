// What a run of a job comes to, written where it differs from what is stored: a row's version is the run that last changed it, so that whoever
// comes after finds what is new by `version = run`. What changed is kept while the run lasts, as it was and as it is: later parts look at what
// depends on it, and not at all there is.
import { type DerivedTable, keysOf, type Put } from './derived.ts';
import { openScratchTable, withScratchTable } from './scratch.ts';
import type { Store } from './store.ts';

/** Two rows of one content; 128 bits, for there are billions of pairs. */
const CONTENT = 'sipHash128(* EXCEPT (version, is_deleted))';

/** Rows as they were bear no run: of one that puts a table twice, what it wrote first is what was. */
const AS_IT_WAS = '* REPLACE (toUInt64(0) AS version)';

export interface Changes {
  /** Rows put into a table, whole rows of this run's version, take the place of those stored `within`. Of several with one key the last is meant. */
  put: Put;
  /** Tables with the rows that changed: those of this run's version as they are, of version 0 as they were. None where nothing did. */
  rows(table: DerivedTable): readonly string[];
  has(table: DerivedTable): boolean;
  /** How many rows more a table has. */
  grown(table: DerivedTable): number;
}

interface Change {
  rows: string[];
  grown: number;
}

/** Does `work`; what changed is kept as long. */
export async function withChanges<T>(
  store: Store,
  version: number,
  work: (changes: Changes) => Promise<T>,
): Promise<T> {
  const keys = await keysOf(store);
  const changed = new Map<DerivedTable, Change>();
  const drops: (() => Promise<void>)[] = [];
  const put: Put = async (table, write, within = '1') => {
    const differs = await openScratchTable(store, `changed_${table}`, `AS ${table} ENGINE = Memory`, 'background');
    drops.push(differs.drop);
    const key = keys.get(table) ?? '';
    const grown = await withScratchTable(store, `made_${table}`, `AS ${table}`, async (made) => {
      await write(made);
      return compare(store, { table, made, differs: differs.table, within, version, key });
    });
    if (grown === undefined) return;
    const before = changed.get(table) ?? { rows: [], grown: 0 };
    changed.set(table, { rows: [...before.rows, differs.table], grown: before.grown + grown });
  };
  try {
    return await work({
      put,
      rows: (table) => changed.get(table)?.rows ?? [],
      has: (table) => changed.has(table),
      grown: (table) => changed.get(table)?.grown ?? 0,
    });
  } finally {
    for (const drop of drops) await drop();
  }
}

interface Comparison {
  table: DerivedTable;
  made: string;
  differs: string;
  within: string;
  version: number;
  key: string;
}

/** @returns by how many rows the table grew; undefined where nothing changed */
async function compare(store: Store, of: Comparison): Promise<number | undefined> {
  const { table, made, differs, within, version, key } = of;
  const run = (sql: string) => store.run(sql, { version }, 'background');
  const side = (from: string, columns: string, where: string) =>
    `SELECT tuple(${columns}) AS whole, ${CONTENT} AS content FROM ${from} FINAL WHERE ${where}`;
  await run(
    `INSERT INTO ${differs} SELECT untuple(any(whole)) FROM (${side(made, '*', '1')} UNION ALL ${side(table, AS_IT_WAS, within)})
     GROUP BY content HAVING count() = 1`,
  );
  const [row] = await store.rows(
    `SELECT count() AS n, uniqExactIf(${key}, version = {version:UInt64}) AS now, uniqExactIf(${key}, version = 0) AS before FROM ${differs}`,
    { version },
    'background',
  );
  if (row === undefined || Number(row['n']) === 0) return undefined;
  await run(
    `INSERT INTO ${table} SELECT * FROM ${differs} WHERE version = {version:UInt64}
     UNION ALL
     SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted) FROM (SELECT * FROM ${differs} WHERE version = 0)
     WHERE (${key}) NOT IN (SELECT ${key} FROM ${differs} WHERE version = {version:UInt64})`,
  );
  return Number(row['now']) - Number(row['before']);
}
