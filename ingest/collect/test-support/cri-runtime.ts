// For tests of CRI: pods run on a real containerd as the kubelet runs them, and a small runtime of our own that streams container events,
// which the containerd of the tests is too old for.
import { rmSync } from 'node:fs';
import { Server, ServerCredentials, type ServerWritableStream, type ServiceError, status } from '@grpc/grpc-js';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import { criPackages } from '../runtimes/cri-api.ts';
import { enumeration, message, packages, service } from '../runtimes/descriptor.ts';
import { type GrpcClient, loadApi } from '../runtimes/grpc-client.ts';

const { method } = loadApi(
  packages({
    'runtime.v1': {
      RuntimeService: service({
        RunPodSandbox: 'RunPodSandboxRequest -> RunPodSandboxResponse',
        CreateContainer: 'CreateContainerRequest -> CreateContainerResponse',
        StartContainer: 'OfId -> Nothing',
        StopContainer: 'OfId -> Nothing',
        RemovePodSandbox: 'OfId -> Nothing',
      }),
      OfId: message({ id: '1 string' }),
      Nothing: message({}),
      RunPodSandboxRequest: message({ config: '1 PodSandboxConfig' }),
      RunPodSandboxResponse: message({ podSandboxId: '1 string' }),
      PodSandboxConfig: message({
        metadata: '1 PodMetadata',
        labels: '6 map string',
        linux: '8 LinuxPodSandboxConfig',
      }),
      PodMetadata: message({ name: '1 string', uid: '2 string', namespace: '3 string' }),
      LinuxPodSandboxConfig: message({ securityContext: '2 SecurityContext' }),
      SecurityContext: message({ namespaceOptions: '1 NamespaceOption' }),
      NamespaceOption: message({ network: '1 NamespaceMode' }),
      NamespaceMode: enumeration('POD', 'CONTAINER', 'NODE'),
      CreateContainerRequest: message({
        podSandboxId: '1 string',
        config: '2 ContainerConfig',
        sandboxConfig: '3 PodSandboxConfig',
      }),
      CreateContainerResponse: message({ containerId: '1 string' }),
      ContainerConfig: message({
        metadata: '1 Named',
        image: '2 ImageSpec',
        command: '3 repeated string',
        labels: '9 map string',
      }),
      Named: message({ name: '1 string' }),
      ImageSpec: message({ image: '1 string' }),
    },
  }),
);
const call = <Reply>(client: GrpcClient, name: string, request: object) =>
  client.call(method<object, Reply>(`runtime.v1.RuntimeService.${name}`), request);

export interface Pod {
  sandboxId: string;
  containerId: string;
  stopContainer(): Promise<void>;
  remove(): Promise<void>;
}

let pods = 0;

/** A pod in the network of the node, for there is no CNI, with one container. */
export async function runPod(
  client: GrpcClient,
  { image, command, labels }: { image: string; command: string[]; labels: Record<string, string> },
): Promise<Pod> {
  const config = {
    metadata: { name: 'web', uid: `${labels['io.kubernetes.pod.uid']}-${++pods}`, namespace: 'shop' },
    labels,
    linux: { securityContext: { namespaceOptions: { network: 'NODE' } } },
  };
  const { podSandboxId } = await call<{ podSandboxId: string }>(client, 'RunPodSandbox', { config });
  const { containerId } = await call<{ containerId: string }>(client, 'CreateContainer', {
    podSandboxId,
    sandboxConfig: config,
    config: { metadata: { name: 'app' }, image: { image }, command, labels },
  });
  await call(client, 'StartContainer', { id: containerId });
  return {
    sandboxId: podSandboxId,
    containerId,
    stopContainer: async () => {
      await call(client, 'StopContainer', { id: containerId });
    },
    remove: async () => {
      await call(client, 'RemovePodSandbox', { id: podSandboxId });
    },
  };
}

interface Status {
  status: { id: string; state?: string } & Record<string, unknown>;
  info?: Record<string, string>;
}

/** A runtime that answers from what the test puts in. */
export function createCriRuntime(socket: string, options: { name: string; version: string }) {
  const containers = new Map<string, Status>();
  const sandboxes = new Map<string, Status>();
  const images = new Map<string, object>();
  const readers = new Set<ServerWritableStream<object, object>>();
  const asked: string[] = [];
  const found = (
    of: Map<string, Status>,
    id: string,
    reply: (error: Partial<ServiceError> | null, value?: object) => void,
  ) => (of.has(id) ? reply(null, of.get(id)) : reply({ code: status.NOT_FOUND, details: `no ${id}` }));
  const listed = (of: Map<string, Status>) => [...of.values()].map(({ status: { id, state } }) => ({ id, state }));
  type Unary<Request = object> = (
    call: { request: Request },
    reply: (error: Partial<ServiceError> | null, value?: object) => void,
  ) => void;
  const version: Unary = (_, reply) => reply(null, { runtimeName: options.name, runtimeVersion: options.version });
  const listContainers: Unary = (_, reply) => {
    asked.push('list');
    reply(null, { containers: listed(containers) });
  };
  const listSandboxes: Unary = (_, reply) => reply(null, { items: listed(sandboxes) });
  const ofContainer: Unary<{ containerId: string }> = ({ request }, reply) =>
    found(containers, request.containerId, reply);
  const ofSandbox: Unary<{ podSandboxId: string }> = ({ request }, reply) =>
    found(sandboxes, request.podSandboxId, reply);
  const ofImage: Unary<{ image: { image: string } }> = ({ request }, reply) =>
    reply(null, images.get(request.image.image) ?? {});
  const definitions = fromJSON(criPackages as Parameters<typeof fromJSON>[0], { longs: String, enums: String });
  let server = new Server();

  return {
    containers,
    sandboxes,
    images,
    asked,
    readers: () => readers.size,
    tell(event: object): void {
      for (const reader of readers) reader.write(event);
    },
    async start(): Promise<void> {
      server = new Server();
      server.addService(definitions['runtime.v1.ImageService'] as ServiceDefinition, { ImageStatus: ofImage });
      server.addService(definitions['runtime.v1.RuntimeService'] as ServiceDefinition, {
        Version: version,
        ListContainers: listContainers,
        ListPodSandbox: listSandboxes,
        ContainerStatus: ofContainer,
        PodSandboxStatus: ofSandbox,
        GetContainerEvents: (call: ServerWritableStream<object, object>) => {
          asked.push('events');
          readers.add(call);
          call.on('cancelled', () => readers.delete(call));
        },
      });
      await new Promise<void>((done, failed) => {
        const credentials = ServerCredentials.createInsecure();
        server.bindAsync(`unix:${socket}`, credentials, (error) => (error ? failed(error) : done()));
      });
    },
    /** As if killed. */
    stop(): void {
      readers.clear();
      server.forceShutdown();
      rmSync(socket, { force: true });
    },
  };
}
