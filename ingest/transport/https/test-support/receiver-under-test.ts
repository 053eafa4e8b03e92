// A receiver in this process, over a real store, and sinks that deliver to it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../../analytics/store/connect.ts';
import type { Delivery, DeliveryLoader } from '../../../load/deliveries.ts';
import { createDeliveryLoader } from '../../../load/delivery-loader.ts';
import type { RecordEntry } from '../../../spool/entry.ts';
import type { Sink } from '../../sink.ts';
import { createHttpsSink, type HttpsSinkOptions } from '../https-sink.ts';
import type { IntakeServerOptions } from '../open-intake.ts';
import type { ReceiverOptions } from '../receiver.ts';
import { openReceiver, type ReceiverServer } from '../receiver-server.ts';
import { generateToken } from '../tokens.ts';
import { type Authority, createAuthority, type Issued } from './certificates.ts';
import { eventOf, recordOf } from './records.ts';

export interface ReceiverGround {
  directory: string;
  authority: Authority;
  server: Issued;
  token: string;
  /** What was loaded by the receiver that is open. */
  loads: (readonly Delivery[])[];
  said: string[];
  /** The loader of the store, told of; `before` may fail or wait. */
  loaderThat(before: (batch: readonly Delivery[]) => Promise<void> | void): DeliveryLoader;
  receive(options?: Partial<ReceiverOptions & IntakeServerOptions>): Promise<ReceiverServer>;
  sinkTo(receiver: { port: number }, options?: Partial<HttpsSinkOptions> & { query?: string }): Sink;
  /** Closed after each test. */
  use(closable: { close(): Promise<void> | void }): void;
  stored(cluster: string): Promise<Record<string, unknown>[]>;
  closeUsed(): Promise<void>;
  clear(): Promise<void>;
}

export async function openReceiverGround(): Promise<ReceiverGround> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-receiver-'));
  const authority = createAuthority(directory);
  const server = authority.issue('receiver', ['IP:127.0.0.1']);
  const token = generateToken();
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, token);
  const store = await connect(`embedded:${join(directory, 'store')}`, 'test');
  const real = await createDeliveryLoader(store);
  const used: Parameters<ReceiverGround['use']>[0][] = [];
  const ground: ReceiverGround = {
    ...{ directory, authority, server, token, loads: [], said: [] },
    loaderThat: (before) => ({
      load: async (batch) => {
        const deliveries = [...batch];
        await before(deliveries);
        ground.loads.push(deliveries);
        return real.load(batch);
      },
      close: async () => undefined,
    }),
    receive: async (options = {}) => {
      ground.loads.splice(0);
      ground.said.splice(0);
      const receiver = await openReceiver({
        ...{ host: '127.0.0.1', port: 0, tls: server, tokenFiles: [tokenFile] },
        ...{ loader: ground.loaderThat(() => undefined), say: (text) => void ground.said.push(text), ...options },
      });
      used.push(receiver);
      return receiver;
    },
    sinkTo: ({ port }, { query = '', ...options } = {}) => {
      const sink = createHttpsSink(`https://127.0.0.1:${port}?ca=${authority.ca}${query}`, {
        ...{ token: () => token, say: () => undefined, ...options },
      });
      used.push(sink);
      return sink;
    },
    use: (closable) => void used.push(closable),
    stored: (cluster) =>
      store.rows(
        `SELECT toString(raw) AS raw, node, collector, boot_id, stream, position, lines, attrs, loader, seq, source,
           toUnixTimestamp64Micro(received_at) AS at FROM records FINAL WHERE cluster = {cluster:String} ORDER BY seq`,
        { cluster },
      ),
    closeUsed: async () => {
      for (const one of used.splice(0).reverse()) await one.close();
    },
    clear: async () => {
      await real.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return ground;
}

let n = 0;
/** Different ones each time. */
export const someRecords = (count: number, more: Partial<RecordEntry['meta']> = {}): RecordEntry[] =>
  Array.from({ length: count }, () => recordOf(eventOf(`e-${++n}`), { position: n, ...more }));
