// The store as every other part sees it: ClickHouse behind @clickhouse/client, whether the engine runs in this
// process (embedded.ts), in the process that owns the directory (owner.ts), or on a server (remote.ts).

export type Params = Record<string, unknown>;
export type Row = Record<string, unknown>;

/** What a query runs beside: readers answer people, the writer loads, background work may take long. */
export type Lane = 'read' | 'write' | 'background';

export interface Store {
  /** As given by the user, without password. */
  readonly location: string;
  /** Where files of this installation live (keys, segments on their way in); undefined for a remote store. */
  readonly directory: string | undefined;
  /** True when the engine can read files of this host by path. */
  readonly readsLocalFiles: boolean;
  /** Rows of one query, all in memory: for answers a person or a step can hold. */
  rows(sql: string, params?: Params, lane?: Lane): Promise<Row[]>;
  /** Rows of one query as they come: for answers of any size. Ending the loop early stops the query. */
  stream(sql: string, params?: Params): AsyncIterable<Row>;
  /** A result as bytes. RawBLOB: the values of one column, one after the other, nothing between them. */
  bytes(sql: string, format: 'RawBLOB' | 'JSONEachRow', params?: Params): AsyncIterable<Uint8Array>;
  /** A statement without rows. */
  run(sql: string, params?: Params, lane?: Lane): Promise<void>;
  /** Small batches of rows made in TypeScript, all with the same keys: columns of the table, digests by their *_hex. */
  insert(table: string, rows: readonly Row[]): Promise<void>;
  /**
   * Fills a table from a RowBinary file of this host (ingest/load/segment.ts): `select` reads the columns that
   * `structure` declares from `{segment}`, for the embedded engine a file, for a server the body of the insert.
   */
  insertSegment(
    target: string,
    select: string,
    segment: { path: string; structure: string },
    params?: Params,
  ): Promise<void>;
  close(): Promise<void>;
}

type StoreErrorCode = 'busy' | 'unreachable' | 'refused' | 'not-a-store' | 'newer-schema' | 'bad-location';

/** Failures of the world around a store. `retriable` false unless known otherwise. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly retriable: boolean;
  constructor(code: StoreErrorCode, message: string, retriable = false, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = retriable;
  }
}

/** A string as a ClickHouse literal, for the few places where a parameter cannot stand (table functions, DDL). */
export function sqlString(text: string): string {
  return `'${text.replace(/[\\']/g, (c) => `\\${c}`).replace(/\0/g, '\\0')}'`;
}

/** What @clickhouse/client's insert takes. Columns are named, so that EPHEMERAL ones (hex of digests) can be given. */
export function rowsOf(table: string, rows: readonly Row[]) {
  const [first = '', ...more] = Object.keys(rows[0] ?? {});
  // a key that the first row lacks would be dropped without a word
  const odd = rows.find((row) => Object.keys(row).length !== more.length + 1);
  if (odd !== undefined) throw new TypeError(`rows for ${table} differ in their keys: ${Object.keys(odd).join(', ')}`);
  return {
    table,
    values: [...rows],
    format: 'JSONEachRow' as const,
    columns: [first, ...more] as [string, ...string[]],
  };
}
