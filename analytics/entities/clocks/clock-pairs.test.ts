// The pairs that bound clocks, found on the real engine in rows made by hand: a node five seconds ahead of the API server.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import clockNotices from './clock-notices.sql';
import clockPairs from './clock-pairs.sql';
import clockPairsOfNode from './clock-pairs-of-node.sql';

const directory = mkdtempSync(join(tmpdir(), 'vestige-clock-pairs-'));
let store: Store;
const AHEAD_MS = 5_000;
const api = (ms: number) => new Date(Date.parse('2026-05-01T10:00:00Z') + ms).toISOString().replace('Z', '');
const node = (ms: number) => api(ms + AHEAD_MS);
const CONTAINER = 'c0ffee'.padEnd(64, '1');

beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
  const runtime = (ms: number, topic: string, exec_id = '') => ({
    ...{ cluster: 'c', node: 'n', container_id: CONTAINER, runtime_namespace: 'k8s.io', version: 1 },
    ...{ time: node(ms), topic, exec_id },
  });
  await store.insert('runtime', [
    runtime(300, '/containers/create'),
    runtime(420, '/tasks/start'),
    runtime(9_010, '/tasks/exec-added', 'e1'),
    runtime(9_050, '/tasks/exec-started', 'e1'),
  ]);
  await store.insert('containers', [
    {
      ...{
        cluster: 'c',
        node: 'n',
        container_id: CONTAINER,
        kind: 'container',
        pod_uid: 'u',
        ended_at: node(20_000),
        ended_by: 'exit',
        version: 1,
      },
    },
  ]);
  const call = (ms: number, pid: number, argv: string[]) => ({
    ...{ cluster: 'c', node: 'n', process_key: String(pid), pid, comm: 'runc', first_seen: node(ms), argv, version: 1 },
    digests_hex: ['ab'.repeat(32)],
  });
  await store.insert('processes', [
    call(330, 7, ['runc', 'create', '--bundle', `/run/${CONTAINER}`, CONTAINER]),
    call(9_020, 8, ['runc', 'exec', '--process', '/tmp/p', '--pid-file', '/run/e1.pid', CONTAINER]),
  ]);
  const request = (id: string, ms: number, more: object) => ({
    ...{
      cluster: 'c',
      audit_id: id,
      stage: 'ResponseComplete',
      time: api(ms),
      stage_time: api(ms + 2),
      code: 200,
      version: 1,
    },
    ...{
      resource: 'pods',
      subresource: '',
      verb: 'create',
      username: 'scheduler',
      object_uid: '',
      container_ids: [],
      user_pod_uid: '',
    },
    ...more,
  });
  await store.insert('k8s_audit', [
    request('created', 0, { object_uid: 'u', username: 'alice' }),
    request('bound', 100, { object_uid: 'u', subresource: 'binding' }),
    request('refused', 290, { object_uid: 'u', subresource: 'binding', code: 409 }),
    request('mirror', 900, { object_uid: 'u', username: 'system:node:n' }),
    request('status', 700, {
      object_uid: 'u',
      subresource: 'status',
      verb: 'patch',
      container_ids: [CONTAINER],
      username: 'system:node:n',
    }),
    request('read', 650, { object_uid: 'u', verb: 'get', container_ids: [CONTAINER] }),
    request('used', 1_500, { resource: 'secrets', verb: 'get', user_pod_uid: 'u' }),
    request('gone', 20_400, { object_uid: 'u', verb: 'delete', username: 'system:node:n' }),
  ]);
  const notice = (of: string, about: string, stream: string, clock: string, clock_error_us: number, n: number) => ({
    ...{
      cluster: 'c',
      node: of,
      collector: about,
      run: 'r',
      n,
      kind: 'heartbeat',
      about,
      stream,
      clock,
      clock_error_us,
      version: 1,
    },
    time: api(30_000 + n),
  });
  await store.insert('collector_notices', [
    notice('n', 'auditd', '/var/log/audit.log', 'synchronised', 2_000, 1),
    notice('m', 'auditd', '/var/log/audit.log', 'unsynchronised', 2_000, 2),
    notice('', 'k8s-audit', '/var/log/k8s-audit.log', 'synchronised', 500, 3),
    // what a webhook takes is stamped by another machine's clock than its own
    notice('', 'k8s-audit', 'webhook:0.0.0.0:9443', 'synchronised', 1, 4),
  ]);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const pairs = async (sql: string) =>
  (await store.rows(`${sql} ${ENTITY_SETTINGS}`)).map((r) => [r['layer'], r['side'], Number(r['bound_us']) / 1000]);

test('by API and node: the sharpest of either side, of those that are cause and effect', async () => {
  expect(await pairs(clockPairs)).toEqual([
    // runc was called at 330, the pod bound at 100, its container named in a read answered at 652
    ['auditd', 'high', AHEAD_MS + 230],
    ['auditd', 'low', AHEAD_MS - 322],
    // made at 300; ended at 20 000, gone at 20 400
    ['runtime', 'high', AHEAD_MS + 200],
    ['runtime', 'low', AHEAD_MS - 352],
    ['runtime', 'low', AHEAD_MS - 400],
  ]);
});

test('by kernel and runtime of a node: runc is called between two words of the runtime', async () => {
  expect(await pairs(clockPairsOfNode)).toEqual([
    ['auditd', 'high', 10],
    ['auditd', 'low', -30],
  ]);
});

test('by what kernels say of their own clocks: both errors together, and only of clocks that are synchronised', async () => {
  expect(await pairs(clockNotices)).toEqual([
    ['auditd', 'high', 2.5],
    ['auditd', 'low', -2.5],
  ]);
});
