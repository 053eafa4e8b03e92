// Containers from made-up rows of the typed tables, on the real engine: what each source alone tells of a lifetime, and what ended it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { fillContainers } from './fill-containers.ts';
import { refreshMinutes } from './minutes.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-containers-'));
let store: Store;
let version = 0;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const table of [
    'k8s_audit',
    'auditd',
    'runtime',
    'containers',
    'process_runs',
    'runtime_calls',
    'rootfs_devices',
  ])
    await store.run(`TRUNCATE TABLE ${table}`);
});

const at = (second: number) => `2026-05-01 10:00:${second.toFixed(3).padStart(6, '0')}`;
// rows of one insert have the same keys
const insert = async (table: string, rows: readonly Row[]) => {
  for (const row of rows) await store.insert(table, [row]);
};
const digest = (name: string) => name.padEnd(32, '.');
const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const SANDBOX = 'c'.repeat(64);

const event = (second: number, topic: string, more: Row = {}): Row => ({
  ...{ cluster: 'prod', node: 'n1', time: at(second), runtime_namespace: 'k8s.io', topic, container_id: ID },
  ...{ digest: digest(`${topic}@${second}`), exit_status: 0, pid: -1, version: 1, ...more },
});
const runtime = (...rows: Row[]) => insert('runtime', rows);

let serial = 0;
const execution = (second: number, argv: string[], more: Row = {}): Row => ({
  ...{
    cluster: 'prod',
    node: 'n1',
    time: at(second),
    serial: ++serial,
    syscall: 59,
    syscall_name: 'execve',
    success: 'yes',
  },
  ...{ pid: 100 + serial, ppid: 50, exe: `/usr/bin/${argv[0]}`, comm: argv[0]?.slice(0, 15), argv, version: 1 },
  ...{
    digests: [
      digest(`${argv.find((a) => ['create', 'start', 'delete'].includes(a)) ?? argv[0]?.slice(0, 8)}@${second}`),
    ],
    ...more,
  },
});
const auditd = (...rows: Row[]) => insert('auditd', rows);

const status = (kind: string, name: string, id: string, more: Row = {}): Row => ({
  ...{ kind, name, container_id: id, image: 'shop/web:1', image_id: `shop/web@sha256:${'1'.repeat(64)}` },
  ...{
    started_at: '1970-01-01 00:00:00',
    finished_at: '1970-01-01 00:00:00',
    exit_code: 0,
    signal: 0,
    reason: '',
    ...more,
  },
});
const pod = (second: number, statuses: Row[], more: Row = {}): Row => ({
  ...{
    cluster: 'prod',
    time: at(second),
    audit_id: `r${second}`,
    stage: 'ResponseComplete',
    verb: 'patch',
    subresource: 'status',
  },
  ...{ username: 'system:node:n1', resource: 'pods', namespace: 'shop', name: 'web-0', object_uid: 'uid-1', code: 200 },
  ...{ container_statuses: statuses, digest: digest(`pod@${second}`), version: 1, ...more },
});
const api = (...rows: Row[]) => insert('k8s_audit', rows);

async function containers(): Promise<Row[]> {
  await refreshMinutes(store, ++version);
  await fillContainers(store, version, 'SETTINGS prefer_column_name_to_alias = 1');
  const second = (name: string) =>
    `if(${name} = 0, NULL, round(toUnixTimestamp64Milli(${name}) / 1000 - 1777629600, 3)) AS ${name}`;
  const names = (name: string) => `arrayMap(d -> trimRight(toString(d), '.'), ${name}) AS ${name}`;
  return store.rows(`SELECT node, container_id, kind, known_by, container_name, pod, pod_uid, sandbox_id, image_digest, ended_by, exit_status,
      ${['created_at', 'started_at', 'ended_at', 'removed_at', 'first_seen', 'last_seen'].map(second).join(', ')},
      ${['begin_digests', 'end_digests', 'digests'].map(names).join(', ')}
    FROM containers FINAL ORDER BY node, first_seen, container_id`);
}
const only = async (): Promise<Row> => {
  const all = await containers();
  expect(all).toHaveLength(1);
  return all[0] ?? {};
};

