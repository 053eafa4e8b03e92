// Between processes and the Kubernetes API.

import { isPublicAddress } from '../networks.ts';
import type { ProcessFacts, RequestFacts } from './facts.ts';
import { type EntityId, idOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, type Step } from './growth.ts';

/** Kinds whose controllers make pods: changing one runs code as surely as creating it. */
const WORKLOADS = new Set(['deployments', 'daemonsets', 'statefulsets', 'replicasets', 'jobs', 'cronjobs']);

/** Requests that a reached process sent, and public addresses it spoke with. */
export async function followConnections(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const senders = new Map(
    frontier.flatMap(({ id }) => {
      const p = growth.processes.get(id);
      return p === undefined ? [] : [[p.key, p] as const];
    }),
  );
  const steps: Step[] = [];
  for (const request of await growth.lookup.requestsOfProcesses([...senders.keys()])) {
    const sender = senders.get(request.caller_process);
    if (sender !== undefined)
      steps.push({ link: sent(sender, request), reached: keep(growth, request), arrival: 'onward' });
  }
  for (const c of await growth.lookup.connections([...senders.keys()])) {
    const from = senders.get(c.key);
    if (from === undefined || !isPublicAddress(c.addr)) continue;
    const address = idOf('address', c.addr);
    steps.push({
      link: {
        from: processId(from),
        to: address,
        kind: 'connected',
        confidence: 0.95,
        reason: `${commandOf(from, 40)} connected to ${c.addr} port ${c.port}`,
        digests: [from.digest, c.digest],
      },
      reached: address,
      arrival: 'onward',
    });
  }
  return steps;
}

/** From requests onward (what they made, the execs they opened) and backward (who sent them, what else that credential did). */
export async function followRequests(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const requests = frontier.flatMap(({ id }) => growth.requests.get(id) ?? []);
  const backward = frontier.filter((f) => f.arrival !== 'onward').flatMap(({ id }) => growth.requests.get(id) ?? []);
  return [
    ...requests.flatMap((request) => made(growth, request)),
    ...(await opened(growth, requests)),
    ...(await senders(growth, backward)),
    ...(await sameCredential(growth, backward)),
  ];
}

function made(growth: Growth, request: RequestFacts): Step[] {
  const creates = request.verb === 'create' && request.subresource === '';
  const changes =
    ['update', 'patch'].includes(request.verb) && WORKLOADS.has(request.resource) && request.subresource === '';
  if (!(creates || changes) || request.object_uid === '' || request.code >= 400) return [];
  const object = idOf('object', request.object_uid);
  // what controllers made of it before the intruder's first change, or before it was his at all, is not his
  growth.changedAt.set(object, Math.min(request.time, growth.changedAt.get(object) ?? Number.POSITIVE_INFINITY));
  return [
    {
      link: {
        from: idOf('request', request.audit_id),
        to: object,
        kind: 'created',
        confidence: creates ? 1 : 0.8,
        reason: `${request.principal} ${creates ? 'created' : 'changed'} ${request.resource} ${request.namespace}/${request.name}`,
        digests: [request.digest],
      },
      reached: object,
      arrival: 'onward',
    },
  ];
}

async function opened(growth: Growth, requests: readonly RequestFacts[]): Promise<Step[]> {
  const execs = new Map(requests.filter((r) => r.subresource === 'exec').map((r) => [r.audit_id, r]));
  const sessions = await growth.lookup.sessionsOf([...execs.keys()], []);
  const processes = new Map((await growth.lookup.processes(sessions.map((s) => s.key))).map((p) => [p.key, p]));
  return sessions.flatMap((session) => {
    const request = execs.get(session.audit_id);
    const process = processes.get(session.key);
    if (request === undefined || process === undefined) return [];
    return [
      {
        link: {
          from: idOf('request', session.audit_id),
          to: processId(process),
          kind: 'exec-session' as const,
          confidence: session.confidence,
          reason: `the exec request for "${session.command.join(' ')}" started this process in the container`,
          digests: [request.digest, process.digest],
        },
        reached: processId(process),
        arrival: 'onward' as const,
      },
    ];
  });
}

async function senders(growth: Growth, requests: readonly RequestFacts[]): Promise<Step[]> {
  const known = requests.filter((r) => r.caller_process !== '');
  const processes = new Map((await growth.lookup.processes(known.map((r) => r.caller_process))).map((p) => [p.key, p]));
  return known.flatMap((request) => {
    const sender = processes.get(request.caller_process);
    return sender === undefined
      ? []
      : [{ link: sent(sender, request), reached: processId(sender), arrival: 'backward' as const }];
  });
}

/**
 * A credential used from a place that is not its own: everything it did from there belongs together, and the place is the intruder's.
 * Not its own: anonymous from anywhere, an account of a workload that lives inside, or an address that made less than half of what the principal did.
 */
async function sameCredential(growth: Growth, requests: readonly RequestFacts[]): Promise<Step[]> {
  const outside = requests.filter((r) => r.caller_pod_uid === '' && isPublicAddress(r.source_ip));
  const usage = await growth.lookup.usage([...new Set(outside.map((r) => r.principal))]);
  const steps: Step[] = [];
  for (const request of outside) {
    const mine = usage.filter((u) => u.principal === request.principal);
    const total = mine.reduce((sum, u) => sum + u.requests, 0);
    const here = mine.find((u) => u.source_ip === request.source_ip)?.requests ?? 0;
    if (request.principal !== 'system:anonymous' && !leftTheCluster(mine) && here * 2 >= total) continue;
    const address = idOf('address', request.source_ip);
    steps.push({
      link: {
        from: address,
        to: idOf('request', request.audit_id),
        kind: 'same-credential',
        confidence: 0.9,
        reason: `${request.principal} was used from ${request.source_ip}, which made ${here} of its ${total} requests`,
        digests: [request.digest],
      },
      reached: address,
      arrival: 'onward',
    });
  }
  return steps;
}

/** Accounts of workloads and nodes do not travel: used from inside too, an address outside is not theirs, however much was asked from there. */
const leftTheCluster = (usage: readonly { principal: string; source_ip: string }[]) =>
  usage.some((u) => /^system:(serviceaccount|node):/.test(u.principal) && !isPublicAddress(u.source_ip));

function sent(sender: ProcessFacts, request: RequestFacts) {
  const what = [request.verb, request.resource || 'a path', request.namespace && `in ${request.namespace}`]
    .filter(Boolean)
    .join(' ');
  return {
    from: processId(sender),
    to: idOf('request', request.audit_id),
    kind: 'api-request' as const,
    confidence: request.caller_confidence,
    reason: `${commandOf(sender, 40)} was the last in its pod to connect to the API before ${request.principal} asked to ${what} from the pod's address`,
    digests: [sender.digest, request.caller_digest, request.digest],
  };
}

function keep(growth: Growth, request: RequestFacts): EntityId {
  const id = idOf('request', request.audit_id);
  growth.requests.set(id, request);
  return id;
}
