// Containers and commands in them that no API request names: started on the runtime's socket, by a manifest planted on the node, or added to a living pod.

import type { ContainerFacts, RequestFacts } from './facts.ts';
import { idOf, keyOf, type Link } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

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

/** Between a client of the runtime (ctr, crictl, docker) and the command that it had run in a container. */
export async function followRuntimeExecs(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const arrivals = new Map(frontier.map((f) => [f.id, f.arrival]));
  const execs = await growth.lookup.runtimeExecs(frontier.flatMap(({ id }) => growth.processes.get(id)?.key ?? []));
  const facts = new Map(
    (await growth.lookup.processes(execs.flatMap((e) => [e.client, e.key]))).map((p) => [processId(p), p]),
  );
  return execs.flatMap(({ node, client, key, confidence, command }): Step[] => {
    const from = facts.get(processId({ node, key: client }));
    const to = facts.get(processId({ node, key }));
    if (from === undefined || to === undefined) return [];
    const link = {
      from: processId(from),
      to: processId(to),
      kind: 'exec-session' as const,
      confidence,
      reason: `${commandOf(from, 40)} had the runtime start "${command.join(' ')}" in the container, past the API`,
      digests: [from.digest, to.digest],
    };
    if (arrivals.has(link.from)) return [{ link, reached: remember(growth, to), arrival: 'onward' }];
    if (arrivals.get(link.to) === 'onward') return [];
    return [{ link, reached: remember(growth, from), arrival: 'backward' }];
  });
}

/** From a container that no pod explains back to the client of the runtime's socket that started it. */
export async function followToClients(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const ids = frontier.filter((f) => f.arrival !== 'onward').map((f) => keyOf(f.id));
  const steps: Step[] = [];
  for (const c of await growth.lookup.containers(ids, [])) {
    if (c.pod_uid !== '' || c.started_at === 0) continue;
    const clients = (
      await growth.lookup.socketClients(c.node, c.started_at - STARTS_WITHIN_MS, c.started_at, c.id)
    ).filter((client) => RUNTIME_SOCKET.test(client.path));
    const named = clients.filter((client) => client.names);
    // of agents that speak to the socket all day none is told from the others
    const meant = named.length > 0 ? named : clients.length === 1 ? clients : [];
    const facts = new Map((await growth.lookup.processes(meant.map((m) => m.key))).map((p) => [p.key, p]));
    for (const { key, path, time, digest, names } of meant) {
      const client = facts.get(key);
      if (client === undefined || client.node !== c.node) continue;
      const how = names ? `, names it and spoke to ${path}` : ` spoke to ${path}, alone of all containers,`;
      const reason = `${commandOf(client, 40)}${how} ${seconds(c.started_at - time)} before it began`;
      const link = {
        from: processId(client),
        confidence: names ? 0.95 : 0.6,
        reason,
        digests: [client.digest, digest, c.digest],
      };
      steps.push({ ...toContainer(c, link), reached: remember(growth, client), arrival: 'backward' });
    }
  }
  return steps;
}

/** From an ephemeral container back to the request that added it to a living pod. */
export async function followToAdder(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const ids = frontier.filter((f) => f.arrival !== 'onward').map((f) => keyOf(f.id));
  const added = (await growth.lookup.containers(ids, [])).filter((c) => c.kind === 'ephemeral' && c.pod_uid !== '');
  const requests = await growth.lookup.ephemeralOf([...new Set(added.map((c) => c.pod_uid))]);
  return added.flatMap((c) => {
    // several may have been added: the last request before it began
    const request = requests.findLast((r) => r.object_uid === c.pod_uid && mayHaveAdded(r, c));
    if (request === undefined) return [];
    const id = idOf('request', request.audit_id);
    growth.requests.set(id, request);
    return [{ ...toContainer(c, adding(request, c)), reached: id, arrival: 'backward' as const }];
  });
}

const mayHaveAdded = (r: RequestFacts, c: ContainerFacts) =>
  c.started_at >= r.time && c.started_at <= r.time + MANIFEST_WITHIN_MS;

const adding = (
  request: RequestFacts,
  c: ContainerFacts,
): Pick<Link, 'from' | 'confidence' | 'reason' | 'digests'> => ({
  from: idOf('request', request.audit_id),
  confidence: 0.9,
  reason: `${request.principal} added an ephemeral container to ${request.namespace}/${request.name}; ${seconds(c.started_at - request.time)} later ${c.name} began in it`,
  digests: [request.digest, c.digest],
});

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
    const begun = (await growth.lookup.containers([], [request.object_uid])).filter((c) => mayHaveAdded(request, c));
    const named = begun.filter((c) => c.kind === 'ephemeral');
    // without the body of the request nobody knows which it asked for
    for (const c of named.length > 0 ? named : begun) steps.push(toContainer(c, adding(request, c)));
  }
  return steps;
}

function toContainer(c: ContainerFacts, link: Pick<Link, 'from' | 'confidence' | 'reason' | 'digests'>): Step {
  const id = idOf('container', c.id);
  return { link: { ...link, to: id, kind: 'created' }, reached: id, arrival: 'onward' };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
