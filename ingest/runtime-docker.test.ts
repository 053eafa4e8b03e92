// Docker and podman: from the bytes to the row, every column expected by hand.
import { describe, expect, it } from 'vitest';
import { nothing, ofContainer, rowOf, time, useStore } from './test-support/runtime-rows.ts';
import {
  CONTAINER,
  dockerContainer,
  dockerEvent,
  dockerLabels,
  dockerLine,
  EXEC,
  IMAGE,
  IMAGE_ID,
  MANIFEST,
  oldPodmanEvent,
  podmanContainer,
  podmanEvent,
  SANDBOX,
} from './test-support/runtime-samples.ts';

useStore();

describe('an event of Docker', () => {
  const event = {
    ...nothing,
    ...ofContainer,
    runtime_namespace: 'moby',
    image: IMAGE,
    labels: dockerLabels,
    kind: 'container',
    sandbox_id: SANDBOX,
  };
  const ofSandbox = { 'io.kubernetes.docker.type': 'podsandbox', 'io.kubernetes.container.name': 'POD' };
  it.each<[string, object, object]>([
    ['create', {}, { topic: '/containers/create' }],
    ['start', {}, { topic: '/tasks/start' }],
    ['die', { exitCode: '137' }, { topic: '/tasks/exit', exit_status: 137 }],
    ['die', {}, { topic: '/tasks/exit', exit_status: -1 }],
    ['oom', {}, { topic: '/tasks/oom' }],
    ['pause', {}, { topic: '/tasks/paused' }],
    ['destroy', {}, { topic: '/containers/delete' }],
    ['kill', { signal: '9' }, { topic: '/container/kill' }],
    ['health_status: healthy', {}, { topic: '/container/health_status' }],
    [
      'exec_create: sh -c echo a: b ',
      { execID: EXEC },
      { topic: '/tasks/exec-added', exec_id: EXEC, args: ['sh -c echo a: b'] },
    ],
    ['exec_start: sh ', { execID: EXEC }, { topic: '/tasks/exec-started', exec_id: EXEC, args: ['sh'] }],
    ['exec_die', { execID: EXEC, exitCode: '1' }, { topic: '/tasks/exit', exec_id: EXEC, exit_status: 1 }],
    ['exec_die', { exitCode: '1' }, { topic: '/container/exec_die' }],
    [
      'create',
      ofSandbox,
      {
        topic: '/containers/create',
        kind: 'sandbox',
        container_name: '',
        sandbox_id: CONTAINER,
        labels: { ...dockerLabels, ...ofSandbox },
      },
    ],
  ])('%s %j is %j', async (action, attributes, expected) => {
    expect(await rowOf(dockerLine(dockerEvent('1', action, attributes)))).toEqual({ ...event, ...expected });
  });

  it('outside of Kubernetes has the name Docker gave the container', async () => {
    const told = dockerEvent('1', 'start');
    const plain = { ...told, Actor: { ID: CONTAINER, Attributes: { image: IMAGE, name: 'web' } } };
    expect(await rowOf(dockerLine(plain))).toEqual({
      ...nothing,
      runtime_namespace: 'moby',
      topic: '/tasks/start',
      container_id: CONTAINER,
      container_name: 'web',
      image: IMAGE,
    });
  });

  it('of an image or a network names the image, or the container it was for', async () => {
    // docker pull, and docker network connect: no status, id and from
    const pull = `{"Type":"image","Action":"pull","Actor":{"ID":"alpine:3","Attributes":{"name":"alpine"}},"scope":"local","time":1795439398,"timeNano":1795439398100000000}`;
    expect(await rowOf(pull)).toEqual({
      ...nothing,
      runtime_namespace: 'moby',
      topic: '/image/pull',
      image: 'alpine',
    });
    const connected = pull
      .replace('"image"', '"network"')
      .replace('pull', 'connect')
      .replace('{"name":"alpine"}', `{"container":"${CONTAINER}","name":"bridge","type":"bridge"}`);
    expect(await rowOf(connected)).toEqual({
      ...nothing,
      runtime_namespace: 'moby',
      topic: '/network/connect',
      container_id: CONTAINER,
    });
  });

  it('without nanoseconds has the second', async () => {
    const { timeNano: _, ...event } = dockerEvent('1', 'start');
    expect(await rowOf(event)).toMatchObject({ time: time('0') });
  });
});

