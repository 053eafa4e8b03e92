// Containers that an admission webhook put into pods of others: whoever registered the webhook answers for them, not who made the pod.
import { z } from 'zod';
import type { ContainerFacts, RequestFacts } from './facts.ts';
import { idOf, keyOf } from './graph.ts';
import { type Frontier, type Growth, processId, type Step } from './growth.ts';
import type { PatchedPod } from './lookup-beside.ts';

const named = z.object({ name: z.string() });
/** As the API server notes it of a pod, where its policy keeps bodies. */
const patchNote = z.object({
  configuration: z.string(),
  patch: z.array(z.object({ op: z.string(), path: z.string(), value: z.unknown().optional() })),
});

/** Which webhook's configuration added each container of a pod, by the container's name. */
export function addedContainers(pod: Pick<PatchedPod, 'patches'>): Map<string, string> {
  const added = new Map<string, string>();
  for (const note of pod.patches) {
    const { data } = patchNote.safeParse(parsed(note));
    for (const { op, path, value } of data?.patch ?? []) {
      if (op !== 'add' || !/^\/spec\/(initContainers|containers)(\/[^/]+)?$/.test(path)) continue;
      for (const item of [value].flat()) {
        const container = named.safeParse(item).data;
        if (container !== undefined && data !== undefined) added.set(container.name, data.configuration);
      }
    }
  }
  return added;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

interface Added {
  pod: PatchedPod;
  configuration: string;
}

/** Of the containers, those that a webhook added, by id. */
export async function addedByWebhooks(
  growth: Growth,
  containers: readonly ContainerFacts[],
): Promise<Map<string, Added>> {
  const pods = await growth.lookup.patchedPods([...new Set(containers.map((c) => c.pod_uid).filter((u) => u !== ''))]);
  const byUid = new Map(pods.map((pod) => [pod.pod_uid, { pod, added: addedContainers(pod) }]));
  return new Map(
    containers.flatMap((c) => {
      const known = byUid.get(c.pod_uid);
      const configuration = known?.added.get(c.name);
      return known === undefined || configuration === undefined
        ? []
        : [[c.id, { pod: known.pod, configuration }] as const];
    }),
  );
}

/** From a container that a webhook added back to who registered the webhook. */
export async function followToWebhook(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const ids = frontier.filter((f) => f.arrival !== 'onward').map((f) => keyOf(f.id));
  const containers = await growth.lookup.containers(ids, []);
  const added = await addedByWebhooks(growth, containers);
  const writes = await growth.lookup.webhookWrites([...new Set([...added.values()].map((a) => a.configuration))]);
  return containers.flatMap((c) => {
    const how = added.get(c.id);
    const request = writes.findLast((r) => r.name === how?.configuration && r.time <= how.pod.time);
    if (how === undefined || request === undefined) return [];
    growth.requests.set(idOf('request', request.audit_id), request);
    return [adds(request, c, how.pod, 'backward')];
  });
}

/** From a request that registered a webhook to the containers that it added: all, or where only one of them led to it, those with findings. */
export async function followWebhooks(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const writes = frontier.flatMap(({ id, arrival }) => {
    const r = growth.requests.get(id);
    const isWrite = r?.resource === 'mutatingwebhookconfigurations' && ['create', 'update', 'patch'].includes(r.verb);
    return r !== undefined && isWrite && r.name !== '' && r.code < 400 ? [{ request: r, arrival }] : [];
  });
  const pods = await growth.lookup.podsPatchedBy([...new Set(writes.map((w) => w.request.name))]);
  const containers = await growth.lookup.containers(
    [],
    pods.map((p) => p.pod_uid),
  );
  const wrong = new Set(
    (await growth.lookup.inContainers(containers.map((c) => c.id)))
      .filter((p) => growth.suspicious.has(processId(p)))
      .map((p) => p.container_id),
  );
  const isWrong = (c: ContainerFacts) => wrong.has(c.id) || growth.suspicious.has(idOf('container', c.id));
  return writes.flatMap(({ request, arrival }) =>
    pods
      .filter((pod) => pod.time >= request.time)
      .flatMap((pod) => {
        const added = addedContainers(pod);
        const its = containers.filter((c) => c.pod_uid === pod.pod_uid && added.get(c.name) === request.name);
        return its.filter((c) => arrival !== 'backward' || isWrong(c)).map((c) => adds(request, c, pod, 'onward'));
      }),
  );
}

function adds(request: RequestFacts, c: ContainerFacts, pod: PatchedPod, arrival: 'onward' | 'backward'): Step {
  const from = idOf('request', request.audit_id);
  const to = idOf('container', c.id);
  return {
    link: {
      from,
      to,
      kind: 'created',
      confidence: 0.95,
      reason: `${request.principal} registered the webhook ${request.name}, which added ${c.name} to pod ${c.namespace}/${c.pod} as it was created`,
      digests: [request.digest, pod.digest, c.digest],
    },
    reached: arrival === 'onward' ? to : from,
    arrival,
  };
}
