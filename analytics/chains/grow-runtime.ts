// Containers that no API request names: started on the runtime's socket, by a manifest planted on the node, or added to a living pod.

import type { ContainerFacts } from './facts.ts';
import { idOf, type Link } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, type Step } from './growth.ts';

const RUNTIME_SOCKET = /\/(containerd|crio|docker|podman|dockershim)[^/]*\.sock$/;
/** A client of the socket starts its container while it runs, or hands it over and ends; pulling an image may come between. */
const STARTS_WITHIN_MS = 60_000;
/** The kubelet looks at its manifests every 20 s by default; an image may have to be pulled. */
const MANIFEST_WITHIN_MS = 120_000;
/** A static pod's UID is the hash of its manifest, without the dashes of the API's UIDs. */
const STATIC_UID = /^[0-9a-f]{32}$/;

/** From a process that spoke to the runtime itself, past Kubernetes, to the containers without a pod that came of it. */
export async function followRuntimeSockets(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const processes = new Map(frontier.flatMap(({ id }) => growth.processes.get(id) ?? []).map((p) => [p.key, p]));
  const steps: Step[] = [];
  for (const c of await growth.lookup.socketConnections([...processes.keys()])) {
    const client = processes.get(c.key);
    if (client === undefined || !RUNTIME_SOCKET.test(c.path)) continue;
    for (const made of await growth.lookup.containersBegun(client.node, c.time, c.time + STARTS_WITHIN_MS)) {
      if (made.pod_uid !== '') continue;
      steps.push(
        toContainer(made, {
          from: processId(client),
          confidence: 0.8,
          reason: `${commandOf(client, 40)} spoke to ${c.path}; ${seconds(made.started_at - c.time)} later a container of no pod began on the node`,
          digests: [client.digest, c.digest, made.digest],
        }),
      );
    }
  }
  return steps;
}

/** From a file written among the kubelet's manifests to the static pod that began after it. */
export async function followManifest(
  growth: Growth,
  file: { node: string; path: string; time: number; digest: string },
  writer: { id: ReturnType<typeof processId>; digest: string; words: string },
): Promise<Step[]> {
  if (!/\/manifests\/[^/]+\.(ya?ml|json|manifest)$/.test(file.path)) return [];
  const begun = await growth.lookup.containersBegun(file.node, file.time, file.time + MANIFEST_WITHIN_MS);
  return begun
    .filter((c) => STATIC_UID.test(c.pod_uid))
    .map((c) =>
      toContainer(c, {
        from: writer.id,
        confidence: 0.7,
        reason: `${writer.words} wrote ${file.path} on the node; ${seconds(c.started_at - file.time)} later the kubelet began the static pod ${c.namespace}/${c.pod}`,
        digests: [writer.digest, file.digest, c.digest],
      }),
    );
}

/** From a request for an ephemeral container to the container that began in that pod. */
export async function followEphemeral(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const requests = frontier
    .flatMap(({ id }) => growth.requests.get(id) ?? [])
    .filter((r) => r.subresource === 'ephemeralcontainers' && r.code < 400 && r.verb !== 'get' && r.object_uid !== '');
  const steps: Step[] = [];
  for (const request of requests) {
    for (const c of await growth.lookup.containers([], [request.object_uid])) {
      if (c.started_at < request.time || c.started_at > request.time + MANIFEST_WITHIN_MS) continue;
      steps.push(
        toContainer(c, {
          from: idOf('request', request.audit_id),
          confidence: 0.9,
          reason: `${request.principal} added an ephemeral container to ${request.namespace}/${request.name}; ${seconds(c.started_at - request.time)} later ${c.name} began in it`,
          digests: [request.digest, c.digest],
        }),
      );
    }
  }
  return steps;
}

function toContainer(c: ContainerFacts, link: Pick<Link, 'from' | 'confidence' | 'reason' | 'digests'>): Step {
  const id = idOf('container', c.id);
  return { link: { ...link, to: id, kind: 'created' }, reached: id, arrival: 'onward' };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
