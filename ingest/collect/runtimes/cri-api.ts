// What this reads of CRI, the interface of the kubelet to containerd and CRI-O, with its own numbers; names as protobuf's JSON writes them.
// Specification: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
import { enumeration, message, packages, service } from './descriptor.ts';
import { loadApi } from './grpc-client.ts';

/** Also what a server of a test is made from. */
export const criPackages = packages({
  'runtime.v1': {
    RuntimeService: service({
      Version: 'VersionRequest -> VersionResponse',
      ListContainers: 'ListContainersRequest -> ListContainersResponse',
      ListPodSandbox: 'ListPodSandboxRequest -> ListPodSandboxResponse',
      ContainerStatus: 'ContainerStatusRequest -> ContainerStatusResponse',
      PodSandboxStatus: 'PodSandboxStatusRequest -> PodSandboxStatusResponse',
      GetContainerEvents: 'GetEventsRequest -> stream ContainerEventResponse',
    }),
    ImageService: service({ ImageStatus: 'ImageStatusRequest -> ImageStatusResponse' }),
    VersionRequest: message({ version: '1 string' }),
    VersionResponse: message({ version: '1 string', runtimeName: '2 string', runtimeVersion: '3 string' }),
    ListContainersRequest: message({}),
    ListContainersResponse: message({ containers: '1 repeated Container' }),
    Container: message({ id: '1 string', state: '6 ContainerState' }),
    ListPodSandboxRequest: message({}),
    ListPodSandboxResponse: message({ items: '1 repeated PodSandbox' }),
    PodSandbox: message({ id: '1 string', state: '3 PodSandboxState' }),
    ContainerStatusRequest: message({ containerId: '1 string', verbose: '2 bool' }),
    ContainerStatusResponse: message({ status: '1 ContainerStatus', info: '2 map string' }),
    PodSandboxStatusRequest: message({ podSandboxId: '1 string', verbose: '2 bool' }),
    PodSandboxStatusResponse: message({ status: '1 PodSandboxStatus', info: '2 map string' }),
    ImageStatusRequest: message({ image: '1 ImageSpec', verbose: '2 bool' }),
    ImageStatusResponse: message({ image: '1 Image', info: '2 map string' }),
    GetEventsRequest: message({}),
    ContainerEventResponse: message({
      containerId: '1 string',
      containerEventType: '2 ContainerEventType',
      createdAt: '3 int64',
      podSandboxStatus: '4 PodSandboxStatus',
      containersStatuses: '5 repeated ContainerStatus',
    }),
    ContainerEventType: enumeration(
      ...['CREATED', 'STARTED', 'STOPPED', 'DELETED'].map((type) => `CONTAINER_${type}_EVENT`),
    ),
    ContainerState: enumeration('CONTAINER_CREATED', 'CONTAINER_RUNNING', 'CONTAINER_EXITED', 'CONTAINER_UNKNOWN'),
    PodSandboxState: enumeration('SANDBOX_READY', 'SANDBOX_NOTREADY'),
    ContainerStatus: message({
      id: '1 string',
      metadata: '2 ContainerMetadata',
      state: '3 ContainerState',
      createdAt: '4 int64',
      startedAt: '5 int64',
      finishedAt: '6 int64',
      exitCode: '7 int32',
      image: '8 ImageSpec',
      imageRef: '9 string',
      reason: '10 string',
      message: '11 string',
      labels: '12 map string',
      annotations: '13 map string',
      mounts: '14 repeated Mount',
      logPath: '15 string',
      resources: '16 ContainerResources',
      imageId: '17 string',
      user: '18 ContainerUser',
      stopSignal: '19 int32', // an enumeration of sixty names
    }),
    ContainerMetadata: message({ name: '1 string', attempt: '2 uint32' }),
    ContainerUser: message({ linux: '1 LinuxContainerUser' }),
    LinuxContainerUser: message({ uid: '1 int64', gid: '2 int64', supplementalGroups: '3 repeated int64' }),
    ContainerResources: message({ linux: '1 LinuxContainerResources' }),
    LinuxContainerResources: message({
      cpuPeriod: '1 int64',
      cpuQuota: '2 int64',
      cpuShares: '3 int64',
      memoryLimitInBytes: '4 int64',
      oomScoreAdj: '5 int64',
      cpusetCpus: '6 string',
      cpusetMems: '7 string',
      hugepageLimits: '8 repeated HugepageLimit',
      unified: '9 map string',
      memorySwapLimitInBytes: '10 int64',
    }),
    HugepageLimit: message({ pageSize: '1 string', limit: '2 uint64' }),
    ImageSpec: message({
      image: '1 string',
      annotations: '2 map string',
      userSpecifiedImage: '18 string',
      runtimeHandler: '19 string',
    }),
    Mount: message({
      containerPath: '1 string',
      hostPath: '2 string',
      readonly: '3 bool',
      selinuxRelabel: '4 bool',
      propagation: '5 MountPropagation',
      uidMappings: '6 repeated IDMapping',
      gidMappings: '7 repeated IDMapping',
      recursiveReadOnly: '8 bool',
      image: '9 ImageSpec',
      imageSubPath: '10 string',
    }),
    MountPropagation: enumeration(
      ...['PRIVATE', 'HOST_TO_CONTAINER', 'BIDIRECTIONAL'].map((kind) => `PROPAGATION_${kind}`),
    ),
    IDMapping: message({ hostId: '1 uint32', containerId: '2 uint32', length: '3 uint32' }),
    PodSandboxStatus: message({
      id: '1 string',
      metadata: '2 PodSandboxMetadata',
      state: '3 PodSandboxState',
      createdAt: '4 int64',
      network: '5 PodSandboxNetworkStatus',
      linux: '6 LinuxPodSandboxStatus',
      labels: '7 map string',
      annotations: '8 map string',
      runtimeHandler: '9 string',
    }),
    PodSandboxMetadata: message({ name: '1 string', uid: '2 string', namespace: '3 string', attempt: '4 uint32' }),
    PodSandboxNetworkStatus: message({ ip: '1 string', additionalIps: '2 repeated PodIP' }),
    PodIP: message({ ip: '1 string' }),
    LinuxPodSandboxStatus: message({ namespaces: '1 Namespace' }),
    Namespace: message({ options: '2 NamespaceOption' }),
    NamespaceOption: message({
      network: '1 NamespaceMode',
      pid: '2 NamespaceMode',
      ipc: '3 NamespaceMode',
      targetId: '4 string',
      usernsOptions: '5 UserNamespace',
    }),
    NamespaceMode: enumeration('POD', 'CONTAINER', 'NODE', 'TARGET'),
    UserNamespace: message({ mode: '1 NamespaceMode', uids: '2 repeated IDMapping', gids: '3 repeated IDMapping' }),
    Image: message({
      id: '1 string',
      repoTags: '2 repeated string',
      repoDigests: '3 repeated string',
      size: '4 uint64',
      uid: '5 Int64Value',
      username: '6 string',
      spec: '7 ImageSpec',
      pinned: '8 bool',
    }),
    Int64Value: message({ value: '1 int64' }),
  },
});

