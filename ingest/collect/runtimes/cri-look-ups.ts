// What a CRI runtime is asked in the moment a container or a sandbox is told of, or listed in another state: its status, and its image.
import type { CollectorPlace } from '../collector.ts';
import { criApi as api, type CriImage, type CriStatus } from './cri-api.ts';
import { criImageDocument, criStatusDocument } from './cri-documents.ts';
import { type GrpcClient, RpcError } from './grpc-client.ts';
import { createImagesTold } from './images-told.ts';
import type { KnownContainer, KnownContainers } from './known-containers.ts';
import { createLookUps } from './look-ups.ts';
import type { NumberedStream } from './numbered-stream.ts';
import type { Undescribed } from './undescribed.ts';

/** A verbose status takes some milliseconds of the runtime's time, and the kubelet asks as well. */
const AT_ONCE_MAX = 4;
/** A queue that long is a minute behind; what it names is gone. */
const WAITING_MAX = 10_000;
/** CRI has no namespaces; the kubelet's containers are in this one of containerd. */
export const ATTRS = { runtime_namespace: 'k8s.io' };

export type CriKind = 'container' | 'sandbox';

export interface CriLookUps {
  status(client: GrpcClient, kind: CriKind, id: string): void;
  clear(): void;
  idle(): Promise<void>;
}

interface CriLookUpDeps {
  place: CollectorPlace;
  stream: NumberedStream;
  known: KnownContainers;
  undescribed: Undescribed;
}

export function createCriLookUps(deps: CriLookUpDeps): CriLookUps {
  const lookUps = createLookUps({ atOnce: AT_ONCE_MAX, waitingMax: WAITING_MAX });
  const images = createImagesTold();

  async function describe(client: GrpcClient, kind: CriKind, id: string, entry: KnownContainer): Promise<void> {
    try {
      const reply = await statusOf(client, kind, id);
      if (!deps.stream.emit(criStatusDocument(reply, deps.place.now()), ATTRS)) return;
      entry.told = true;
      deps.known.changed();
      const { image, imageRef } = reply.status ?? {};
      lookUpImage(client, imageRef || (image?.image ?? ''));
    } catch (error) {
      // what else may have failed is done at the next occasion: another event, the next listing
      if (!(error instanceof RpcError)) throw error;
      if (error.code === 'not-found') missed(id, entry);
    }
  }

  function missed(id: string, entry: KnownContainer): void {
    if (entry.told) return;
    entry.told = true;
    deps.undescribed.add(id);
  }

  function lookUpImage(client: GrpcClient, image: string): void {
    if (image === '' || images.isTold(image)) return;
    lookUps.add(`image ${image}`, async () => {
      try {
        const reply: CriImage = await client.call(api.image, { image: { image }, verbose: true });
        const isNews = images.tell(image, reply.image?.id ?? '');
        if (isNews && reply.image) deps.stream.emit(criImageDocument(reply, deps.place.now()), ATTRS);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
      }
    });
  }

  return {
    status(client, kind, id) {
      // held fast: by the time it is looked up it may be removed from what is known
      const entry = deps.known.add(id);
      if (!lookUps.add(`${kind} ${id}`, () => describe(client, kind, id, entry))) missed(id, entry);
    },
    clear: lookUps.clear,
    idle: lookUps.idle,
  };
}

const statusOf = (client: GrpcClient, kind: CriKind, id: string): Promise<CriStatus> =>
  kind === 'sandbox'
    ? client.call(api.sandbox, { podSandboxId: id, verbose: true })
    : client.call(api.container, { containerId: id, verbose: true });
