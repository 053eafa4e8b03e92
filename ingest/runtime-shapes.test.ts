// What container runtimes tell, in every shape it comes in: from the bytes to the row, each column expected by hand.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Row, Store } from '../analytics/store/store.ts';
import { importPaths } from './import.ts';
import {
  CONTAINER,
  containerdEvents,
  containerdImage,
  containerdImageFetched,
  criContainer,
  criContainerReply,
  criEvent,
  criEventInSnakeCase,
  criImage,
  criSandbox,
  dockerContainer,
  dockerEvent,
  dockerImage,
  dockerLabels,
  dockerLine,
  EXEC,
  IMAGE,
  IMAGE_ID,
  labels,
  MANIFEST,
  oldPodmanEvent,
  podLabels,
  podmanContainer,
  podmanEvent,
  podmanImage,
  SANDBOX,
} from './test-support/runtime-samples.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-runtimes-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
const empty = async () => {
  for (const table of ['records', 'receipts', 'runtime', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
};
beforeEach(empty);

let files = 0;
async function load(text: string | Buffer) {
  const home = join(directory, `in${++files}`);
  mkdirSync(home);
  writeFileSync(join(home, 'runtime.log'), text);
  const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
  return importPaths([home], { node: 'worker-1', cluster: 'prod' }, deps);
}
const rows = (): Promise<Row[]> =>
  store.rows('SELECT * EXCEPT (cluster, node, digest, loader, seq, version) FROM runtime FINAL ORDER BY time, topic');

/** The one row of one record; it has been recognised and has an identity, or there is none. */
async function rowOf(record: object | string): Promise<Row> {
  await empty();
  expect(await load(`${typeof record === 'string' ? record : JSON.stringify(record)}\n`)).toMatchObject({
    records: 1,
    dead_letters: 0,
  });
  const [row, ...others] = await rows();
  expect(others).toEqual([]);
  const [{ same } = {}] = await store.rows(
    'SELECT (SELECT event_time FROM records) = (SELECT time FROM runtime FINAL) AS same',
  );
  expect(same).toBeTruthy();
  return row ?? {};
}

const UNKNOWN_TIME = '1970-01-01T00:00:00.000000000Z';
const time = (fraction: string) => `2026-11-23T13:09:58.${fraction.padEnd(9, '0')}Z`;
/** Every column, as it is where nothing is told. */
const nothing = {
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
const ofPod = {
  pod_name: 'web',
  pod_namespace: 'shop',
  pod_uid: podLabels['io.kubernetes.pod.uid'],
};
const ofContainer = { ...ofPod, container_id: CONTAINER, container_name: 'app' };

describe('containerd events in JSON', () => {
  it.each(['json', 'protojson', 'typeUrl'] as const)('as %s are the rows of the same events as text', async (shape) => {
    await load(`${containerdEvents.text.join('\n')}\n`);
    const expected = await rows();
    expect(expected).toHaveLength(containerdEvents.text.length);
    expect(expected[1]).toEqual({
      ...nothing,
      time: time('2'),
      runtime_namespace: 'k8s.io',
      topic: '/tasks/create',
      container_id: CONTAINER,
      pid: 30279,
      bundle: '/run/b',
      upper_dir: '/u',
    });
    expect(expected[4]).toMatchObject({ topic: '/tasks/exit', exec_id: EXEC, pid: 30300, exit_status: 1 });
    expect(expected[5]).toMatchObject({ topic: '/tasks/exit', exec_id: '', pid: 30279, exit_status: 137 });
    expect(expected[6]).toMatchObject({ topic: '/images/create', container_id: '', image: IMAGE });
    await empty();
    expect(await load(`${containerdEvents[shape].join('\n')}\n`)).toMatchObject({ dead_letters: 0 });
    expect(await rows()).toEqual(expected);
  });
});

describe('an image document', () => {
  const image = {
    ...nothing,
    topic: 'image',
    image: IMAGE,
    image_digest: MANIFEST,
    image_id: IMAGE_ID,
    image_names: [IMAGE, `registry.example/web@${MANIFEST}`],
    args: ['serve'],
    env_names: ['PATH'],
  };
  it('of containerd joins its name and the digest of its manifest', async () => {
    expect(await rowOf(containerdImage)).toEqual({
      ...image,
      time: time('2'),
      runtime_namespace: 'k8s.io',
      image_id: '',
      image_names: [IMAGE],
      labels: { 'io.cri-containerd.image': 'managed' },
      args: [],
      env_names: [],
    });
  });
  it('of containerd has what its configuration tells, where that was fetched', async () => {
    const row = await rowOf(containerdImageFetched);
    expect(row).toEqual({ ...image, image_names: [IMAGE], env_names: ['PATH', 'TOKEN'] });
    expect(JSON.stringify(row)).not.toContain('secret');
  });
  it('of Docker has all its names, and the time it got one', async () => {
    expect(await rowOf(dockerImage)).toEqual({
      ...image,
      runtime_namespace: 'moby',
      image_names: [IMAGE, 'registry.example/web:latest', `registry.example/web@${MANIFEST}`],
      labels: { maintainer: 'm' },
      args: ['/entry', 'serve'],
    });
  });
  it('of CRI', async () => {
    const time2024 = '2024-01-01T00:00:00.000000000Z';
    expect(await rowOf(criImage)).toEqual({ ...image, time: time2024, runtime_namespace: 'k8s.io' });
  });
  it('of podman', async () => {
    expect(await rowOf(podmanImage)).toEqual({ ...image, runtime_namespace: 'podman' });
  });
});

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
      expect(await store.rows(`SELECT DISTINCT ${told} FROM runtime FINAL WHERE pod_name != ''`)).toHaveLength(1);
      expect(await store.rows('SELECT DISTINCT topic, container_id, exit_status FROM runtime FINAL')).toHaveLength(1);
    }
  });
});

