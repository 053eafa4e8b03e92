// Containers that auditd and collectors on their node tell of, from made-up rows in the shapes of runc, crun, conmon and shims.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../store/store.ts';
import {
  at,
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
    await made.auditd(
      shim(SANDBOX),
      runc(2, 'create', SANDBOX),
      runc(3, 'start', SANDBOX),
      runc(4, 'create', ID),
      runc(5, 'start', ID),
      runc(9, 'delete', ID),
    );
    expect(await made.containers()).toMatchObject([
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
    await made.auditd(shim(SANDBOX), runc(2, 'create', SANDBOX), runc(4, 'create', ID), runc(9.25, 'delete', ID));
    await made.api(pod(10, [status('container', 'web', ID, { started_at: at(5), finished_at: at(9), exit_code: 2 })]));
    expect(await made.containers()).toMatchObject([
      { container_id: SANDBOX, pod: 'web-0', pod_uid: 'uid-1', kind: 'sandbox' },
      { container_id: ID, ended_by: 'exit', exit_status: 2, ended_at: 9.25, known_by: ['api', 'auditd'] },
    ]);
  });
  test("CRI-O's conmon and crun tell of a container; its removal, long after its end, is not its end", async () => {
    const bundle = `/run/containers/storage/overlay-containers/${ID}/userdata`;
    await made.auditd(
      execution(2, ['conmon', '-b', bundle, '-c', ID, '-r', '/usr/bin/crun', '-u', ID]),
      execution(3, ['crun', '--systemd-cgroup', 'create', '--bundle', bundle, '--pid-file', `${bundle}/pidfile`, ID]),
      execution(4, ['crun', 'start', ID]),
      execution(50, ['crun', 'delete', '--force', ID]),
    );
    await made.api(pod(10, [status('container', 'web', ID, { started_at: at(4), finished_at: at(9) })]));
    expect(await only()).toMatchObject({ created_at: 3, started_at: 4, ended_at: 9, removed_at: 50, ended_by: 'exit' });
  });
  test('Docker’s shims, new and old, and podman’s names are read', async () => {
    const workdir = `/var/lib/docker/containerd/daemon/io.containerd.runtime.v1.linux/moby/${OTHER}`;
    await made.auditd(
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
    expect((await made.containers()).map((c) => c['container_id'])).toEqual([ID, OTHER, 'probe-1']);
  });
  test('a program in a container that calls itself runc makes no container up', async () => {
    await made.auditd(
      { ...runc(2, 'create', ID), path_names: ['runc'], path_devs: ['fe:00'], path_types: ['NORMAL'] },
      { ...runc(3, 'create', OTHER), path_names: ['runc'], path_devs: ['00:5c'], path_types: ['NORMAL'] },
    );
    expect((await made.containers()).map((c) => c['container_id'])).toEqual([ID]);
  });
  test('what a collector read of cgroups tells of a container that nothing else tells of', async () => {
    const note = { cgroup_container_id: ID, container_from: 'cgroup' };
    await made.auditd(
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
