// The sink an address names. What speaks to it is loaded only when it is wanted: a collector stays small.
import type { Store } from '../../analytics/store/store.ts';
import type { Sink } from './sink.ts';

export class SinkAddressError extends Error {
  override readonly name = 'SinkAddressError';
}

interface Dependencies {
  /** Password of Kafka or bearer token of a receiver, as it is now; undefined when there is none. */
  secret: () => string | undefined;
  openStore: (location: string) => Promise<Store>;
  say: (text: string) => void;
}

/**
 * @param to `kafka://HOST:PORT[,...]`, `https://HOST:PORT`, or `embedded:DIR`
 * @throws SinkAddressError, or what the sink says of its part of the address
 */
export async function openSink(to: string, { openStore, secret, say }: Dependencies): Promise<Sink> {
  const scheme = to.slice(0, to.indexOf(':'));
  switch (scheme) {
    case 'embedded': {
      const [{ createStoreSink }, { createReopeningLoader }] = await Promise.all([
        import('./store-sink.ts'),
        import('../load/reopening-loader.ts'),
      ]);
      return createStoreSink(
        to,
        createReopeningLoader(() => openStore(to)),
      );
    }
    case 'kafka': {
      const [{ createKafkaSink }, { parseKafkaAddress }] = await Promise.all([
        import('./kafka/kafka-sink.ts'),
        import('./kafka/kafka-address.ts'),
      ]);
      return createKafkaSink({ address: parseKafkaAddress(to, secret()) });
    }
    case 'https':
    case 'http': {
      const { createHttpsSink } = await import('./https/https-sink.ts');
      return createHttpsSink(to, { token: secret, say });
    }
    default:
      throw new SinkAddressError(
        `not a place for records: ${to} (kafka://HOST:PORT, https://HOST:PORT or embedded:DIR)`,
      );
  }
}
