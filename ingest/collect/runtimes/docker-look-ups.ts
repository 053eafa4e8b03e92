// What the Docker daemon is asked in the moment an event names a container or an image: inspect documents, byte for byte.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type DockerClient, DockerError } from './docker-client.ts';
import { createImagesTold } from './images-told.ts';
import { isOfConnection } from './keep-connected.ts';
import type { KnownContainer, KnownContainers } from './known-containers.ts';
import { createLookUps } from './look-ups.ts';
import type { NumberedStream } from './numbered-stream.ts';
import type { Undescribed } from './undescribed.ts';

/** The daemon takes a lock for each container: more at once only wait there. */
const AT_ONCE_MAX = 8;
/** A queue that long is a minute behind; what it names is gone. */
const WAITING_MAX = 10_000;
/** Docker's own namespace in containerd. */
export const ATTRS = { runtime_namespace: 'moby' };

const Inspected = z.object({
  Image: z.string().default(''),
  GraphDriver: z.object({ Data: z.object({ UpperDir: z.string().optional() }).nullish() }).optional(),
});

export interface DockerLookUps {
  container(client: DockerClient, id: string): void;
  /** A document for each state of an image once. @param name or id */
  image(client: DockerClient, name: string): void;
  imageChanged(name: string): void;
  clear(): void;
  idle(): Promise<void>;
}

interface DockerLookUpDeps {
  stream: NumberedStream;
  known: KnownContainers;
  undescribed: Undescribed;
}

export function createDockerLookUps(deps: DockerLookUpDeps): DockerLookUps {
  const lookUps = createLookUps({ atOnce: AT_ONCE_MAX, waitingMax: WAITING_MAX });
  const images = createImagesTold();

  async function describe(client: DockerClient, id: string, entry: KnownContainer): Promise<void> {
    try {
      const document = await client.get(`/containers/${encodeURIComponent(id)}/json`);
      const inspected = Inspected.safeParse(parsed(document)).data;
      const upperdir = inspected?.GraphDriver?.Data?.UpperDir;
      if (deps.stream.emit(document, { ...ATTRS, ...(upperdir && { upperdir }) })) {
        entry.told = true;
        deps.known.changed();
      }
      if (inspected?.Image) image(client, inspected.Image);
    } catch (error) {
      if (!isOfConnection(error)) throw error;
      if (error instanceof DockerError && error.code === 'not-found') missed(id, entry);
    }
  }

  function missed(id: string, entry: KnownContainer): void {
    if (entry.told) return;
    entry.told = true;
    deps.undescribed.add(id);
  }

  function image(client: DockerClient, name: string): void {
    if (name === '' || images.isTold(name)) return;
    lookUps.add(`image ${name}`, async () => {
      try {
        const document = await client.get(`/images/${name.split('/').map(encodeURIComponent).join('/')}/json`);
        const state = createHash('sha256').update(document).digest('base64');
        if (images.tell(name, state)) deps.stream.emit(document, ATTRS);
      } catch (error) {
        if (!isOfConnection(error)) throw error;
        if (error instanceof DockerError && error.code === 'not-found') images.tell(name, '');
      }
    });
  }

  return {
    container(client, id) {
      // held fast: by the time it is looked up it may be removed from what is known
      const entry = deps.known.add(id);
      if (!lookUps.add(`container ${id}`, () => describe(client, id, entry))) missed(id, entry);
    },
    image,
    imageChanged: images.changed,
    clear: lookUps.clear,
    idle: lookUps.idle,
  };
}

export function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
