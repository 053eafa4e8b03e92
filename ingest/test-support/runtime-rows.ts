// From the bytes of a runtime's record to its row, on the real engine. For tests.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Row, Store } from '../../analytics/store/store.ts';
import { importPaths } from '../import.ts';
import { CONTAINER, podLabels } from './runtime-samples.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-runtimes-'));
let store: Store;
let files = 0;

/** A store of the test file's own, empty before each test. */
export function useStore(): void {
  beforeAll(async () => {
    store = await connect(`embedded:${join(directory, 'store')}`, 'test');
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(empty);
}

export async function empty(): Promise<void> {
  for (const table of ['records', 'receipts', 'runtime', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
}

export async function load(text: string | Buffer) {
  const home = join(directory, `in${++files}`);
  mkdirSync(home);
  writeFileSync(join(home, 'runtime.log'), text);
  const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
  return importPaths([home], { node: 'worker-1', cluster: 'prod' }, deps);
}

export const ask = (sql: string): Promise<Row[]> => store.rows(sql);
export const rows = (): Promise<Row[]> =>
  ask('SELECT * EXCEPT (cluster, node, digest, loader, seq, version) FROM runtime FINAL ORDER BY time, topic');

/** The one row of one record; it has been recognised and has an identity, or there is none. */
export async function rowOf(record: object | string): Promise<Row> {
  await empty();
  expect(await load(`${typeof record === 'string' ? record : JSON.stringify(record)}\n`)).toMatchObject({
    records: 1,
    dead_letters: 0,
  });
  const [row, ...others] = await rows();
  expect(others).toEqual([]);
  const [{ same } = {}] = await ask(
    'SELECT (SELECT event_time FROM records) = (SELECT time FROM runtime FINAL) AS same',
  );
  expect(same).toBeTruthy();
  return row ?? {};
}

const UNKNOWN_TIME = '1970-01-01T00:00:00.000000000Z';
export const time = (fraction: string) => `2026-11-23T13:09:58.${fraction.padEnd(9, '0')}Z`;
/** Every column, as it is where nothing is told. */
export const nothing = {
  time: time('1'),
  runtime_namespace: '',
  topic: '',
  container_id: '',
  exec_id: '',
  pid: -1,
  exit_status: 0,
  image: '',
  image_digest: '',
  image_id: '',
  image_names: [],
  bundle: '',
  upper_dir: '',
  labels: {},
  pod_name: '',
  pod_namespace: '',
  pod_uid: '',
  container_name: '',
  kind: '',
  sandbox_id: '',
  args: [],
  env_names: [],
  mount_sources: [],
  mount_targets: [],
  privileged: false,
  capabilities: [],
  namespaces: [],
  cgroup: '',
  created_at: UNKNOWN_TIME,
  started_at: UNKNOWN_TIME,
  finished_at: UNKNOWN_TIME,
};
export const ofPod = {
  pod_name: 'web',
  pod_namespace: 'shop',
  pod_uid: podLabels['io.kubernetes.pod.uid'],
};
export const ofContainer = { ...ofPod, container_id: CONTAINER, container_name: 'app' };
