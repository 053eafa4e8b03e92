// Tokens that left their place: one asked for and used, one of a pod the intruder was in, used from elsewhere.
import { idOf } from './graph.ts';
import { type Frontier, type Growth, processId, type Step } from './growth.ts';

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
  const first = new Map<string, (typeof inside)[number]>();
  for (const p of inside) {
    const pod = podOf.get(p.container_id) ?? '';
    const known = first.get(pod);
    if (pod !== '' && (known === undefined || p.first_seen < known.first_seen)) first.set(pod, p);
  }
  return (await growth.lookup.podTokensElsewhere([...first.keys()])).flatMap((request) => {
    const p = first.get(request.token_pod_uid);
    if (p === undefined || request.time < p.first_seen) return [];
    const id = idOf('request', request.audit_id);
    growth.requests.set(id, request);
    return [
      {
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
      },
    ];
  });
}
