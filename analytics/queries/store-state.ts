// How far a store has come: what to tell someone whose list came out empty.
import type { Store } from '../store/store.ts';

export type StoreState = 'empty' | 'imported' | 'correlated';

export async function readStoreState(store: Store): Promise<StoreState> {
  const [row] = await store.rows(
    'SELECT (SELECT count() FROM records) > 0 AS records, (SELECT count() FROM events) > 0 AS events',
  );
  if (!row?.['records']) return 'empty';
  return row['events'] ? 'correlated' : 'imported';
}
