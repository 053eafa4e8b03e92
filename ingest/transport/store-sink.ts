// The sink of a collector that has the store beside it (`--to embedded:DIR`): no transport between.
import { randomUUID } from 'node:crypto';
import type { DeliveryLoader } from '../load/deliveries.ts';
import { deliveryOf } from './deliver.ts';
import { type Sink, SinkError } from './sink.ts';

/** @param loader is closed with it */
export function createStoreSink(address: string, loader: DeliveryLoader): Sink {
  const name = `direct-${randomUUID()}`;
  let seq = 0;
  return {
    address,
    send: async (batch) => {
      try {
        await loader.load(batch.map((entry) => deliveryOf(entry, { loader: name, seq: ++seq })));
      } catch (cause) {
        throw new SinkError('unavailable', (cause as Error).message, { cause });
      }
    },
    close: () => loader.close(),
  };
}
