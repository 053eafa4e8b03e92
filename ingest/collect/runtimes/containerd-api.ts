// What this reads of containerd's API: only the messages and fields used, with containerd's own numbers.
// Specification: https://github.com/containerd/containerd/tree/main/api (services/*/v1/*.proto, types/*.proto, events/*.proto)
import { enumeration, message, packages, service, wellKnown } from './descriptor.ts';
import { loadApi } from './grpc-client.ts';
import type { ProtoAny, ProtoTimestamp } from './protobuf-json.ts';

const ANY = 'google.protobuf.Any';
const TIME = 'google.protobuf.Timestamp';
const MOUNT = 'containerd.types.Mount';
const ofContainer = '1 string';

const { method, codec } = loadApi(
  packages({
    'google.protobuf': wellKnown,
    'containerd.types': {
      Mount: message({ type: '1 string', source: '2 string', target: '3 string', options: '4 repeated string' }),
      Descriptor: message({ media_type: '1 string', digest: '2 string', size: '3 int64', annotations: '5 map string' }),
    },
    'containerd.v1.types': {
      Status: enumeration('UNKNOWN', 'CREATED', 'RUNNING', 'STOPPED', 'PAUSED', 'PAUSING'),
      Process: message({ container_id: ofContainer, id: '2 string', pid: '3 uint32', status: '4 Status' }),
    },
    'containerd.services.events.v1': {
      Events: service({ Subscribe: 'SubscribeRequest -> stream Envelope' }),
      SubscribeRequest: message({ filters: '1 repeated string' }),
      Envelope: message({ timestamp: `1 ${TIME}`, namespace: '2 string', topic: '3 string', event: `4 ${ANY}` }),
    },
    'containerd.services.namespaces.v1': {
      Namespaces: service({ List: 'ListNamespacesRequest -> ListNamespacesResponse' }),
      ListNamespacesRequest: message({}),
      ListNamespacesResponse: message({ namespaces: '1 repeated Namespace' }),
      Namespace: message({ name: '1 string', labels: '2 map string' }),
    },
    'containerd.services.containers.v1': {
      Containers: service({
        Get: 'GetContainerRequest -> GetContainerResponse',
        ListStream: 'ListContainersRequest -> stream ListContainerMessage',
      }),
      GetContainerRequest: message({ id: '1 string' }),
      GetContainerResponse: message({ container: '1 Container' }),
      ListContainersRequest: message({ filters: '1 repeated string' }),
      ListContainerMessage: message({ container: '1 Container' }),
      Container: message(
        {
          id: '1 string',
          labels: '2 map string',
          image: '3 string',
          runtime: '4 Runtime',
          spec: `5 ${ANY}`,
          snapshotter: '6 string',
          snapshot_key: '7 string',
          created_at: `8 ${TIME}`,
          updated_at: `9 ${TIME}`,
          extensions: `10 map ${ANY}`,
          sandbox: '11 string',
        },
        { Runtime: message({ name: '1 string', options: `2 ${ANY}` }) },
      ),
    },
    'containerd.services.snapshots.v1': {
      Snapshots: service({ Mounts: 'MountsRequest -> MountsResponse' }),
      MountsRequest: message({ snapshotter: '1 string', key: '2 string' }),
      MountsResponse: message({ mounts: `1 repeated ${MOUNT}` }),
    },
    'containerd.services.tasks.v1': {
      Tasks: service({ List: 'ListTasksRequest -> ListTasksResponse' }),
      ListTasksRequest: message({ filter: '1 string' }),
      ListTasksResponse: message({ tasks: '1 repeated containerd.v1.types.Process' }),
    },
    'containerd.services.version.v1': {
      Version: service({ Version: 'google.protobuf.Empty -> VersionResponse' }),
      VersionResponse: message({ version: '1 string', revision: '2 string' }),
    },
    'containerd.services.images.v1': {
      Images: service({ Get: 'GetImageRequest -> GetImageResponse' }),
      GetImageRequest: message({ name: '1 string' }),
      GetImageResponse: message({ image: '1 Image' }),
      Image: message({
        name: '1 string',
        labels: '2 map string',
        target: '3 containerd.types.Descriptor',
        created_at: `7 ${TIME}`,
        updated_at: `8 ${TIME}`,
      }),
      ImageCreate: message({ name: '1 string', labels: '2 map string' }),
      ImageUpdate: message({ name: '1 string', labels: '2 map string' }),
      ImageDelete: message({ name: '1 string' }),
    },
    'containerd.events': {
      ContainerCreate: message(
        { id: '1 string', image: '2 string', runtime: '3 Runtime' },
        { Runtime: message({ name: '1 string', options: `2 ${ANY}` }) },
      ),
      ContainerUpdate: message({ id: '1 string', image: '2 string', labels: '3 map string', snapshot_key: '4 string' }),
      ContainerDelete: message({ id: '1 string' }),
      ContentCreate: message({ digest: '1 string', size: '2 int64' }),
      ContentDelete: message({ digest: '1 string' }),
      NamespaceCreate: message({ name: '1 string', labels: '2 map string' }),
      NamespaceUpdate: message({ name: '1 string', labels: '2 map string' }),
      NamespaceDelete: message({ name: '1 string' }),
      SandboxCreate: message({ sandbox_id: '1 string' }),
      SandboxStart: message({ sandbox_id: '1 string' }),
      SandboxExit: message({ sandbox_id: '1 string', exit_status: '2 uint32', exited_at: `3 ${TIME}` }),
      SnapshotPrepare: message({ key: '1 string', parent: '2 string', snapshotter: '5 string' }),
      SnapshotCommit: message({ key: '1 string', name: '2 string', snapshotter: '5 string' }),
      SnapshotRemove: message({ key: '1 string', snapshotter: '5 string' }),
      TaskCreate: message({
        container_id: ofContainer,
        bundle: '2 string',
        rootfs: `3 repeated ${MOUNT}`,
        io: '4 TaskIO',
        checkpoint: '5 string',
        pid: '6 uint32',
      }),
      TaskIO: message({ stdin: '1 string', stdout: '2 string', stderr: '3 string', terminal: '4 bool' }),
      TaskStart: message({ container_id: ofContainer, pid: '2 uint32' }),
      TaskDelete: message({
        container_id: ofContainer,
        pid: '2 uint32',
        exit_status: '3 uint32',
        exited_at: `4 ${TIME}`,
        id: '5 string',
      }),
      TaskExit: message({
        container_id: ofContainer,
        id: '2 string',
        pid: '3 uint32',
        exit_status: '4 uint32',
        exited_at: `5 ${TIME}`,
      }),
      TaskOOM: message({ container_id: ofContainer }),
      TaskExecAdded: message({ container_id: ofContainer, exec_id: '2 string' }),
      TaskExecStarted: message({ container_id: ofContainer, exec_id: '2 string', pid: '3 uint32' }),
      TaskPaused: message({ container_id: ofContainer }),
      TaskResumed: message({ container_id: ofContainer }),
      TaskCheckpointed: message({ container_id: ofContainer, checkpoint: '2 string' }),
    },
  }),
);

