// Between Kubernetes objects, the containers made of them, and what ran there.
import type { ObjectFacts, ProcessFacts } from './facts.ts';
import { idOf, keyOf } from './graph.ts';
import { spawned } from './grow-processes.ts';
import { addedByWebhooks } from './grow-webhooks.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';
import { objectName } from './names.ts';

/** From an object to what controllers made of it (CronJob, Job, Pod) and to the containers of a pod. */
export async function followObjects(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const uids = frontier.map((f) => keyOf(f.id));
  const steps: Step[] = [];
  const isAfter = (made: ObjectFacts) => made.at >= (growth.changedAt.get(idOf('object', made.owner_uid)) ?? 0);
  const owned = (await growth.lookup.ownedBy(uids)).filter(isAfter);
  steps.push(...owned.map((made) => ownedStep(made, 1, 'names the object before as its owner')));
  const pods = (await growth.lookup.podsOf(uids)).filter(isAfter);
  steps.push(...pods.map((pod) => ownedStep(pod, 0.95, 'was made for the workload before, as its own owners tell')));
  for (const c of await growth.lookup.containers([], uids)) {
    steps.push({
      link: {
        from: idOf('object', c.pod_uid),
        to: idOf('container', c.id),
        kind: 'same-owner',
        confidence: 1,
        reason: `the runtime's labels of container ${c.name || c.kind} name pod ${c.namespace}/${c.pod} by its UID`,
        digests: [c.digest],
      },
      reached: idOf('container', c.id),
      arrival: 'onward',
    });
  }
  return steps;
}

function ownedStep(made: ObjectFacts, confidence: number, how: string): Step {
  return {
    link: {
      from: idOf('object', made.owner_uid),
      to: idOf('object', made.uid),
      kind: 'same-owner',
      confidence,
      reason: `${made.resource} ${made.namespace}/${made.name} ${how}`,
      digests: [made.digest],
    },
    reached: idOf('object', made.uid),
    arrival: 'onward',
  };
}

/** Everything that ran in a container of the intruder's own; and, where growth came from inside it, who had it created. */
export async function followContainers(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const steps: Step[] = [];
  // runc's own processes prepare the container for anybody
  const inside = (await growth.lookup.inContainers(frontier.map((f) => keyOf(f.id)))).filter(
    (p) => p.method !== 'runtime-arguments' && !p.setup,
  );
  const byId = new Map(inside.map((p) => [processId(p), p]));
  for (const p of inside) {
    const parent = byId.get(processId({ node: p.node, key: p.parent_key }));
    const isOfTree = parent !== undefined && parent.container_id === p.container_id;
    steps.push({ link: isOfTree ? spawned(parent, p, 1) : ranIn(p), reached: remember(growth, p), arrival: 'onward' });
  }
  const entered = frontier.filter((f) => f.arrival !== 'onward').map((f) => keyOf(f.id));
  return [...steps, ...(await toCreation(growth, entered))];
}

/** The tops of a container's trees. */
const ranIn = (p: ProcessFacts): Step['link'] => ({
  from: idOf('container', p.container_id),
  to: processId(p),
  kind: 'ran-in',
  confidence: 1,
  reason: `${commandOf(p, 40)} ran in the container`,
  digests: [p.digest],
});

/** Controllers make pods of workloads; the request that made the topmost owner is the one somebody wanted. */
const OWNERS_DEPTH_MAX = 5;

async function toCreation(growth: Growth, containerIds: readonly string[]): Promise<Step[]> {
  const steps: Step[] = [];
  // an ephemeral container is not its pod's creator's, and one without a pod has none: grow-runtime.ts
  const all = (await growth.lookup.containers(containerIds, [])).filter(
    (c) => c.pod_uid !== '' && c.kind !== 'ephemeral',
  );
  const added = await addedByWebhooks(growth, all); // nor is one that a webhook put there: grow-webhooks.ts
  const containers = all.filter((c) => !added.has(c.id));
  const { ways: owners, names } = await ownersUp(growth, [...new Set(containers.map((c) => c.pod_uid))]);
  const tops = [...new Set([...owners.values()].flatMap((uids) => uids.slice(-1)))];
  const creations = await growth.lookup.creationsOf(tops);
  for (const c of containers) {
    const object = idOf('object', c.pod_uid);
    steps.push({
      link: {
        from: object,
        to: idOf('container', c.id),
        kind: 'same-owner',
        confidence: 1,
        reason: `the runtime's labels of container ${c.name || c.kind} name pod ${c.namespace}/${c.pod} by its UID`,
        digests: [c.digest],
      },
      reached: object,
      arrival: 'onward',
    });
    const uids = owners.get(c.pod_uid) ?? [];
    for (const [i, uid] of uids.slice(1).entries()) {
      const child = uids[i] ?? c.pod_uid;
      steps.push({
        link: {
          from: idOf('object', uid),
          to: idOf('object', child),
          kind: 'same-owner',
          confidence: 1,
          reason: `${names.get(child) ?? child} names ${names.get(uid) ?? uid} as its owner`,
          digests: [],
        },
        reached: idOf('object', uid),
        arrival: 'onward',
      });
    }
    for (const request of creations.filter(({ object_uid }) => object_uid === uids.at(-1))) {
      growth.requests.set(idOf('request', request.audit_id), request);
      steps.push({
        link: {
          from: idOf('request', request.audit_id),
          to: idOf('object', request.object_uid),
          kind: 'created',
          confidence: 1,
          reason: `${request.principal} created ${request.resource} ${request.namespace}/${request.name}`,
          digests: [request.digest],
        },
        reached: idOf('request', request.audit_id),
        arrival: 'backward',
      });
    }
  }
  return steps;
}

/** UIDs from each pod up to its topmost owner that the API log knows; asked for all pods together, a step at a time. */
async function ownersUp(
  growth: Growth,
  podUids: readonly string[],
): Promise<{ ways: Map<string, string[]>; names: Map<string, string> }> {
  const names = new Map<string, string>();
  const ways = new Map(podUids.map((uid) => [uid, [uid]]));
  let climbing = [...ways.values()];
  for (let depth = 0; depth < OWNERS_DEPTH_MAX && climbing.length > 0; depth++) {
    const objects = await growth.lookup.ownersOf([...new Set(climbing.flatMap((uids) => uids.slice(-1)))]);
    for (const o of objects) if (o.name !== '') names.set(o.uid, objectName(o));
    const ownerOf = new Map(objects.map((object) => [object.uid, object.owner_uid]));
    climbing = climbing.filter((uids) => {
      const owner = ownerOf.get(uids.at(-1) ?? '') ?? '';
      if (owner === '' || uids.includes(owner)) return false;
      uids.push(owner);
      return true;
    });
  }
  return { ways, names };
}