describe('hostile records', () => {
  const samples: Record<string, string> = {
    'containerd-json': containerdEvents.json[5] ?? '',
    'containerd-image': JSON.stringify(containerdImage),
    'docker-event': dockerLine(dockerEvent('1', 'start')),
    'docker-container': JSON.stringify(dockerContainer),
    'docker-image': JSON.stringify(dockerImage),
    'cri-event': JSON.stringify(criEvent('1', 'STARTED')),
    'cri-container': JSON.stringify(criContainerReply),
    'cri-sandbox': JSON.stringify({ status: criSandbox.status, info: criSandbox.info }),
    'cri-image': JSON.stringify(criImage),
    'podman-event': podmanEvent('1', 'start'),
    'podman-container': JSON.stringify(podmanContainer),
    'podman-image': JSON.stringify(podmanImage),
  };

  it.each(Object.entries(samples))('%s with CRLF is the same row', async (_, sample) => {
    expect(await rowOf(`${sample}\r`)).toEqual(await rowOf(sample));
  });

  it.each(Object.entries(samples))('%s cut short is kept and told, and what follows is read', async (_, sample) => {
    expect(await load(`${sample}\n${sample.slice(0, -1)}\n${sample}\n`)).toMatchObject({ records: 2, duplicates: 1 });
    expect(await store.rows('SELECT reason FROM dead_letters FINAL')).toEqual([{ reason: 'invalid-json' }]);
    expect(await rows()).toHaveLength(1);
  });

  it.each(Object.entries(samples))('%s with bytes that are no UTF-8 is a row or a dead letter', async (_, sample) => {
    const broken = Buffer.from(sample.replace(/web|k8s/, 'w\u0001b'));
    broken[broken.indexOf(1)] = 0xff;
    const { records, dead_letters } = await load(
      Buffer.concat([Buffer.from(`${sample}\n`), broken, Buffer.from('\n')]),
    );
    expect(records).toBe(2);
    expect((await rows()).length + dead_letters).toBe(2);
  });

  it.each(Object.entries(samples))(
    '%s with every value of another type is a row or a dead letter',
    async (_, sample) => {
      const turned: string[] = [];
      for (const [from, to] of [
        [/"([^"\\]*)"(?=[,}\]])/g, '7'],
        [/"([^"\\]*)"(?=[,}\]])/g, '[[]]'],
        [/(?<=:)-?\d+/g, '"x"'],
        [/(?<=:)\d+/g, '99999999999999999999999'],
        [/(?<=:)\{/g, '[{'],
        [/(?<=:)\[[^[\]{}]*\]/g, '{"a":null}'],
        [/(?<=:)("[^"\\]*"|-?\d+)/g, 'null'],
      ] as const) {
        const text = sample.replace(from, to);
        turned.push(text.includes('[{') && to === '[{' ? text.replaceAll('}', '}]').replace(/\]$/, '') : text);
      }
      const { records, dead_letters } = await load(`${sample}\n${turned.join('\n')}\n`);
      const [{ made } = {}] = await store.rows('SELECT uniqExact(digest) AS made FROM runtime FINAL');
      expect(Number(made) + dead_letters).toBe(records);
    },
  );

  it.each([
    ['docker-container', JSON.stringify({ ...dockerContainer, Id: '' })],
    ['docker-image', JSON.stringify({ ...dockerImage, Id: null })],
    ['docker-event', '{"Type":"container","Action":"start","Actor":{"ID":"","Attributes":{}},"time":1795439398}'],
    ['docker-event without a time', `{"Type":"container","Action":"start","Actor":{"ID":"${CONTAINER}"}}`],
    ['cri-event', JSON.stringify({ ...criEvent('1', 'STARTED'), containerId: '' })],
    ['cri-event without a time', JSON.stringify({ ...criEvent('1', 'STARTED'), createdAt: 'never' })],
    ['cri-container', JSON.stringify({ status: { ...criContainer.status, id: '' } })],
    ['containerd-json', (containerdEvents.json[2] ?? '').replace(/"timestamp":"[^"]*"/, '"timestamp":"never"')],
    ['containerd-image', '{"name":"","target":{"digest":"sha256:1"}}'],
  ])('%s that does not say what it is of lacks its identity', async (_, record) => {
    await load(`${containerdEvents.text[0]}\n${record}\n`);
    expect(await store.rows('SELECT reason FROM dead_letters FINAL')).toEqual([{ reason: 'missing-identity' }]);
  });

  it('an image cannot hide its containers with labels that other formats are told by', async () => {
    const hiding = { ...dockerLabels, auditID: 'x', auditd: 'x', sequence: 'x', _AUDIT_ID: 'x', kind: 'Event' };
    const { Actor, ...event } = dockerEvent('1', 'start');
    const marked = { ...event, Actor: { ...Actor, Attributes: { ...Actor.Attributes, ...hiding } } };
    expect(await rowOf(dockerLine(marked))).toMatchObject(ofContainer);
    const Config = { ...dockerContainer.Config, Labels: hiding };
    expect(await rowOf({ ...dockerContainer, Config })).toMatchObject(ofContainer);
    const document = {
      observedAt: time('1'),
      namespace: 'k8s.io',
      id: CONTAINER,
      info: { ID: CONTAINER, Labels: { ...labels, ...hiding } },
    };
    expect(await rowOf(document)).toMatchObject(ofContainer);
  });
});
