// The sink of a collector that has the store beside it (`--to embedded:DIR`, or a server): no transport between. It may be held by another
// process, or away: it is opened when it is first needed, and again when it is lost.
import { randomUUID } from 'node:crypto';
import type { Store } from '../../analytics/store/store.ts';
import type { DeliveryLoader } from '../load/deliveries.ts';
import { createDeliveryLoader } from '../load/delivery-loader.ts';
import { deliveryOf } from './deliver.ts';
import { type Sink, SinkError } from './sink.ts';

/** @param open the store that `address` names */
export function createStoreSink(address: string, open: () => Promise<Store>): Sink {
  const name = `direct-${randomUUID()}`;
  let seq = 0;
  let opened: { store: Store; loader: DeliveryLoader } | undefined;
  const close = async () => {
    const was = opened;
    opened = undefined;
    await was?.loader.close();
    await was?.store.close();
  };
  return {
    address,
    send: async (batch) => {
      try {
        if (opened === undefined) {
          const store = await open();
          opened = { store, loader: await createDeliveryLoader(store) };
        }
        const deliveries = batch.map((entry) => deliveryOf(entry, { loader: name, seq: ++seq }));
        await opened.loader.load(deliveries);
      } catch (cause) {
        await close().catch(() => undefined); // the next attempt opens it anew
        throw new SinkError('unavailable', (cause as Error).message, { cause });
      }
    },
    close,
  };
}
