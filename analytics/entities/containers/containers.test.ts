// Containers from made-up rows of the typed tables: what the runtime and the API alone tell of a lifetime, and what ended it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../store/store.ts';
import {
  at,
  digest,
  event,
  execution,
  ID,
  type MadeContainers,
  OTHER,
  openContainers,
  pod,
  SANDBOX,
  status,
} from '../test-support/typed-rows.ts';

let made: MadeContainers;
beforeAll(async () => {
  made = await openContainers();
});
afterAll(() => made.close());
beforeEach(() => made.empty());

async function only(): Promise<Row> {
  const all = await made.containers();
  expect(all).toHaveLength(1);
  return all[0] ?? {};
}

describe('by the runtime', () => {
  const life = [event(1, '/containers/create'), event(2, '/tasks/start', { pid: 10 })];
  test('a lifetime is proved at both ends', async () => {
    await made.runtime(...life, event(9, '/tasks/exit', { pid: 10, exit_status: 3 }), event(10, '/containers/delete'));
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
    await made.runtime(...life, ...rows);
    expect(await only()).toMatchObject(expected);
  });
  test('one that is started again in its pod ends the one before, a pod recreated under its name does not', async () => {
    const labels = { pod_name: 'web-0', pod_namespace: 'shop', pod_uid: 'uid-1', container_name: 'web' };
    await made.runtime(
      event(1, '/containers/create', labels),
      event(20, '/containers/create', { ...labels, container_id: OTHER }),
      event(30, '/containers/create', { ...labels, container_id: SANDBOX, pod_uid: 'uid-2' }),
    );
    expect(await made.containers()).toMatchObject([
      { container_id: ID, ended_by: 'unknown', ended_at: 20, end_digests: ['/containers/create@20'] },
      { container_id: OTHER, ended_by: '', ended_at: null },
      { container_id: SANDBOX, ended_by: '' },
    ]);
  });
  test('one id on two nodes is two containers', async () => {
    await made.runtime(event(1, '/containers/create'), event(5, '/containers/create', { node: 'n2' }));
    expect(await made.containers()).toMatchObject([
      { node: 'n1', created_at: 1 },
      { node: 'n2', created_at: 5 },
    ]);
  });
  test('a node that started again, or was removed, ends what ran on it before and nothing else', async () => {
    await made.runtime(
      ...life,
      event(30, '/containers/create', { container_id: OTHER }),
      event(1, '/containers/create', { node: 'n2' }),
    );
    await made.auditd({
      ...execution(20, ['boot']),
      syscall_name: '',
      record_types: ['SYSTEM_BOOT'],
      digests: [digest('boot')],
    });
    await made.api(
      pod(40, [], {
        resource: 'nodes',
        name: 'n2',
        verb: 'delete',
        subresource: '',
        username: 'admin',
        digest: digest('drop n2'),
      }),
    );
    expect(await made.containers()).toMatchObject([
      { container_id: ID, ended_by: 'node gone', ended_at: 20, end_digests: ['boot'] },
      { container_id: OTHER, ended_by: '' },
      { node: 'n2', ended_by: 'node gone', ended_at: 40, end_digests: ['drop n2'] },
    ]);
  });
});

describe('by the API alone', () => {
  test('statuses tell of a container, of the one it took the place of, of init and ephemeral ones', async () => {
    await made.api(
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
    expect(await made.containers()).toMatchObject([
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
    await made.api(
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
    await made.api(
      pod(5, [status('container', 'web', ID, { started_at: at(4) })]),
      pod(6, [], { verb: 'delete', subresource: '', username: 'alice' }),
    );
    expect(await only()).toMatchObject({ ended_by: '' });
    await made.api(pod(8, [], { verb: 'delete', subresource: '' }));
    expect(await only()).toMatchObject({ ended_by: 'deleted', ended_at: 8, end_digests: ['pod@8'] });
  });
  test('names of init and debug containers tell the kind of one that the runtime knows', async () => {
    await made.api(
      pod(1, [], {
        subresource: '',
        verb: 'create',
        init_containers: ['prepare'],
        ephemeral_containers: ['debugger=busybox'],
      }),
    );
    const labels = { pod_uid: 'uid-1', kind: 'container' };
    await made.runtime(
      event(2, '/containers/create', { ...labels, container_name: 'prepare' }),
      event(3, '/containers/create', { ...labels, container_name: 'debugger', container_id: OTHER }),
      event(4, '/containers/create', { ...labels, kind: 'sandbox', container_id: SANDBOX }),
    );
    expect((await made.containers()).map((c) => c['kind'])).toEqual(['init', 'ephemeral', 'sandbox']);
  });
  test('a node that is called otherwise there is the same, where only one has that container', async () => {
    await made.api(
      pod(5, [status('container', 'web', ID, { started_at: at(4) })], { username: 'system:node:n1.example' }),
    );
    await made.runtime(event(3, '/tasks/start'));
    expect(await only()).toMatchObject({ node: 'n1', pod: 'web-0', known_by: ['runtime', 'api'] });
  });
});
