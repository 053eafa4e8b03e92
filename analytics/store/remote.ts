// A store spoken to over HTTP: a ClickHouse server, or the loopback endpoint of the process that owns a directory.
import { createReadStream } from 'node:fs';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { type Row, rowsOf, type Store, StoreError, sqlString } from './store.ts';

export interface RemoteOptions {
  location: string;
  url: string;
  username?: string;
  password?: string;
  database?: string;
  /** Set when the engine behind the URL runs on this host (an owner's endpoint). */
  local?: { directory: string };
}

// a stopped process accepts connections and never answers
const PING_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30 * 60 * 1000; // correlation of a large store is one long statement

export async function openRemote(options: RemoteOptions): Promise<Store> {
  const client = createClient({
    url: options.url,
    username: options.username ?? 'default',
    password: options.password ?? '',
    ...(options.database === undefined ? {} : { database: options.database }),
    request_timeout: REQUEST_TIMEOUT_MS,
    // the owner's endpoint sets these for its sessions; a server takes them from the request
    clickhouse_settings: options.local
      ? {}
      : {
          date_time_output_format: 'iso',
          output_format_json_quote_64bit_integers: 0,
          async_insert: 0,
          max_partitions_per_insert_block: '0',
          max_query_size: '67108864',
          max_ast_elements: '1000000',
          max_expanded_ast_elements: '5000000',
        },
    max_open_connections: 8,
    log: { level: ClickHouseLogLevel.OFF }, // errors are thrown, and told once, by whoever asked
  });
  const ping = await client.ping({ select: false, abort_signal: AbortSignal.timeout(PING_TIMEOUT_MS) });
  if (!ping.success) {
    await client.close();
    throw new StoreError('unreachable', `cannot reach the store at ${options.location}: ${ping.error.message}`, true, {
      cause: ping.error,
    });
  }
  // a wrong password, a user without rights, a database that is not there: told with what the server says of it
  await client.command({ query: 'SELECT 1' }).catch(async (cause: Error) => {
    await client.close();
    throw new StoreError('refused', `the store at ${options.location} refuses: ${cause.message}`, false, { cause });
  });
  return remoteStore(client, options);
}

function remoteStore(client: ClickHouseClient, options: RemoteOptions): Store {
  return {
    location: options.location,
    directory: options.local?.directory,
    readsLocalFiles: options.local !== undefined,
    rows: async (query, query_params = {}) =>
      (await client.query({ query, query_params, format: 'JSONEachRow' })).json<Row>(),
    async *stream(query, query_params = {}) {
      const result = await client.query({ query, query_params, format: 'JSONEachRow' });
      for await (const rows of result.stream<Row>()) for (const row of rows) yield row.json();
    },
    async *bytes(sql, format, query_params = {}) {
      const { stream } = await client.exec({ query: `${sql} FORMAT ${format}`, query_params });
      yield* stream as AsyncIterable<Uint8Array>;
    },
    run: async (query, query_params = {}) => {
      await client.command({ query, query_params });
    },
    insert: async (table, values) => {
      if (values.length > 0) await client.insert(rowsOf(table, values));
    },
    insertSegment: async (target, select, { path, structure }, query_params = {}) => {
      const query = `INSERT INTO ${target} ${select.replace('{segment}', () => `input(${sqlString(structure)})`)} FORMAT RowBinary`;
      const { stream } = await client.exec({ query, query_params, values: createReadStream(path) });
      for await (const _ of stream); // the answer has no bytes; reading it to its end frees the connection
    },
    close: () => client.close(),
  };
}