describe('by the runtime', () => {
  const life = [event(1, '/containers/create'), event(2, '/tasks/start', { pid: 10 })];
  test('a lifetime is proved at both ends', async () => {
    await runtime(...life, event(9, '/tasks/exit', { pid: 10, exit_status: 3 }), event(10, '/containers/delete'));
    expect(await only()).toMatchObject({
      ...{
        kind: 'container',
        known_by: ['runtime'],
        created_at: 1,
        started_at: 2,
        ended_at: 9,
        removed_at: 10,
        exit_status: 3,
      },
      ...{ ended_by: 'exit', first_seen: 1, last_seen: 10, begin_digests: ['/containers/create@1', '/tasks/start@2'] },
      end_digests: ['/containers/delete@10', '/tasks/exit@9'],
    });
  });
  test.each([
    [
      'a signal',
      [event(9, '/tasks/exit', { exit_status: 143 })],
      { ended_by: 'signal', exit_status: 143, ended_at: 9 },
    ],
    [
      'memory',
      [event(8, '/tasks/oom'), event(9, '/tasks/exit', { exit_status: 137 })],
      { ended_by: 'oom', ended_at: 9 },
    ],
    ['nothing, though a child of it ran out of memory', [event(8, '/tasks/oom')], { ended_by: '', ended_at: null }],
    [
      'somebody who removed it, when no exit was told',
      [event(9, '/containers/delete')],
      { ended_by: 'deleted', ended_at: 9 },
    ],
    [
      'an end of which no status was told',
      [event(9, '/tasks/exit', { exit_status: -1 })],
      { ended_by: 'unknown', ended_at: 9 },
    ],
    [
      'nothing, where an exec in it ended',
      [event(9, '/tasks/exit', { exec_id: 'probe', exit_status: 1 })],
      { ended_by: '', ended_at: null },
    ],
    [
      'nothing, where it was started again (Docker)',
      [event(8, '/tasks/exit', { exit_status: 1 }), event(9, '/tasks/start')],
      { ended_by: '', ended_at: null, exit_status: -1 },
    ],
  ])('it is ended by %s', async (_, rows, expected) => {
    await runtime(...life, ...rows);
    expect(await only()).toMatchObject(expected);
  });
  test('one that is started again in its pod ends the one before, a pod recreated under its name does not', async () => {
    const labels = { pod_name: 'web-0', pod_namespace: 'shop', pod_uid: 'uid-1', container_name: 'web' };
    await runtime(
      event(1, '/containers/create', labels),
      event(20, '/containers/create', { ...labels, container_id: OTHER }),
      event(30, '/containers/create', { ...labels, container_id: SANDBOX, pod_uid: 'uid-2' }),
    );
    expect(await containers()).toMatchObject([
      { container_id: ID, ended_by: 'unknown', ended_at: 20, end_digests: ['/containers/create@20'] },
      { container_id: OTHER, ended_by: '', ended_at: null },
      { container_id: SANDBOX, ended_by: '' },
    ]);
  });
  test('one id on two nodes is two containers', async () => {
    await runtime(event(1, '/containers/create'), event(5, '/containers/create', { node: 'n2' }));
    expect(await containers()).toMatchObject([
      { node: 'n1', created_at: 1 },
      { node: 'n2', created_at: 5 },
    ]);
  });
  test('a node that started again, or was removed, ends what ran on it before and nothing else', async () => {
    await runtime(
      ...life,
      event(30, '/containers/create', { container_id: OTHER }),
      event(1, '/containers/create', { node: 'n2' }),
    );
    await auditd({
      ...execution(20, ['boot']),
      syscall_name: '',
      record_types: ['SYSTEM_BOOT'],
      digests: [digest('boot')],
    });
    await api(
      pod(40, [], {
        resource: 'nodes',
        name: 'n2',
        verb: 'delete',
        subresource: '',
        username: 'admin',
        digest: digest('drop n2'),
      }),
    );
    expect(await containers()).toMatchObject([
      { container_id: ID, ended_by: 'node gone', ended_at: 20, end_digests: ['boot'] },
      { container_id: OTHER, ended_by: '' },
      { node: 'n2', ended_by: 'node gone', ended_at: 40, end_digests: ['drop n2'] },
    ]);
  });
});

