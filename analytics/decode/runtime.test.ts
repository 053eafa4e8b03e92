// The decoder of container runtimes on the real engine: events and a document, then what cannot be decoded and why.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { decodeRecords, emptyTables, type StagedRecord, typedRows } from './test-support/stage.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-runtime-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => emptyTables(store));

async function decode(format: StagedRecord['format'], raw: string): Promise<Row> {
  await decodeRecords(store, [{ format, raw }]);
  const rows = await typedRows(store, 'runtime', 'time');
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

const CONTAINER = '073b698c295456208739e19aea454ceda3d1a96251da8e3210396f03358fe6cc';
const EXEC = '2b4b807b7fec89bf8255461e3c2db24071486bb6875b8c50e2848103051c21b0';

describe('an event of a runtime', () => {
  // copied from the recording web-to-cluster
  it.each([
    [
      `2026-11-23 13:09:58.628864947 +0000 UTC k8s.io /tasks/exec-started {"container_id":"${CONTAINER}","exec_id":"${EXEC}","pid":30279}`,
      {
        time: '2026-11-23T13:09:58.628864947Z',
        runtime_namespace: 'k8s.io',
        topic: '/tasks/exec-started',
        container_id: CONTAINER,
        exec_id: EXEC,
        pid: 30279,
      },
    ],
    [
      `2026-11-23 13:09:58.599899052 +0000 UTC k8s.io /tasks/exec-added {"container_id":"${CONTAINER}","exec_id":"${EXEC}"}`,
      { topic: '/tasks/exec-added', container_id: CONTAINER, exec_id: EXEC, pid: -1 },
    ],
    [
      `2026-11-23 13:09:58.631130528 +0000 UTC k8s.io /tasks/exit {"container_id":"${CONTAINER}","id":"${EXEC}","pid":30279,"exit_status":137,"exited_at":"2026-11-23T13:09:58.630980324Z"}`,
      { topic: '/tasks/exit', container_id: CONTAINER, exec_id: EXEC, pid: 30279, exit_status: 137 },
    ],
    [
      `2026-11-23 13:09:58.631130528 +0000 UTC k8s.io /tasks/exit {"container_id":"${CONTAINER}","id":"${CONTAINER}","pid":30279}`,
      { topic: '/tasks/exit', container_id: CONTAINER, exec_id: '', exit_status: 0 },
    ],
    [
      `2026-11-23 13:09:55.922878569 +0000 UTC k8s.io /containers/create {"id":"${CONTAINER}","image":"registry.k8s.io/pause:3.9","runtime":{"name":"io.containerd.runc.v2"}}`,
      { topic: '/containers/create', container_id: CONTAINER, image: 'registry.k8s.io/pause:3.9', pid: -1 },
    ],
    [
      `2026-11-23 13:09:55.922878569 +0000 UTC k8s.io /snapshot/prepare {"key":"${CONTAINER}","parent":"sha256:35"}\r`,
      { topic: '/snapshot/prepare', container_id: CONTAINER },
    ],
  ])('%# is decoded as recorded', async (raw, expected) => {
    expect(await decode('containerd-event', raw)).toMatchObject({ cluster: 'prod', node: 'worker-1', ...expected });
  });
});

describe('a document of a container', () => {
  const document = (info: object) =>
    JSON.stringify({
      observedAt: '2026-11-23T13:09:55.923Z',
      namespace: 'k8s.io',
      id: CONTAINER,
      info: { ID: CONTAINER, ...info },
    });

  it('has its pod, command, mounts and powers; of its environment only names', async () => {
    const row = await decode(
      'containerd-container',
      document({
        Labels: {
          'io.cri-containerd.kind': 'container',
          'io.kubernetes.pod.name': 'web',
          'io.kubernetes.pod.namespace': 'shop',
          'io.kubernetes.pod.uid': 'u1',
          'io.kubernetes.container.name': 'app',
        },
        Image: 'registry.example/web:1',
        Spec: {
          process: {
            args: ['sh', '-c', 'sleep 1'],
            env: ['PATH=/bin', 'TOKEN=secret=x'],
            capabilities: { effective: ['CAP_SYS_ADMIN'] },
          },
          mounts: [
            { destination: '/host', type: 'bind', source: '/', options: ['rbind', 'rw'] },
            { destination: '/proc', type: 'proc', source: 'proc' },
          ],
          annotations: { 'io.kubernetes.cri.sandbox-id': 's1' },
          linux: {
            cgroupsPath: 'kubepods:x',
            namespaces: [{ type: 'mount' }, { type: 'pid', path: '/proc/1/ns/pid' }],
          },
        },
      }),
    );
    expect(row).toMatchObject({
      time: '2026-11-23T13:09:55.923000000Z',
      topic: 'container',
      container_id: CONTAINER,
      runtime_namespace: 'k8s.io',
      kind: 'container',
      pod_name: 'web',
      pod_namespace: 'shop',
      pod_uid: 'u1',
      container_name: 'app',
      sandbox_id: 's1',
      image: 'registry.example/web:1',
      args: ['sh', '-c', 'sleep 1'],
      env_names: ['PATH', 'TOKEN'],
      mount_sources: ['/'],
      mount_targets: ['/host'],
      privileged: true,
      capabilities: ['CAP_SYS_ADMIN'],
      cgroup: 'kubepods:x',
    });
    expect(JSON.stringify(row)).not.toContain('secret');
  });

  it('started past Kubernetes has no labels, and is a container', async () => {
    expect(
      await decode(
        'containerd-container',
        document({ Image: '', Labels: null, Spec: { linux: { maskedPaths: ['/proc/kcore'] } } }),
      ),
    ).toMatchObject({
      kind: 'container',
      pod_name: '',
      privileged: false,
      image: '',
    });
  });

  it.each([
    ['types turned round', { Labels: [1], Spec: { process: 'x', mounts: 5, linux: { namespaces: {} } } }],
    ['no body', {}],
    [
      'twenty thousand labels',
      { Labels: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 'v'])) },
    ],
  ])('with %s is a row all the same', async (_, info) => {
    expect(await decode('containerd-container', document(info))).toMatchObject({
      container_id: CONTAINER,
      topic: 'container',
    });
  });
});

