// The embedded engine: several sessions on one directory, because a session runs one query at a time and a person's
// small question must not wait for a load (measured: 4 ms beside a query of 0.8 s on another session).
import { type ClickHouseClientConfigOptions, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ChdbConnection } from 'chdb/connection';
import { type Lane, type Params, type Row, rowsOf, sqlString } from './store.ts';

// Told to every session once: settings sent with a query would leak into later ones of the same session.
const SESSION_SETTINGS = [
  "SET date_time_output_format = 'iso'",
  'SET output_format_json_quote_64bit_integers = 0',
  'SET async_insert = 0',
  'SET max_partitions_per_insert_block = 0',
  // bounds the engine's memory for one query; the whole process stays under a gigabyte on the recordings
  'SET max_memory_usage = 4000000000',
  'SET max_bytes_before_external_sort = 200000000',
  'SET max_bytes_before_external_group_by = 200000000',
  'SET optimize_on_insert = 0',
  // a rule may list thousands of values; the engine's own bounds (256 KiB, 50,000 elements) are for people who type
  'SET max_query_size = 67108864',
  'SET max_ast_elements = 1000000',
  'SET max_expanded_ast_elements = 5000000',
];

const READERS = 2; // one for a list that scrolls, one for the record a person clicks meanwhile
const WORKERS = 2; // jobs ask for what does not depend on one another at once

/** Parameters as text, escaped the way ClickHouse's HTTP interface takes them. */
export type TextParams = Readonly<Record<string, string>>;

interface Session {
  rows(sql: string, params?: Params): Promise<Row[]>;
  run(sql: string, params?: Params): Promise<void>;
  insert(table: string, rows: readonly Row[]): Promise<void>;
  /** Bytes of the result in `format`, in pieces as the engine makes them; parameters as ClickHouse's HTTP has them. */
  bytes(sql: string, format: string, params: TextParams): AsyncIterable<Uint8Array>;
  /** A statement whose parameters are text already. */
  runText(sql: string, params: TextParams): Promise<void>;
  busy(): number;
  close(): Promise<void>;
}

function openSession(connection: ChdbConnection): Session {
  // chdb declares the same interface from another copy of the client's types
  const client = createClient({
    connection,
    log: { level: ClickHouseLogLevel.OFF },
  } as unknown as ClickHouseClientConfigOptions);
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    waiting++;
    const done = queue.then(work, work).finally(() => {
      waiting--;
    });
    queue = done.catch(() => undefined);
    return done;
  };
  const set = inTurn(async () => {
    for (const query of SESSION_SETTINGS) await client.command({ query });
  });
  set.catch(() => undefined); // the first query fails with the same error
  // A stream of the engine takes no parameters; a session setting param_x binds {x:Type} all the same.
  const bind = async (params: TextParams) => {
    for (const [name, text] of Object.entries(params)) {
      if (!/^\w+$/.test(name)) throw new Error(`not a parameter name: ${name}`);
      await client.command({ query: `SET param_${name} = ${sqlString(text)}` });
    }
  };

  return {
    rows: (query, query_params = {}) =>
      inTurn(async () => (await client.query({ query, query_params, format: 'JSONEachRow' })).json<Row>()),
    run: (query, query_params = {}) =>
      inTurn(async () => {
        await client.command({ query, query_params });
      }),
    insert: (table, values) =>
      inTurn(async () => {
        await client.insert(rowsOf(table, values));
      }),
    runText: (query, params) =>
      inTurn(async () => {
        await bind(params);
        await client.command({ query });
      }),
    async *bytes(sql, format, params) {
      let release = () => {};
      const turn = new Promise<void>((resolve) => {
        release = resolve;
      });
      let ready = () => {};
      const started = new Promise<void>((resolve) => {
        ready = resolve;
      });
      void inTurn(async () => {
        ready();
        await turn;
      });
      await started;
      try {
        await bind(params);
        for await (const piece of connection.chdb.queryStream(sql, { format })) yield piece.raw();
      } finally {
        release();
      }
    },
    busy: () => waiting,
    close: () => inTurn(() => client.close()),
  };
}

export interface Sessions {
  in(lane: Lane): Session;
  close(): Promise<void>;
}

/** Opens the engine on a directory; throws what chDB throws when another process holds it. */
export async function openSessions(path: string): Promise<Sessions> {
  // 600 MB of library: only who opens a store carries it
  const { createChdbConnection } = await import('chdb/connection');
  const open = () => openSession(createChdbConnection({ path }));
  const writer = open();
  const readers = Array.from({ length: READERS }, open);
  const workers = Array.from({ length: WORKERS }, open);
  const leastBusy = (sessions: Session[]) => sessions.reduce((a, b) => (b.busy() < a.busy() ? b : a));
  return {
    in: (lane) => (lane === 'write' ? writer : leastBusy(lane === 'read' ? readers : workers)),
    close: async () => {
      await Promise.all([writer, ...workers, ...readers].map((s) => s.close()));
    },
  };
}
