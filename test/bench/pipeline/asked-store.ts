// The store of a loader that runs, asked from outside as any command asks it: by the endpoint of its owner, never by owning it.
import { readOwner } from '../../../analytics/store/owner-file.ts';
import { openRemote } from '../../../analytics/store/remote.ts';
import type { Row, Store } from '../../../analytics/store/store.ts';

export interface AskedStore {
  /** Undefined while nobody owns the store, or the owner does not answer. */
  ask(sql: string): Promise<Row | undefined>;
  close(): Promise<void>;
}

export function askStore(directory: string): AskedStore {
  let store: Store | undefined;
  const close = async () => {
    const was = store;
    store = undefined;
    await was?.close();
  };
  return {
    ask: async (sql) => {
      try {
        store ??= await openOwned(directory);
        return (await store?.rows(sql))?.[0];
      } catch {
        await close(); // the loader opens its store twice, the first time only to see that it is there
        return undefined;
      }
    },
    close,
  };
}

async function openOwned(directory: string): Promise<Store | undefined> {
  const owner = readOwner(directory);
  if (owner === undefined) return undefined;
  const [location, { address: url, token: password }] = [`embedded:${directory}`, owner];
  return openRemote({ location, url, username: 'vestige', password, local: { directory } });
}
