// What a run of a job comes to, written where it differs from what is stored: a row's version is the run that last changed it, so that whoever
// comes after finds what is new by `version = run`.
import { type DerivedTable, keyOf } from './derived.ts';
import { withScratchTable } from './scratch.ts';
import type { Store } from './store.ts';

/** Two rows of one content; 128 bits, for there are billions of pairs. */
const CONTENT = 'sipHash128(* EXCEPT (version, is_deleted))';

/**
 * Rows that `fill` puts into the table it is given, whole rows of `version`, take the place of those stored `within`. Of several with one key the last is meant.
 * @param within condition on stored rows: those that `fill` made again
 */
export async function writeChanged(
  store: Store,
  table: DerivedTable,
  version: number,
  fill: (into: string) => Promise<void>,
  within = '1',
): Promise<void> {
  const key = await keyOf(store, table);
  await withScratchTable(store, table, `AS ${table}`, async (made) => {
    await fill(made);
    await store.run(
      `INSERT INTO ${table} SELECT * FROM ${made} FINAL
       WHERE ${CONTENT} NOT IN (SELECT ${CONTENT} FROM ${table} FINAL WHERE ${within})`,
      {},
      'background',
    );
    await store.run(
      `INSERT INTO ${table} SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
       FROM (SELECT * FROM ${table} FINAL WHERE ${within} AND (${key}) NOT IN (SELECT ${key} FROM ${made}))`,
      { version },
      'background',
    );
  });
}