describe('an inspect document', () => {
  it('of Docker has pod, command, mounts, powers and lifetime; of its environment only names', async () => {
    const row = await rowOf(dockerContainer);
    expect(row).toEqual({
      ...nothing,
      ...ofContainer,
      runtime_namespace: 'moby',
      topic: 'container',
      pid: 30279,
      image: IMAGE,
      image_id: IMAGE_ID,
      upper_dir: '/var/lib/docker/overlay2/x/diff',
      labels: dockerLabels,
      kind: 'container',
      sandbox_id: SANDBOX,
      args: ['/entry', 'serve', '--port=80'],
      env_names: ['PATH', 'TOKEN'],
      mount_sources: ['/data', '/var/lib/docker/volumes/v/_data'],
      mount_targets: ['/d', '/v'],
      capabilities: ['CAP_NET_ADMIN', 'CAP_SYS_PTRACE'],
      namespaces: ['mount', 'network', 'ipc', 'uts', 'cgroup'],
      cgroup: `kubepods-besteffort-pod1.slice:docker:${CONTAINER}`,
      created_at: time('1'),
      started_at: time('2'),
    });
    expect(JSON.stringify(row)).not.toContain('secret');
  });

  it('of a Docker container that has ended has no pid, and its exit', async () => {
    const State = { ...dockerContainer.State, Running: false, Pid: 0, ExitCode: 137, FinishedAt: time('3') };
    expect(await rowOf({ ...dockerContainer, State })).toMatchObject({
      pid: -1,
      exit_status: 137,
      finished_at: time('3'),
    });
  });

  it('cut out of a printed array is the same, with its indentation', async () => {
    const item = JSON.stringify(dockerContainer);
    expect(await rowOf(item.replaceAll('":', '": ').replaceAll(',"', ' ,  "'))).toEqual(await rowOf(item));
  });

  it('of an old Docker without mounts has its binds', async () => {
    const { Mounts: _, ...old } = dockerContainer;
    expect(await rowOf(old)).toMatchObject({ mount_sources: ['/data'], mount_targets: ['/d'] });
  });

  it('of podman has the powers in effect', async () => {
    expect(await rowOf(podmanContainer)).toEqual({
      ...nothing,
      runtime_namespace: 'podman',
      topic: 'container',
      container_id: CONTAINER,
      exit_status: 137,
      image: IMAGE,
      image_digest: MANIFEST,
      image_id: IMAGE_ID,
      upper_dir: '/var/lib/containers/storage/overlay/x/diff',
      labels: { app: 'web' },
      container_name: 'web',
      kind: 'container',
      args: ['serve'],
      env_names: ['PATH', 'TOKEN'],
      mount_sources: ['/data'],
      mount_targets: ['/d'],
      privileged: true,
      capabilities: ['CAP_CHOWN', 'CAP_KILL'],
      namespaces: ['mount', 'pid', 'ipc', 'uts'],
      cgroup: '/machine.slice/libpod-1.scope',
      created_at: time('1'),
      started_at: time('2'),
      finished_at: time('3'),
    });
  });
});

describe('an event of podman', () => {
  const event = {
    ...nothing,
    runtime_namespace: 'podman',
    container_id: CONTAINER,
    container_name: 'web',
    image: IMAGE,
    labels: { app: 'web' },
  };
  it.each([
    ['create', '', { topic: '/containers/create' }],
    ['start', '', { topic: '/tasks/start' }],
    ['died', '"ContainerExitCode":137,', { topic: '/tasks/exit', exit_status: 137 }],
    ['died', '"containerExitCode":137,', { topic: '/tasks/exit', exit_status: 137 }],
    ['died', '', { topic: '/tasks/exit', exit_status: -1 }],
    ['exec', '', { topic: '/tasks/exec-started' }],
    ['exec_died', '"ContainerExitCode":1,', { topic: '/container/exec_died' }],
    ['remove', '', { topic: '/containers/delete' }],
    ['cleanup', '', { topic: '/container/cleanup' }],
  ])('%s %s', async (status, more, expected) => {
    expect(await rowOf(podmanEvent('1', status, more))).toEqual({ ...event, ...expected });
  });

  it('of an older version', async () => {
    expect(await rowOf(oldPodmanEvent)).toEqual({ ...event, time: time('2'), topic: '/tasks/start', labels: {} });
  });
});
