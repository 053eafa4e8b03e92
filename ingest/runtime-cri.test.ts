// CRI, as containerd and CRI-O speak it: from the bytes to the row, every column expected by hand.
import { describe, expect, it } from 'vitest';
import { ask, empty, load, nothing, ofContainer, ofPod, rowOf, time, useStore } from './test-support/runtime-rows.ts';
import {
  containerdEvents,
  criContainer,
  criContainerReply,
  criEvent,
  criEventInSnakeCase,
  criSandbox,
  dockerEvent,
  dockerLine,
  IMAGE,
  IMAGE_ID,
  labels,
  MANIFEST,
  podLabels,
  SANDBOX,
} from './test-support/runtime-samples.ts';

useStore();

describe('an event of CRI', () => {
  const event = {
    ...nothing,
    ...ofContainer,
    runtime_namespace: 'k8s.io',
    image: IMAGE,
    image_digest: MANIFEST,
    labels,
    kind: 'container',
    sandbox_id: SANDBOX,
  };
  it.each([
    [0, 'CREATED', '/containers/create', 0],
    [1, 'STARTED', '/tasks/start', 0],
    [2, 'STOPPED', '/tasks/exit', 137],
    [3, 'DELETED', '/containers/delete', 0],
  ])('%s, %s, is %s in both spellings', async (n, type, topic, exit_status) => {
    const expected = { ...event, topic, exit_status };
    expect(await rowOf(criEvent('1', type))).toEqual(expected);
    expect(await rowOf(criEventInSnakeCase('1', n))).toEqual(expected);
  });

  it('of a sandbox has the pod, and no container name', async () => {
    expect(await rowOf(criEvent('1', 'STARTED', SANDBOX))).toEqual({
      ...event,
      topic: '/tasks/start',
      container_id: SANDBOX,
      container_name: '',
      image: '',
      image_digest: '',
      kind: 'sandbox',
      labels: { ...podLabels, 'io.kubernetes.container.name': 'POD' },
    });
  });

  it('that no status belongs to knows the pod, but neither image nor exit', async () => {
    expect(await rowOf({ ...criEvent('1', 'STOPPED'), containersStatuses: [] })).toEqual({
      ...event,
      topic: '/tasks/exit',
      exit_status: -1,
      container_name: '',
      image: '',
      image_digest: '',
      labels: {},
      kind: '',
    });
  });
});

describe('a status document of CRI', () => {
  const container = {
    ...nothing,
    ...ofContainer,
    runtime_namespace: 'k8s.io',
    topic: 'container',
    pid: 30279,
    exit_status: 137,
    image: IMAGE,
    image_digest: MANIFEST,
    labels,
    kind: 'container',
    sandbox_id: SANDBOX,
    args: ['/entry', 'serve'],
    env_names: ['PATH', 'TOKEN'],
    mount_sources: ['/data', '/var/lib/kubelet/pods/1/etc-hosts'],
    mount_targets: ['/d', '/etc/hosts'],
    privileged: true,
    capabilities: ['CAP_CHOWN'],
    namespaces: ['pid', 'network'],
    cgroup: 'kubepods.slice:crio:1',
    created_at: time('1'),
    started_at: time('2'),
    finished_at: time('3'),
  };
  it('as crictl prints it and as the runtime replies is one row', async () => {
    const row = await rowOf(criContainer);
    expect(row).toEqual(container);
    expect(JSON.stringify(row)).not.toContain('secret');
    expect(await rowOf(criContainerReply)).toEqual(container);
  });

  it('without info has the mounts of the pod, and no pid', async () => {
    expect(await rowOf({ status: criContainer.status })).toEqual({
      ...container,
      pid: -1,
      sandbox_id: '',
      args: [],
      env_names: [],
      mount_sources: ['/data'],
      mount_targets: ['/d'],
      privileged: false,
      capabilities: [],
      namespaces: [],
      cgroup: '',
    });
  });

  it('with an id for a name has what the pod asked for', async () => {
    const status = {
      ...criContainer.status,
      image: { image: 'c'.repeat(64), userSpecifiedImage: IMAGE },
      imageRef: 'c'.repeat(64),
    };
    expect(await rowOf({ status })).toMatchObject({ image: IMAGE, image_digest: '', image_id: IMAGE_ID });
  });

  it('of a sandbox', async () => {
    expect(await rowOf(criSandbox)).toEqual({
      ...nothing,
      ...ofPod,
      runtime_namespace: 'k8s.io',
      topic: 'container',
      container_id: SANDBOX,
      pid: 30200,
      image: 'registry.k8s.io/pause:3.9',
      labels: { ...podLabels, 'io.kubernetes.container.name': 'POD' },
      kind: 'sandbox',
      sandbox_id: SANDBOX,
      args: ['/pause'],
      created_at: time('1'),
    });
  });
});

describe('the same fact, told by', () => {
  const told =
    'topic, container_id, exit_status, image, pod_name, pod_namespace, pod_uid, container_name, kind, sandbox_id';
  it('Docker and CRI is the same, and as containerd tells it', async () => {
    for (const [docker, cri, text] of [
      ['create', 'CREATED', 0],
      ['start', 'STARTED', 2],
      ['die', 'STOPPED', 5],
    ] as const) {
      await empty();
      const exit = docker === 'die' ? { exitCode: '137' } : {};
      await load(
        `${dockerLine(dockerEvent('1', docker, exit))}\n${JSON.stringify(criEvent('1', cri))}\n${containerdEvents.text[text]}\n`,
      );
      expect(await ask(`SELECT DISTINCT ${told} FROM runtime FINAL WHERE pod_name != ''`)).toHaveLength(1);
      expect(await ask('SELECT DISTINCT topic, container_id, exit_status FROM runtime FINAL')).toHaveLength(1);
    }
  });
});