const { method, codec } = loadApi(criPackages);

/** Fields that this looks at; a message has all those above. */
export interface CriEvent {
  containerId?: string;
  /** Absent: CONTAINER_CREATED_EVENT. */
  containerEventType?: string;
  createdAt?: string;
  podSandboxStatus?: { id?: string };
}
export interface CriListed {
  id?: string;
  /** Absent: the first of its enumeration. */
  state?: string;
}
export interface CriStatus {
  status?: { id?: string; state?: string; image?: { image?: string }; imageRef?: string };
  info?: Record<string, string>;
}
export interface CriImage {
  image?: { id?: string; repoTags?: string[]; repoDigests?: string[] };
  info?: Record<string, string>;
}
type Nothing = Record<string, never>;

/** An event keeps its bytes: what is not understood of it is handed on as it is. */
const undecoded = (bytes: Buffer) => bytes;

export const criApi = {
  version: method<Nothing, { runtimeName?: string; runtimeVersion?: string }>('runtime.v1.RuntimeService.Version'),
  events: { ...method<Nothing, Buffer>('runtime.v1.RuntimeService.GetContainerEvents'), deserialize: undecoded },
  containers: method<Nothing, { containers?: CriListed[] }>('runtime.v1.RuntimeService.ListContainers'),
  sandboxes: method<Nothing, { items?: CriListed[] }>('runtime.v1.RuntimeService.ListPodSandbox'),
  container: method<{ containerId: string; verbose: boolean }, CriStatus>('runtime.v1.RuntimeService.ContainerStatus'),
  sandbox: method<{ podSandboxId: string; verbose: boolean }, CriStatus>('runtime.v1.RuntimeService.PodSandboxStatus'),
  image: method<{ image: { image: string }; verbose: boolean }, CriImage>('runtime.v1.ImageService.ImageStatus'),
};

export const criEventCodec = codec('runtime.v1.ContainerEventResponse');