describe('what cannot be decoded', () => {
  it.each<[string, StagedRecord]>([
    ['unknown-format', { format: 'unknown', raw: 'hello \u001b[2J' }],
    ['oversized', { format: 'oversized', raw: 'x'.repeat(1000) }],
    [
      'invalid-json',
      {
        format: 'containerd-event',
        raw: '2026-11-23 13:09:58.6 +0000 UTC k8s.io /tasks/exit {"container_id":"0',
        eventKey: 'k',
      },
    ],
    ['invalid-json', { format: 'containerd-container', raw: '{"info":{"ID":"abc"', eventKey: 'k' }],
    ['missing-identity', { format: 'containerd-container', raw: '{"info":{"ID":""}}', eventKey: '' }],
    ['missing-identity', { format: 'auditd', raw: 'type=SYSCALL msg=audit(x)', eventKey: '' }],
  ])('is a dead letter: %s', async (reason, record) => {
    await decodeRecords(store, [record]);
    expect(await store.rows('SELECT reason FROM dead_letters FINAL')).toEqual([{ reason }]);
    for (const table of ['auditd', 'runtime', 'k8s_audit'] as const)
      expect(await typedRows(store, table, 'time')).toEqual([]);
  });

  it('keeps a detail that is text, however the bytes are', async () => {
    await decodeRecords(store, [{ format: 'unknown', raw: Buffer.from([0xff, 0x00, 0x41]) }]);
    expect(await store.rows('SELECT detail FROM dead_letters FINAL')).toEqual([{ detail: '\uFFFD\u0000A' }]);
  });
});
