// Tokens that left their place: one asked for and used, one of a pod the intruder was in, used from elsewhere.
import { isPublicAddress } from '../networks.ts';
import type { RequestFacts } from './facts.ts';
import { idOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** Requests made with a token that a reached request had issued: the answer's credential id is in its audit annotations. */
export async function followIssuedTokens(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const issued = new Map(
    frontier.flatMap(({ id }) => {
      const request = growth.requests.get(id);
      return request === undefined || request.issued_credential === '' ? [] : [[request.issued_credential, request]];
    }),
  );
  return (await growth.lookup.requestsWith([...issued.keys()])).flatMap((request) => {
    const by = issued.get(request.credential_id);
    if (by === undefined || request.time < by.time) return [];
    const id = idOf('request', request.audit_id);
    growth.requests.set(id, request);
    return [
      {
        link: {
          from: idOf('request', by.audit_id),
          to: id,
          kind: 'token-used' as const,
          confidence: 1,
          reason: `${by.principal} had a token issued (${request.credential_id}), and ${request.principal} asked with it from ${request.source_ip}`,
          digests: [by.digest, request.digest],
        },
        reached: id,
        arrival: 'onward' as const,
      },
    ];
  });
}

/** Requests with the bound token of a pod the intruder was in, from an address that is not the pod's. */
export async function followPodTokens(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const inside = frontier.flatMap(({ id }) => growth.processes.get(id) ?? []).filter((p) => p.container_id !== '');
  const containers = await growth.lookup.containers([...new Set(inside.map((p) => p.container_id))], []);
  const podOf = new Map(containers.map((c) => [c.id, c.pod_uid]));
  // the first of all, and the first of each command that was run there
  const first = new Map<string, Map<string, (typeof inside)[number]>>();
  for (const p of inside) {
    const pod = podOf.get(p.container_id) ?? '';
    if (pod === '') continue;
    const ofPod = first.get(pod) ?? new Map<string, typeof p>();
    first.set(pod, ofPod);
    for (const which of ['', p.exec_id]) {
      const known = ofPod.get(which);
      if (known === undefined || p.first_seen < known.first_seen) ofPod.set(which, p);
    }
  }
  return (await usedElsewhere(growth, [...first.keys()])).flatMap((request) => {
    const before = [...(first.get(request.token_pod_uid)?.values() ?? [])].filter((p) => p.first_seen <= request.time);
    const id = idOf('request', request.audit_id);
    growth.requests.set(id, request);
    return [...new Set(before)].map((p) => ({
      link: {
        from: processId(p),
        to: id,
        kind: 'token-used' as const,
        confidence: 0.9,
        reason: `the token bound to this pod (${request.principal}) was used from ${request.source_ip}, which is not the pod's address, after the intruder was in it`,
        digests: [p.digest, request.digest],
      },
      reached: id,
      arrival: 'onward' as const,
    }));
  });
}

/** Requests with a token bound to one of the pods from an address that is not the pod's; of one whose address nobody told, from outside of the cluster. */
async function usedElsewhere(growth: Growth, podUids: readonly string[]): Promise<RequestFacts[]> {
  const unplaced = await growth.lookup.tokensOfUnplacedPods(podUids);
  return [
    ...(await growth.lookup.podTokensElsewhere(podUids)),
    ...unplaced.filter((r) => isPublicAddress(r.source_ip)),
  ];
}

/** From a pod's token used elsewhere back to who, with a finding, was in the pod last before: it was read there. */
export async function followToReaders(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const bound = frontier
    .flatMap(({ id }) => growth.requests.get(id) ?? [])
    .filter((r) => r.token_pod_uid !== '' && r.caller_pod_uid !== r.token_pod_uid);
  const away = await usedElsewhere(growth, [...new Set(bound.map((r) => r.token_pod_uid))]);
  const elsewhere = new Set(away.map((r) => r.audit_id));
  const used = new Map<string, (typeof bound)[number]>();
  for (const r of bound) if (elsewhere.has(r.audit_id) && !used.has(r.token_pod_uid)) used.set(r.token_pod_uid, r);
  const containers = await growth.lookup.containers([], [...used.keys()]);
  const podOf = new Map(containers.map((c) => [c.id, c.pod_uid]));
  const inside = await growth.lookup.inContainers([...podOf.keys()]);
  return [...used].flatMap(([pod, request]) => {
    const reader = inside.findLast(
      (p) => podOf.get(p.container_id) === pod && p.first_seen <= request.time && growth.wrong.has(processId(p)),
    );
    // who is known to have been in the pod explains it: followPodTokens
    const isKnown = inside.some((p) => podOf.get(p.container_id) === pod && growth.graph.entities.has(processId(p)));
    if (reader === undefined || isKnown) return [];
    return [
      {
        link: {
          from: processId(reader),
          to: idOf('request', request.audit_id),
          kind: 'token-used' as const,
          confidence: 0.85,
          reason: `${request.principal} asked from ${request.source_ip} with the token bound to this pod, where ${commandOf(reader, 60)} had run ${((request.time - reader.first_seen) / 1000).toFixed(1)} s before`,
          digests: [reader.digest, request.digest],
        },
        reached: remember(growth, reader),
        arrival: 'backward' as const,
      },
    ];
  });
}
