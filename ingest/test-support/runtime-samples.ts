// One pod's container, as each runtime tells of it. Written from the specifications named at the heads of
// analytics/decode/runtime-*.sql; ids, names and times are made up. For tests.
export const CONTAINER = '073b698c295456208739e19aea454ceda3d1a96251da8e3210396f03358fe6cc';
export const SANDBOX = '7a43e6cb0a1cbb1c8f1f3b63eb9d3b6d5f0a4e77b6a1c2d3e4f5061728394a5b';
export const EXEC = '2b4b807b7fec89bf8255461e3c2db24071486bb6875b8c50e2848103051c21b0';
export const MANIFEST = `sha256:${'1'.repeat(64)}`;
export const IMAGE_ID = `sha256:${'c'.repeat(64)}`;
export const IMAGE = 'registry.example/web:1';
const POD_UID = '11111111-0000-4000-8000-000000000001';

/** Nanoseconds since 1970 of a time in the second 13:09:58 of the samples. */
export const at = (fraction: string) => `1795439398${fraction.padEnd(9, '0')}`;
const instant = (fraction: string) => `2026-11-23T13:09:58.${fraction.padEnd(9, '0')}Z`;

export const podLabels = {
  'io.kubernetes.pod.name': 'web',
  'io.kubernetes.pod.namespace': 'shop',
  'io.kubernetes.pod.uid': POD_UID,
};
export const labels = { ...podLabels, 'io.kubernetes.container.name': 'app' };

// --- containerd

const ctr = (fraction: string, topic: string, body: object) =>
  `2026-11-23 13:09:58.${fraction.padEnd(9, '0')} +0000 UTC k8s.io ${topic} ${JSON.stringify(body)}`;
export const envelope = (fraction: string, topic: string, event: unknown) => ({
  timestamp: instant(fraction),
  namespace: 'k8s.io',
  topic,
  event,
});

const bodies: [string, object][] = [
  ['/containers/create', { id: CONTAINER, image: IMAGE, runtime: { name: 'io.containerd.runc.v2' } }],
  [
    '/tasks/create',
    {
      container_id: CONTAINER,
      bundle: '/run/b',
      rootfs: [{ type: 'overlay', options: ['workdir=/w', 'upperdir=/u'] }],
      pid: 30279,
    },
  ],
  ['/tasks/start', { container_id: CONTAINER, pid: 30279 }],
  ['/tasks/exec-started', { container_id: CONTAINER, exec_id: EXEC, pid: 30300 }],
  ['/tasks/exit', { container_id: CONTAINER, id: EXEC, pid: 30300, exit_status: 1 }],
  ['/tasks/exit', { container_id: CONTAINER, id: CONTAINER, pid: 30279, exit_status: 137 }],
  ['/images/create', { name: IMAGE, labels: { a: 'b' } }],
  ['/snapshot/prepare', { key: CONTAINER, parent: 'sha256:35' }],
];
const camel = (text: string) =>
  text
    .replaceAll('"container_id"', '"containerId"')
    .replaceAll('"exec_id"', '"execId"')
    .replaceAll('"exit_status"', '"exitStatus"');

/** The same events in each way of writing them. */
export const containerdEvents = {
  text: bodies.map(([topic, body], i) => ctr(String(i + 1), topic, body)),
  json: bodies.map(([topic, body], i) => JSON.stringify(envelope(String(i + 1), topic, body))),
  protojson: bodies.map(([topic, body], i) =>
    camel(
      JSON.stringify(envelope(String(i + 1), topic, { '@type': 'types.containerd.io/containerd.events.X', ...body })),
    ),
  ),
  typeUrl: bodies.map(([topic, body], i) =>
    JSON.stringify({
      Timestamp: instant(String(i + 1)),
      Namespace: 'k8s.io',
      Topic: topic,
      Event: { type_url: 'containerd.events.X', value: body },
    }),
  ),
};

export const containerdImage = {
  observedAt: instant('2'),
  namespace: 'k8s.io',
  info: {
    Name: IMAGE,
    Labels: { 'io.cri-containerd.image': 'managed' },
    Target: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: MANIFEST, size: 1609 },
    CreatedAt: instant('1'),
  },
};
export const containerdImageFetched = {
  name: IMAGE,
  labels: {},
  target: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: MANIFEST, size: 1609 },
  created_at: instant('1'),
  size: 4096,
  config: {
    digest: IMAGE_ID,
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin', 'TOKEN=secret'], Cmd: ['serve'] },
  },
};

// --- Docker, with the labels of dockershim and cri-dockerd

export const dockerLabels = {
  ...labels,
  'io.kubernetes.docker.type': 'container',
  'io.kubernetes.sandbox.id': SANDBOX,
};

