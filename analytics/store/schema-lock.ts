// One process at a time brings the schema of a server: loaders, correlators and pages of an installation start together, and some statements
// of the schema files drop and make again what the others work with. ClickHouse has no lock and no compare-and-set, but of two that make one
// table only one succeeds. A directory of this host has one owner and needs none of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Store, StoreError } from './store.ts';

const TABLE_ALREADY_EXISTS = '57';
// An empty server has its schema in some three seconds; a column that is added to a large table takes no longer, for nothing is rewritten.
const WAIT_MS_MAX = 60_000;
const RETRY_MS = 200;

/** @throws StoreError where another holds the lock for longer than any schema takes: it was killed, and a person has to say so */
export async function withSchemaLock<T>(store: Store, work: () => Promise<T>): Promise<T> {
  if (store.directory !== undefined) return work();
  const deadline = Date.now() + WAIT_MS_MAX;
  while (!(await take(store))) {
    if (Date.now() > deadline) {
      throw new StoreError(
        'busy',
        `the schema of ${store.location} is being brought by another process; where none runs any more: DROP TABLE schema_lock`,
        true,
      );
    }
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await store.run('DROP TABLE IF EXISTS schema_lock SYNC');
  }
}

async function take(store: Store): Promise<boolean> {
  try {
    await store.run('CREATE TABLE schema_lock (since DateTime) ENGINE = MergeTree ORDER BY since');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === TABLE_ALREADY_EXISTS) return false;
    throw error;
  }
}