describe('by the API alone', () => {
  test('statuses tell of a container, of the one it took the place of, of init and ephemeral ones', async () => {
    await api(
      pod(9, [
        status('init', 'prepare', 'init-id', { started_at: at(1), finished_at: at(2) }),
        status('container', 'web', ID, { started_at: at(8) }),
        status('container', 'web', OTHER, {
          started_at: at(3),
          finished_at: at(7),
          exit_code: 137,
          reason: 'OOMKilled',
          image_id: '',
        }),
        status('ephemeral', 'debugger', 'debug-id', { started_at: at(9), image_id: 'sha256:abc' }),
      ]),
    );
    expect(await containers()).toMatchObject([
      { container_id: 'init-id', kind: 'init', started_at: 1, ended_at: 2, ended_by: 'exit', exit_status: 0 },
      { container_id: OTHER, kind: 'container', started_at: 3, ended_at: 7, ended_by: 'oom', exit_status: 137 },
      {
        ...{
          container_id: ID,
          kind: 'container',
          known_by: ['api'],
          node: 'n1',
          pod: 'web-0',
          pod_uid: 'uid-1',
          container_name: 'web',
        },
        ...{ started_at: 8, ended_by: '', image_digest: `sha256:${'1'.repeat(64)}`, begin_digests: ['pod@9'] },
      },
      { container_id: 'debug-id', kind: 'ephemeral' },
    ]);
  });
  test('what the kubelet wrote goes before what others write into a status', async () => {
    await api(
      pod(5, [status('container', 'web', ID, { started_at: at(4) })]),
      pod(9, [status('container', 'evil', ID, { started_at: at(4) })], {
        username: 'mallory',
        object_uid: 'uid-9',
        name: 'evil',
      }),
    );
    expect(await only()).toMatchObject({ pod: 'web-0', pod_uid: 'uid-1', container_name: 'web' });
  });
  test('a pod that the kubelet removed takes its containers along; a request to delete it does not', async () => {
    await api(
      pod(5, [status('container', 'web', ID, { started_at: at(4) })]),
      pod(6, [], { verb: 'delete', subresource: '', username: 'alice' }),
    );
    expect(await only()).toMatchObject({ ended_by: '' });
    await api(pod(8, [], { verb: 'delete', subresource: '' }));
    expect(await only()).toMatchObject({ ended_by: 'deleted', ended_at: 8, end_digests: ['pod@8'] });
  });
  test('names of init and debug containers tell the kind of one that the runtime knows', async () => {
    await api(
      pod(1, [], {
        subresource: '',
        verb: 'create',
        init_containers: ['prepare'],
        ephemeral_containers: ['debugger=busybox'],
      }),
    );
    const labels = { pod_uid: 'uid-1', kind: 'container' };
    await runtime(
      event(2, '/containers/create', { ...labels, container_name: 'prepare' }),
      event(3, '/containers/create', { ...labels, container_name: 'debugger', container_id: OTHER }),
      event(4, '/containers/create', { ...labels, kind: 'sandbox', container_id: SANDBOX }),
    );
    expect((await containers()).map((c) => c['kind'])).toEqual(['init', 'ephemeral', 'sandbox']);
  });
  test('a node that is called otherwise there is the same, where only one has that container', async () => {
    await api(pod(5, [status('container', 'web', ID, { started_at: at(4) })], { username: 'system:node:n1.example' }));
    await runtime(event(3, '/tasks/start'));
    expect(await only()).toMatchObject({ node: 'n1', pod: 'web-0', known_by: ['runtime', 'api'] });
  });
});