export const dockerEvent = (fraction: string, action: string, attributes: object = {}, id = CONTAINER) => ({
  status: action,
  id,
  from: IMAGE,
  Type: 'container',
  Action: action,
  Actor: { ID: id, Attributes: { ...dockerLabels, image: IMAGE, name: 'k8s_app_web_shop_1_0', ...attributes } },
  scope: 'local',
  time: 1795439398,
  timeNano: Number(at(fraction)),
});
// Numbers of nineteen digits are more than JSON.stringify can hold.
export const dockerLine = (event: object) =>
  JSON.stringify(event).replace(/"timeNano":(\d{10})\d*/, (_, seconds) => {
    const fraction = String((event as { timeNano: number }).timeNano).slice(10, 13);
    return `"timeNano":${seconds}${fraction}000000`;
  });

export const dockerContainer = {
  Id: CONTAINER,
  Created: instant('1'),
  Path: '/entry',
  Args: ['serve', '--port=80'],
  State: {
    Status: 'running',
    Running: true,
    Pid: 30279,
    ExitCode: 0,
    StartedAt: instant('2'),
    FinishedAt: '0001-01-01T00:00:00Z',
  },
  Image: IMAGE_ID,
  Name: '/k8s_app_web_shop_1_0',
  Driver: 'overlay2',
  HostConfig: {
    Binds: ['/data:/d:ro'],
    NetworkMode: `container:${SANDBOX}`,
    PidMode: 'host',
    IpcMode: `container:${SANDBOX}`,
    UTSMode: '',
    CgroupnsMode: 'private',
    CgroupParent: 'kubepods-besteffort-pod1.slice',
    CapAdd: ['NET_ADMIN', 'CAP_SYS_PTRACE'],
    Privileged: false,
  },
  GraphDriver: { Name: 'overlay2', Data: { UpperDir: '/var/lib/docker/overlay2/x/diff' } },
  Mounts: [
    { Type: 'bind', Source: '/data', Destination: '/d', Mode: 'ro' },
    { Type: 'volume', Name: 'v', Source: '/var/lib/docker/volumes/v/_data', Destination: '/v' },
    { Type: 'tmpfs', Source: '', Destination: '/t' },
  ],
  Config: {
    Image: IMAGE,
    Cmd: ['serve'],
    Entrypoint: ['/entry'],
    Env: ['PATH=/bin', 'TOKEN=secret=x'],
    Labels: dockerLabels,
  },
  NetworkSettings: {},
};

export const dockerImage = {
  Id: IMAGE_ID,
  RepoTags: [IMAGE, 'registry.example/web:latest'],
  RepoDigests: [`registry.example/web@${MANIFEST}`],
  Created: '2024-01-01T00:00:00Z',
  Config: { Env: ['PATH=/bin'], Cmd: ['serve'], Entrypoint: ['/entry'], Labels: { maintainer: 'm' } },
  Metadata: { LastTagTime: instant('1') },
};

// --- CRI

const criStatus = {
  id: CONTAINER,
  metadata: { name: 'app', attempt: 0 },
  state: 'CONTAINER_EXITED',
  createdAt: at('1'),
  startedAt: at('2'),
  finishedAt: at('3'),
  exitCode: 137,
  image: { image: IMAGE },
  imageRef: `registry.example/web@${MANIFEST}`,
  labels,
};
export const criEvent = (fraction: string, type: string, id = CONTAINER) => ({
  containerId: id,
  containerEventType: `CONTAINER_${type}_EVENT`,
  createdAt: at(fraction),
  podSandboxStatus: {
    id: SANDBOX,
    metadata: { name: 'web', uid: POD_UID, namespace: 'shop', attempt: 0 },
    state: 'SANDBOX_READY',
    createdAt: at('0'),
    network: { ip: '10.244.0.5' },
    labels: { ...podLabels, 'io.kubernetes.container.name': 'POD' },
  },
  containersStatuses: [{ ...criStatus, id: '1'.repeat(64), exitCode: 3 }, criStatus],
});
/** As Go's encoding/json writes the message: snake case, numbers, no zeros. */
export const criEventInSnakeCase = (fraction: string, type: number) =>
  `{"container_id":"${CONTAINER}",${type === 0 ? '' : `"container_event_type":${type},`}"created_at":${at(fraction)},"pod_sandbox_status":{"id":"${SANDBOX}","metadata":{"name":"web","uid":"${POD_UID}","namespace":"shop"}},"containers_statuses":[{"id":"${CONTAINER}","metadata":{"name":"app"},"state":2,"exit_code":137,"image":{"image":"${IMAGE}"},"image_ref":"registry.example/web@${MANIFEST}","labels":${JSON.stringify(labels)}}]}`;