export interface Envelope {
  timestamp?: ProtoTimestamp;
  namespace?: string;
  topic?: string;
  event?: ProtoAny;
}
export interface Mount {
  type?: string;
  source?: string;
  target?: string;
  options?: string[];
}
export interface Container {
  id?: string;
  labels?: Record<string, string>;
  image?: string;
  runtime?: { name?: string; options?: ProtoAny };
  spec?: ProtoAny;
  snapshotter?: string;
  snapshot_key?: string;
  created_at?: ProtoTimestamp;
  updated_at?: ProtoTimestamp;
  extensions?: Record<string, ProtoAny>;
  sandbox?: string;
}
export interface Image {
  name?: string;
  labels?: Record<string, string>;
  target?: { media_type?: string; digest?: string; size?: string; annotations?: Record<string, string> };
  created_at?: ProtoTimestamp;
  updated_at?: ProtoTimestamp;
}
export interface Task {
  /** Before containerd 1.7 only `id` says which container. */
  container_id?: string;
  id?: string;
  pid?: number;
  status?: 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';
}
type Nothing = Record<string, never>;

export const containerdApi = {
  subscribe: method<Nothing, Envelope>('containerd.services.events.v1.Events.Subscribe'),
  version: method<Nothing, { version?: string }>('containerd.services.version.v1.Version.Version'),
  namespaces: method<Nothing, { namespaces?: { name?: string }[] }>(
    'containerd.services.namespaces.v1.Namespaces.List',
  ),
  container: method<{ id: string }, { container?: Container }>('containerd.services.containers.v1.Containers.Get'),
  containers: method<Nothing, { container?: Container }>('containerd.services.containers.v1.Containers.ListStream'),
  mounts: method<{ snapshotter: string; key: string }, { mounts?: Mount[] }>(
    'containerd.services.snapshots.v1.Snapshots.Mounts',
  ),
  image: method<{ name: string }, { image?: Image }>('containerd.services.images.v1.Images.Get'),
  tasks: method<Nothing, { tasks?: Task[] }>('containerd.services.tasks.v1.Tasks.List'),
};

/** The message of an Any, by its type url; undefined when it is none of the events above. */
export const eventCodec = (typeUrl: string) => codec(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
