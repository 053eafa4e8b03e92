// From one pod into another: a connection of the intruder's to a pod's address, and what that pod's service started on it.
import { isPublicAddress } from '../networks.ts';
import type { ProcessFacts } from './facts.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** A service hands a request on at once. */
const HANDED_ON_MS_MAX = 60;

/**
 * Only where a finding says that what was started, or its child, is wrong: services start programs for everybody, and a scan touches
 * every pod.
 */
export async function followIntoPods(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const senders = new Map(frontier.flatMap(({ id }) => growth.processes.get(id) ?? []).map((p) => [p.key, p]));
  const inside = (await growth.lookup.connections([...senders.keys()])).filter((c) => !isPublicAddress(c.addr));
  const containers = await growth.lookup.containersAt([...new Set(inside.map((c) => c.addr))]);
  const started = await growth.lookup.inContainers([...new Set(containers.map((c) => c.id))]);
  const steps: Step[] = [];
  for (const connection of inside) {
    const from = senders.get(connection.key);
    const there = new Set(containers.filter((c) => c.ip === connection.addr).map((c) => c.id));
    if (from === undefined || there.size === 0 || there.has(from.container_id)) continue;
    const near = started.filter(
      (p) =>
        there.has(p.container_id) &&
        p.exec_id === '' &&
        p.method !== 'runtime-pid' &&
        p.first_seen >= connection.time &&
        p.first_seen <= connection.time + HANDED_ON_MS_MAX,
    );
    const keys = new Set(near.map((p) => p.key));
    for (const entry of near.filter((p) => !keys.has(p.parent_key))) {
      if (!isWrong(growth, entry, started)) continue;
      steps.push({
        link: {
          from: processId(from),
          to: processId(entry),
          kind: 'connected',
          confidence: 0.8,
          reason: `${commandOf(from, 40)} connected to the pod at ${connection.addr} port ${connection.port}, ${entry.first_seen - connection.time} ms before its service started ${commandOf(entry, 40)}`,
          digests: [from.digest, connection.digest, entry.digest],
        },
        reached: remember(growth, entry),
        arrival: 'onward',
      });
    }
  }
  return steps;
}

function isWrong(growth: Growth, entry: ProcessFacts, started: readonly ProcessFacts[]): boolean {
  const family = [entry, ...started.filter((p) => p.parent_key === entry.key)];
  return family.some((p) => growth.suspicious.has(processId(p)));
}
