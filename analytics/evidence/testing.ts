// What the tests of this folder share: a store of its own in a new directory, and records put in it without a loader.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Store } from '../store/store.ts';

export interface TestStore {
  store: Store;
  directory: string;
  remove(): Promise<void>;
}

// made once for all tests of a file and copied: its schema takes longer than most of the tests
let empty: Promise<string> | undefined;
afterAll(async () => {
  if (empty !== undefined) rmSync(await empty, { recursive: true, force: true });
});
async function makeEmpty(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-evidence-empty-'));
  await (await connect(`embedded:${directory}`, 'test')).close();
  return directory;
}

export async function openTestStore(): Promise<TestStore> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-evidence-'));
  empty ??= makeEmpty();
  cpSync(await empty, directory, { recursive: true });
  const store = await connect(`embedded:${directory}`, 'test');
  return {
    store,
    directory,
    remove: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface TestRecords {
  loader: string;
  /** seq of the first; the others follow. */
  from: number;
  count: number;
  /** Of the first; the others follow by a second. */
  eventTime?: string;
  receivedAt?: string;
}

/** Records `record <loader> <seq>` of node-1, in no format that a decoder knows. */
export async function addRecords(store: Store, r: TestRecords): Promise<void> {
  await store.run(
    `INSERT INTO records (source, cluster, node, event_time, digest, format, event_key, raw, lines, boot_id, attrs, collector, received_at, stream, position, loader, seq)
     SELECT 'auditd', 'test', 'node-1', parseDateTime64BestEffort({eventTime:String}, 9, 'UTC') + toIntervalSecond(number), SHA256(raw), 'unknown',
       '', concat('record ', {loader:String}, ' ', toString(seq)) AS raw, 1, 'boot', map('k', 'v'), 'test',
       parseDateTime64BestEffort({receivedAt:String}, 6, 'UTC'), 'stream', seq * 100, {loader:String}, {from:UInt64} + number AS seq
     FROM numbers({count:UInt64})`,
    { eventTime: '2026-11-01T00:00:00Z', receivedAt: '2026-11-02T00:00:00Z', ...r },
  );
}

/** As if \`correlate\` had run then and found what the tables hold. */
export function markCorrelated(store: Store, at: string): Promise<void> {
  return store.insert('cursors', [{ job: 'correlate', loader: '', seq: 0, version: Date.parse(at) }]);
}

export async function scalar(store: Store, sql: string): Promise<unknown> {
  const [row] = await store.rows(`SELECT ${sql} AS x`, {}, 'write');
  return row?.['x'];
}
