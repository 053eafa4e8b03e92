// Exec requests as pairs for clocks.ts: those that were joined bound the difference of clocks closely; and where a node told nothing else,
// the difference under which most requests find a start of their own command.

import { ranCommand, type Start } from '../sessions/session-starts.ts';
import type { JoinedSession, SessionRequest, Target } from '../sessions/sessions.ts';
import type { ClockPair } from './clock-offsets.ts';
import type { Clocks } from './clocks.ts';
import { UNKNOWN_US } from './clocks.ts';

/** A node is set to a wrong hour (a time zone taken for UTC) now and then; further off, commands repeat too often to be told apart. */
const VOTE_US_MAX = 14 * 3_600_000_000;
/** Starts of one difference of clocks come this close together, by how quickly a node starts them. */
const SAME_US = 2_000_000;

/** A request comes before its start, and its answer ends after it. Only of pairs that their command joined. */
export function pairsOfExecs(sessions: readonly JoinedSession[]): ClockPair[] {
  return sessions.flatMap(({ request, start, entry, method }) => {
    if (start === undefined || (method !== 'command' && method !== 'command-by-audit')) return [];
    const pair = (
      layer: ClockPair['layer'],
      side: ClockPair['side'],
      at_us: number,
      api_us: number,
      node: string[],
    ): ClockPair => ({
      ...{
        cluster: start.cluster,
        node: start.node,
        layer,
        reference: 'k8s-audit',
        side,
        at_us,
        bound_us: at_us - api_us,
        pairs: 1,
      },
      digests: [...node, ...(side === 'high' ? request.begin_digests : request.end_digests)],
    });
    const pairs = [];
    const told = start.begin_digests;
    pairs.push(pair(start.layer, 'high', start.at_us, request.requested_us, told));
    if (start.call !== undefined && start.layer === 'runtime')
      pairs.push(pair('auditd', 'high', start.call.first_us, request.requested_us, [start.call.digest]));
    if (request.completed_us === 0) return pairs;
    if (start.started_us > 0) pairs.push(pair('runtime', 'low', start.started_us, request.completed_us, told));
    if (entry !== undefined) pairs.push(pair('auditd', 'low', entry.first_us, request.completed_us, [entry.digest]));
    return pairs;
  });
}

/** Of nodes whose clocks nothing is known of. */
export function voteOffsets(
  requests: readonly SessionRequest[],
  targets: readonly Target[],
  starts: readonly Start[],
  clocks: Clocks,
): ClockPair[] {
  const nodes = new Map<string, { start: Start; request: SessionRequest; late_us: number }[]>();
  const entered = new Map(targets.map((t) => [[t.cluster, t.node, t.container_id].join('\0'), t]));
  const asked = new Map<string, SessionRequest[]>();
  for (const request of requests) {
    if (request.kind !== 'exec' || request.code >= 400) continue;
    const pod = [request.cluster, request.namespace, request.pod].join('\0');
    asked.set(pod, [...(asked.get(pod) ?? []), request]);
  }
  for (const start of starts) {
    const { cluster, node, layer, at_us, container_id } = start;
    const target = entered.get([cluster, node, container_id].join('\0'));
    if (target === undefined) continue;
    if (clocks.byApi({ cluster, node, layer, at_us }).uncertainty_us < UNKNOWN_US) continue;
    const key = [cluster, node, layer].join('\0');
    const pairs = nodes.get(key) ?? [];
    nodes.set(key, pairs);
    for (const request of asked.get([cluster, target.namespace, target.pod].join('\0')) ?? []) {
      const late_us = at_us - request.requested_us;
      if (Math.abs(late_us) > VOTE_US_MAX) continue;
      if (request.container_name !== '' && request.container_name !== target.container_name) continue;
      const ran = start.entries.some((e) => ranCommand(start, e, request.command) === true);
      if (ran || ranCommand(start, undefined, request.command) === true) pairs.push({ start, request, late_us });
    }
  }
  return [...nodes.values()].flatMap((pairs) => {
    const votes = pairs.map(({ late_us }) => {
      const near = pairs.filter((p) => p.late_us >= late_us && p.late_us <= late_us + SAME_US);
      return { late_us, near, requests: new Set(near.map((p) => p.request)).size };
    });
    const best = votes.sort((a, b) => b.requests - a.requests || Math.abs(a.late_us) - Math.abs(b.late_us))[0];
    return (best?.near ?? []).map(({ start, request, late_us }) => ({
      ...{ cluster: start.cluster, node: start.node, layer: start.layer, reference: 'k8s-audit', side: 'high' },
      ...{
        at_us: start.at_us,
        bound_us: late_us,
        pairs: 1,
        digests: [...start.begin_digests, ...request.begin_digests],
      },
    }));
  });
}
