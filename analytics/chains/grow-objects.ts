// Between Kubernetes objects, the containers made of them, and what ran there.
import { idOf, keyOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** From an object to what controllers made of it (CronJob, Job, Pod) and to the containers of a pod. */
export async function followObjects(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const uids = frontier.map((f) => keyOf(f.id));
  const steps: Step[] = [];
  for (const made of await growth.lookup.ownedBy(uids)) {
    if (made.at < (growth.changedAt.get(idOf('object', made.owner_uid)) ?? 0)) continue;
    steps.push({
      link: {
        from: idOf('object', made.owner_uid),
        to: idOf('object', made.uid),
        kind: 'same-owner',
        confidence: 1,
        reason: `${made.resource} ${made.namespace}/${made.name} names the object before as its owner`,
        digests: [made.digest],
      },
      reached: idOf('object', made.uid),
      arrival: 'onward',
    });
  }
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

/** Everything that ran in a container of the intruder's own; and, where growth came from inside it, who had it created. */
export async function followContainers(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const steps: Step[] = [];
  for (const p of await growth.lookup.inContainers(frontier.map((f) => keyOf(f.id)))) {
    // runc's own processes prepare the container for anybody
    if (p.method === 'runtime-arguments' || p.setup) continue;
    steps.push({
      link: {
        from: idOf('container', p.container_id),
        to: processId(p),
        kind: 'ran-in',
        confidence: 1,
        reason: `${commandOf(p, 40)} ran in the container`,
        digests: [p.digest],
      },
      reached: remember(growth, p),
      arrival: 'onward',
    });
  }
  const inside = frontier.filter((f) => f.arrival !== 'onward').map((f) => keyOf(f.id));
  return [...steps, ...(await toCreation(growth, inside))];
}

/** Controllers make pods of workloads; the request that made the topmost owner is the one somebody wanted. */
const OWNERS_DEPTH_MAX = 5;

async function toCreation(growth: Growth, containerIds: readonly string[]): Promise<Step[]> {
  const steps: Step[] = [];
  for (const c of await growth.lookup.containers(containerIds, [])) {
    if (c.pod_uid === '') continue;
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
    const uids = await ownersUp(growth, c.pod_uid);
    for (const [i, uid] of uids.slice(1).entries()) {
      const child = uids[i] ?? c.pod_uid;
      steps.push({
        link: {
          from: idOf('object', uid),
          to: idOf('object', child),
          kind: 'same-owner',
          confidence: 1,
          reason: 'owner reference of the object',
          digests: [],
        },
        reached: idOf('object', uid),
        arrival: 'onward',
      });
    }
    for (const request of await growth.lookup.creationsOf(uids.slice(-1))) {
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

/** UIDs from a pod up to its topmost owner that the API log knows. */
async function ownersUp(growth: Growth, podUid: string): Promise<string[]> {
  const uids = [podUid];
  for (let depth = 0; depth < OWNERS_DEPTH_MAX; depth++) {
    const [object] = await growth.lookup.ownersOf(uids.slice(-1));
    if (object === undefined || object.owner_uid === '' || uids.includes(object.owner_uid)) break;
    uids.push(object.owner_uid);
  }
  return uids;
}
