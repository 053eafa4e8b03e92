// What a part of entities is made again for: tables it reads that hold anything else than when entities were made last, typed rows that came, rows that
// this run concluded otherwise. A part of which nothing is new is left as it is.
import type { Changes } from '../store/changed.ts';
import type { DerivedTable } from '../store/derived.ts';
import { tablesRead } from '../store/skip-empty.ts';
import type { Store } from '../store/store.ts';
import type { Touched, TypedNews } from './touched.ts';

export interface News {
  /** Whether any table that these statements read holds anything else. */
  of(...statements: string[]): boolean;
  has(table: string): boolean;
  /** Rows of a table that changed, as they were and as they are: what follows FROM or IN, `columns` of them; undefined where none did. */
  rows(table: DerivedTable, columns: string, where?: string): string | undefined;
  /** Of rows that changed what differs: `columns` as they are and no row was, or as they were and no row is. */
  differing(table: DerivedTable, columns: string): string | undefined;
  /** Whether any does. */
  differ(store: Store, table: DerivedTable, columns: string): Promise<boolean>;
  /** Conditions on rows of k8s_audit and runtime: those that came, and some that did before. */
  readonly typed: TypedNews;
}

/** Where everything is made anew. */
export const ALL_NEW: News = {
  of: () => true,
  has: () => true,
  rows: () => undefined,
  differing: () => undefined,
  differ: async () => true,
  typed: { k8s_audit: '1', runtime: '1' },
};

export function newsOf(touched: Touched & { whole: false }, changes: Changes): News {
  const has = (table: string) => changes.has(table as DerivedTable) || touched.inputs.has(table);
  const rows: News['rows'] = (table, columns, where = '1') => {
    const selects = changes.rows(table).map((changed) => `SELECT ${columns} FROM ${changed} WHERE ${where}`);
    return selects.length === 0 ? undefined : `(${selects.join(' UNION ALL ')})`;
  };
  const differing: News['differing'] = (table, columns) => {
    const changed = rows(table, `${columns}, version`);
    if (changed === undefined) return undefined;
    return `(SELECT ${columns} FROM ${changed} GROUP BY ${columns} HAVING countIf(version = 0) != countIf(version > 0))`;
  };
  return {
    has,
    of: (...statements) => statements.flatMap(tablesRead).some(has),
    rows,
    differing,
    differ: async (store, table, columns) => {
      const found = differing(table, columns);
      return found !== undefined && (await store.rows(`SELECT 1 FROM ${found} LIMIT 1`, {}, 'background')).length > 0;
    },
    typed: touched.news,
  };
}