const runtimeSpec = {
  ociVersion: '1.0.2',
  process: {
    args: ['/entry', 'serve'],
    env: ['PATH=/bin', 'TOKEN=secret=x'],
    capabilities: { effective: ['CAP_CHOWN'] },
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/d', type: 'bind', source: '/data', options: ['rbind', 'ro'] },
    { destination: '/etc/hosts', type: 'bind', source: '/var/lib/kubelet/pods/1/etc-hosts', options: ['rbind'] },
  ],
  linux: {
    cgroupsPath: 'kubepods.slice:crio:1',
    namespaces: [{ type: 'pid' }, { type: 'network', path: '/run/netns/1' }],
    maskedPaths: ['/proc/kcore'],
  },
};
const info = { sandboxID: SANDBOX, pid: 30279, runtimeSpec, privileged: true };
/** As `crictl inspect` prints it: times for people, in the time zone of the node. */
export const criContainer = {
  info,
  status: {
    ...criStatus,
    createdAt: '2026-11-23T14:09:58.100000000+01:00',
    startedAt: '2026-11-23T14:09:58.200000000+01:00',
    finishedAt: '2026-11-23T14:09:58.300000000+01:00',
    mounts: [{ containerPath: '/d', hostPath: '/data' }],
  },
};
/** The reply itself: info is text. */
export const criContainerReply = {
  status: { ...criStatus, mounts: [{ containerPath: '/d', hostPath: '/data' }] },
  info: { info: JSON.stringify(info) },
};
export const criSandbox = {
  info: { image: 'registry.k8s.io/pause:3.9', pid: 30200, runtimeSpec: { process: { args: ['/pause'] } } },
  status: {
    id: SANDBOX,
    metadata: { name: 'web', uid: POD_UID, namespace: 'shop', attempt: 0 },
    state: 'SANDBOX_READY',
    createdAt: instant('1'),
    network: { ip: '10.244.0.5' },
    labels: { ...podLabels, 'io.kubernetes.container.name': 'POD' },
  },
};
export const criImage = {
  status: {
    id: IMAGE_ID,
    repoTags: [IMAGE],
    repoDigests: [`registry.example/web@${MANIFEST}`],
    size: '4096',
  },
  info: { imageSpec: { created: '2024-01-01T00:00:00Z', config: { Env: ['PATH=/bin'], Cmd: ['serve'] } } },
};

// --- podman

export const podmanEvent = (fraction: string, status: string, more = '') =>
  `{${more}"ID":"${CONTAINER}","Image":"${IMAGE}","Name":"web","Status":"${status}","time":1795439398,"timeNano":${at(fraction)},"Type":"container","Attributes":{"app":"web"}}`;
/** Before version 5. */
export const oldPodmanEvent = `{"ID":"${CONTAINER}","Image":"${IMAGE}","Name":"web","Status":"start","Time":"2026-11-23T14:09:58.2+01:00","Type":"container","Attributes":null}`;
export const podmanContainer = {
  Id: CONTAINER,
  Created: instant('1'),
  Path: 'serve',
  Args: [],
  State: {
    OciVersion: '1.0.2',
    Status: 'exited',
    Pid: 0,
    ConmonPid: 0,
    ExitCode: 137,
    StartedAt: instant('2'),
    FinishedAt: instant('3'),
    CgroupPath: '/machine.slice/libpod-1.scope',
  },
  Image: 'c'.repeat(64),
  ImageDigest: MANIFEST,
  ImageName: IMAGE,
  Pod: '',
  OCIRuntime: 'crun',
  ConmonPidFile: '/run/conmon.pid',
  Name: 'web',
  EffectiveCaps: ['CAP_CHOWN', 'CAP_KILL'],
  BoundingCaps: ['CAP_CHOWN', 'CAP_KILL'],
  GraphDriver: { Name: 'overlay', Data: { UpperDir: '/var/lib/containers/storage/overlay/x/diff' } },
  Mounts: [{ Type: 'bind', Source: '/data', Destination: '/d' }],
  Config: { Image: IMAGE, Env: ['PATH=/bin', 'TOKEN=secret'], Entrypoint: 'serve', Labels: { app: 'web' } },
  HostConfig: { Privileged: true, CapAdd: [], NetworkMode: 'host', PidMode: 'private', IpcMode: 'shareable' },
};
export const podmanImage = {
  Id: 'c'.repeat(64),
  Digest: MANIFEST,
  RepoTags: [IMAGE],
  RepoDigests: [`registry.example/web@${MANIFEST}`],
  Created: instant('1'),
  Config: { Env: ['PATH=/bin'], Cmd: ['serve'] },
  NamesHistory: [IMAGE],
};
