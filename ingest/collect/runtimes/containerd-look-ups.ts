// What containerd is asked in the moment an event names a container or an image: their documents, while they are still there.
import type { CollectorPlace } from '../collector.ts';
import { containerdApi as api, type Container, type Mount, type Task } from './containerd-api.ts';
import { containerDocument, imageDocument, upperDirectoryOf } from './containerd-documents.ts';
import { type GrpcClient, RpcError } from './grpc-client.ts';
import { createImagesTold } from './images-told.ts';
import type { KnownContainer, KnownContainers } from './known-containers.ts';
import { createLookUps } from './look-ups.ts';
import type { NumberedStream } from './numbered-stream.ts';
import { rfc3339 } from './protobuf-json.ts';
import type { Undescribed } from './undescribed.ts';

/** containerd answers in about a millisecond: more at once only take its processor from the containers. */
const AT_ONCE_MAX = 16;
/** A queue that long is a minute behind; what it names is gone. */
const WAITING_MAX = 10_000;

export const keyOf = (namespace: string, id: string): string => `${namespace}/${id}`;
export const inNamespace = (namespace: string) => ({ 'containerd-namespace': namespace });

export interface ContainerdLookUps {
  /** @param task as containerd listed it, where the container was running before this collector saw it */
  container(client: GrpcClient, namespace: string, id: string, task?: Task): void;
  /** A document for each (namespace, name, digest) once. */
  image(client: GrpcClient, namespace: string, name: string): void;
  /** The name may stand for something else from now on. */
  imageChanged(namespace: string, name: string): void;
  clear(): void;
  idle(): Promise<void>;
}

export interface LookUpDeps {
  place: CollectorPlace;
  stream: NumberedStream;
  known: KnownContainers;
  undescribed: Undescribed;
}

interface Asked {
  client: GrpcClient;
  namespace: string;
  id: string;
  entry: KnownContainer;
  task: Task | undefined;
}

export function createContainerdLookUps(deps: LookUpDeps): ContainerdLookUps {
  const lookUps = createLookUps({ atOnce: AT_ONCE_MAX, waitingMax: WAITING_MAX });
  const images = createImagesTold();

  async function describe({ client, namespace, id, entry, task }: Asked): Promise<void> {
    try {
      const { container = {} } = await client.call(api.container, { id }, inNamespace(namespace));
      const observedAt = deps.place.now();
      const version = rfc3339(container.updated_at) ?? '';
      if (container.image) image(client, namespace, container.image);
      if (entry.told && entry.version === version && task === undefined) return;
      const upperdir = upperDirectoryOf(await mountsOf(client, namespace, container));
      const attrs = { runtime_namespace: namespace, ...(upperdir && { upperdir }) };
      if (!deps.stream.emit(containerDocument(container, { namespace, observedAt }, task), attrs)) return;
      entry.told = true;
      entry.version = version;
      deps.known.changed();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      // what else may have failed is done at the next occasion: another event, the next listing
      if (error.code === 'not-found') missed(keyOf(namespace, id), entry);
    }
  }

  function missed(key: string, entry: KnownContainer): void {
    if (entry.told) return;
    entry.told = true;
    deps.undescribed.add(key);
  }

  function image(client: GrpcClient, namespace: string, name: string): void {
    if (images.isTold(keyOf(namespace, name))) return;
    lookUps.add(`image ${namespace} ${name}`, async () => {
      try {
        const { image: found = {} } = await client.call(api.image, { name }, inNamespace(namespace));
        if (!images.tell(keyOf(namespace, name), found.target?.digest ?? '')) return;
        const json = imageDocument(found, { namespace, observedAt: deps.place.now() });
        deps.stream.emit(json, { runtime_namespace: namespace });
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        // a container's image may be no name of an image
        if (error.code === 'not-found') images.tell(keyOf(namespace, name), '');
      }
    });
  }

  return {
    container(client, namespace, id, task) {
      const key = keyOf(namespace, id);
      // held fast: by the time it is looked up it may be removed from what is known
      const entry = deps.known.add(key);
      const isTaken = lookUps.add(`container ${key}`, () => describe({ client, namespace, id, entry, task }));
      if (!isTaken) missed(key, entry);
    },
    image,
    imageChanged: (namespace, name) => images.changed(keyOf(namespace, name)),
    clear: lookUps.clear,
    idle: lookUps.idle,
  };
}

/** A snapshot that is gone, or of a plug-in that does not answer, keeps no document back. */
async function mountsOf(client: GrpcClient, namespace: string, container: Container): Promise<Mount[]> {
  const { snapshotter = '', snapshot_key: key = '' } = container;
  if (snapshotter === '' || key === '') return [];
  try {
    const { mounts = [] } = await client.call(api.mounts, { snapshotter, key }, inNamespace(namespace));
    return mounts;
  } catch (error) {
    if (error instanceof RpcError) return [];
    throw error;
  }
}
