// A loader whose store may go away and come back, at another address: the process that owns an embedded store was killed, another owns it now.
import type { Store } from '../../analytics/store/store.ts';
import type { DeliveryLoader } from './deliveries.ts';
import { createDeliveryLoader } from './delivery-loader.ts';

/** Opens the store when it is first needed, and anew after every failed load. @param open the store */
export function createReopeningLoader(open: () => Promise<Store>): DeliveryLoader {
  let opened: { store: Store; loader: DeliveryLoader } | undefined;
  const close = async () => {
    const was = opened;
    opened = undefined;
    await was?.loader.close();
    await was?.store.close();
  };
  return {
    load: async (batch) => {
      try {
        if (opened === undefined) {
          const store = await open();
          opened = { store, loader: await createDeliveryLoader(store) };
        }
        return await opened.loader.load(batch);
      } catch (error) {
        await close().catch(() => undefined);
        throw error;
      }
    },
    close,
  };
}