describe('by auditd alone', () => {
  const shim = (id: string, more: Row = {}) =>
    execution(1, ['containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', id, '-address', '/run/c.sock'], {
      pid: 50,
      ppid: 1,
      ...more,
    });
  const runc = (second: number, verb: string, id: string, more: Row = {}) =>
    execution(
      second,
      ['runc', '--root', '/run/containerd/runc/k8s.io', '--log', `/run/t/k8s.io/${id}/log.json`, verb, id],
      more,
    );

  test("containerd's shim and runc tell of sandbox and container, begin and end", async () => {
    await auditd(
      shim(SANDBOX),
      runc(2, 'create', SANDBOX),
      runc(3, 'start', SANDBOX),
      runc(4, 'create', ID),
      runc(5, 'start', ID),
      runc(9, 'delete', ID),
    );
    expect(await containers()).toMatchObject([
      { container_id: SANDBOX, kind: 'sandbox', sandbox_id: SANDBOX, ended_by: '', known_by: ['auditd'] },
      {
        ...{
          container_id: ID,
          kind: 'container',
          sandbox_id: SANDBOX,
          created_at: 4,
          started_at: 5,
          ended_at: 9,
          ended_by: 'deleted',
        },
        ...{ begin_digests: ['create@4', 'start@5'], end_digests: ['delete@9'] },
      },
    ]);
  });
  test('with the API, a sandbox is of its containers’ pod, and the exit is known', async () => {
    await auditd(shim(SANDBOX), runc(2, 'create', SANDBOX), runc(4, 'create', ID), runc(9.25, 'delete', ID));
    await api(pod(10, [status('container', 'web', ID, { started_at: at(5), finished_at: at(9), exit_code: 2 })]));
    expect(await containers()).toMatchObject([
      { container_id: SANDBOX, pod: 'web-0', pod_uid: 'uid-1', kind: 'sandbox' },
      { container_id: ID, ended_by: 'exit', exit_status: 2, ended_at: 9.25, known_by: ['api', 'auditd'] },
    ]);
  });
  test("CRI-O's conmon and crun tell of a container; its removal, long after its end, is not its end", async () => {
    const bundle = `/run/containers/storage/overlay-containers/${ID}/userdata`;
    await auditd(
      execution(2, ['conmon', '-b', bundle, '-c', ID, '-r', '/usr/bin/crun', '-u', ID]),
      execution(3, ['crun', '--systemd-cgroup', 'create', '--bundle', bundle, '--pid-file', `${bundle}/pidfile`, ID]),
      execution(4, ['crun', 'start', ID]),
      execution(50, ['crun', 'delete', '--force', ID]),
    );
    await api(pod(10, [status('container', 'web', ID, { started_at: at(4), finished_at: at(9) })]));
    expect(await only()).toMatchObject({ created_at: 3, started_at: 4, ended_at: 9, removed_at: 50, ended_by: 'exit' });
  });
  test('Docker’s shims, new and old, and podman’s names are read', async () => {
    const workdir = `/var/lib/docker/containerd/daemon/io.containerd.runtime.v1.linux/moby/${OTHER}`;
    await auditd(
      execution(1, [
        'containerd-shim-runc-v2',
        '-namespace',
        'moby',
        '-id',
        ID,
        '-address',
        '/run/containerd/containerd.sock',
      ]),
      execution(2, [
        'docker-containerd-shim',
        '-namespace',
        'moby',
        '-workdir',
        workdir,
        '-address',
        '/run/docker/c.sock',
      ]),
      execution(3, [
        'runc',
        '--log',
        '/run/t/default/probe-1/log.json',
        'create',
        '--bundle',
        '/run/t/default/probe-1',
        'probe-1',
      ]),
    );
    expect((await containers()).map((c) => c['container_id'])).toEqual([ID, OTHER, 'probe-1']);
  });
  test('a program in a container that calls itself runc makes no container up', async () => {
    await auditd(
      { ...runc(2, 'create', ID), path_names: ['runc'], path_devs: ['fe:00'], path_types: ['NORMAL'] },
      { ...runc(3, 'create', OTHER), path_names: ['runc'], path_devs: ['00:5c'], path_types: ['NORMAL'] },
    );
    expect((await containers()).map((c) => c['container_id'])).toEqual([ID]);
  });
  test('what a collector read of cgroups tells of a container that nothing else tells of', async () => {
    const note = { cgroup_container_id: ID, container_from: 'cgroup' };
    await auditd(
      execution(3, ['sh'], note),
      execution(8, ['ls'], note),
      execution(5, ['id'], { container_from: 'host' }),
    );
    expect(await only()).toMatchObject({
      known_by: ['cgroup'],
      first_seen: 3,
      last_seen: 8,
      ended_by: '',
      digests: ['ls@8', 'sh@3'],
    });
  });
});
