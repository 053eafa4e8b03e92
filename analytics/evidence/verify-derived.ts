// The second half of `evidence verify`: typed rows, which people see, derived again from the records, which are proved,
// and compared. A row changed, lost or planted in a typed table shows even though the records are untouched.
import { z } from 'zod';
import { DECODE_SETTINGS, needOfWindow, selectRows, TYPED_TABLES, type Typed } from '../decode/decode.ts';
import { type Window, windowsOf } from '../decode/windows.ts';
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import differences from './derived-differences.sql';
import planted from './derived-planted.sql';

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
  for (const typed of TYPED_TABLES) {
    const { table, source, madeOf } = typed;
    for (const window of await windowsOf(store, source)) {
      await compareWindow(store, typed, window, expired, comparison);
    }
    const sql = planted.replaceAll('{table}', table).replaceAll('{made_of}', madeOf);
    const [row] = await store.rows(sql, {}, 'background');
    add(comparison, table, 'planted', Number(row?.['rows'] ?? 0), String(row?.['digest'] ?? ''));
  }
  return comparison;
}

const Difference = z.object({ difference: z.enum(['changed', 'lost', 'older']), rows: z.number(), digest: z.string() });

async function compareWindow(
  store: Store,
  { table, source, key, madeOf }: Typed,
  window: Window,
  expired: boolean,
  comparison: DerivedComparison,
): Promise<void> {
  const params = { ...window, source };
  await withScratchTable(store, table, `AS ${table} ENGINE = MergeTree ORDER BY tuple()`, async (again) => {
    const need = await needOfWindow(store, table, params);
    if (need) await store.run(`INSERT INTO ${again} ${selectRows(table, 'window', need)} ${DECODE_SETTINGS}`, params);
    const sql = differences
      .replaceAll('{table}', table)
      .replaceAll('{again}', again)
      .replaceAll('{key}', key)
      .replaceAll('{made_of}', madeOf)
      .replaceAll('{partly_expired}', String(expired));
    for (const row of await store.rows(sql, params, 'background')) {
      const { difference, rows, digest } = Difference.parse(row);
      if (difference === 'older') comparison.older += rows;
      else add(comparison, table, difference, rows, digest);
    }
  });
}

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
