// Up and down the process tree.

import type { ProcessFacts } from './facts.ts';
import { idOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** A container's own start script acts within moments; what its first process starts later, it starts because somebody asked. */
const SETTLED_MS = 10_000;
/** A shell's background child, handed to the container's first process, starts at once. */
const ORPHAN_MS_MAX = 2_000;
/** Shorter command lines ("id", "sh") stand in too many others to prove descent. */
const COMMAND_LENGTH_MIN = 6;

/** Children of every process reached: what an intruder's process starts is the intruder's. */
export async function descend(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const parents = new Map(frontier.flatMap(({ id }) => asEntry(growth.processes.get(id))));
  const steps: Step[] = [];
  for (const child of await growth.lookup.children([...parents.keys()])) {
    const parent = parents.get(child.parent_key);
    if (parent === undefined || parent.node !== child.node) continue;
    steps.push({ link: spawned(parent, child, 1), reached: remember(growth, child), arrival: 'onward' });
  }
  return steps;
}

/** Parents of what a finding is about or what led there, up to the service that let the intruder in. */
export async function climb(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const climbers = frontier.filter((f) => f.arrival !== 'onward').flatMap(({ id }) => growth.processes.get(id) ?? []);
  const parents = new Map(
    (await growth.lookup.processes(climbers.map((p) => p.parent_key).filter((k) => k !== ''))).map((p) => [p.key, p]),
  );
  const serving = await growth.lookup.servesSince([...parents.keys()]);
  const routine = await startsOfRoutine(growth, [...parents.values()]);
  const steps: Step[] = [];
  const orphans: ProcessFacts[] = [];
  for (const child of climbers) {
    const parent = parents.get(child.parent_key);
    if (child.exec_id !== '') continue; // its request led to it: toRequests
    if (child.method === 'runtime-pid') steps.push(toContainer(child));
    else if (parent === undefined || routine.has(parent.key) || isService(parent, child, serving.get(parent.key))) {
      orphans.push(child);
      steps.push(...servedToo(growth, parent, child));
    } else steps.push({ link: spawned(parent, child, 1), reached: remember(growth, parent), arrival: 'backward' });
  }
  const execs = climbers.filter((p) => p.exec_id !== '');
  return [
    ...steps,
    ...(await toRequests(growth, execs)),
    ...(await toLostParents(growth, orphans)),
    ...(await toOthersServed(growth, orphans)),
  ];
}

/** Container's first processes and their children that another pod of the workload ran before just so: the workload's own, whoever made it do more now. */
async function startsOfRoutine(growth: Growth, parents: readonly ProcessFacts[]): Promise<Set<string>> {
  const isFirst = (p: ProcessFacts | undefined) => p?.method === 'runtime-pid' && p.exec_id === '';
  const inside = parents.filter((p) => p.container_id !== '' && p.exec_id === '');
  const above = await growth.lookup.processes(inside.map((p) => p.parent_key).filter((k) => k !== ''));
  const first = new Set(above.filter(isFirst).map(processId));
  const starts = inside.filter((p) => isFirst(p) || first.has(processId({ node: p.node, key: p.parent_key })));
  return growth.lookup.ranBefore(starts.map((p) => p.key));
}

/** Who waits for others (a server, a daemon of the node, a container's settled first process) is not the intruder's parent. */
function isService(parent: ProcessFacts, child: ProcessFacts, servesSince: number | undefined): boolean {
  if (servesSince !== undefined && servesSince <= child.first_seen) return true;
  // who let somebody in served others before: grow-logins.ts
  if (child.container_id === '' && child.ses >= 0 && parent.ses !== child.ses) return true;
  if (parent.container_id === '') return parent.parent_key === '' || parent.container_id !== child.container_id;
  return parent.method === 'runtime-pid' && parent.exec_id === '' && child.first_seen - parent.first_seen > SETTLED_MS;
}

/** One sitting of an intruder at a service. */
const SITTING_MS = 600_000;

/**
 * What serves in one container started for him again and again, with nothing else to tell that he asked. The fork between a service and
 * what it runs may have left no record; the node's services serve everybody.
 */
function servedToo(growth: Growth, service: ProcessFacts | undefined, child: ProcessFacts): Step[] {
  if (child.container_id === '' || service?.container_id === '') return [];
  const before = growth.served.get(child.container_id) ?? [];
  const near = before.findLast((p) => Math.abs(p.first_seen - child.first_seen) <= SITTING_MS);
  before.push(child);
  growth.served.set(child.container_id, before);
  if (near === undefined || near.key === child.key) return [];
  const [first, second] = near.first_seen <= child.first_seen ? [near, child] : [child, near];
  const after = ((second.first_seen - first.first_seen) / 1000).toFixed(1);
  return [
    {
      link: {
        from: processId(first),
        to: processId(second),
        kind: 'same-service',
        confidence: 0.6,
        reason: `${service === undefined ? 'what serves in the container' : commandOf(service, 40)} started ${nameOf(first)} and, ${after} s later, ${nameOf(second)}; below each lies what belongs to an intrusion`,
        digests: [first.digest, second.digest],
      },
      reached: processId(child),
      arrival: 'backward',
    },
  ];
}

/** From what a container's service started for him to what else was found wrong there in the same sitting. */
async function toOthersServed(growth: Growth, orphans: readonly ProcessFacts[]): Promise<Step[]> {
  const containers = await growth.lookup.containers([...new Set(orphans.map((p) => p.container_id))], []);
  const started = new Map(containers.map((c) => [c.id, c.started_at]));
  // a container that has only begun serves nobody yet
  const entries = new Map(
    orphans
      .filter((p) => p.first_seen - (started.get(p.container_id) ?? p.first_seen) > SETTLED_MS)
      .map((p) => [p.container_id, p]),
  );
  const inside = await growth.lookup.inContainers([...entries.keys()]);
  return inside.flatMap((p): Step[] => {
    const entry = entries.get(p.container_id);
    const id = processId(p);
    if (entry === undefined || p.exec_id !== '' || !growth.wrong.has(id) || growth.graph.entities.has(id)) return [];
    const apart = p.first_seen - entry.first_seen;
    if (Math.abs(apart) > SITTING_MS) return [];
    const when = `${(Math.abs(apart) / 1000).toFixed(1)} s ${apart < 0 ? 'before' : 'after'}`;
    return [
      {
        link: {
          from: processId(entry),
          to: id,
          kind: 'same-service',
          confidence: 0.6,
          reason: `${commandOf(p, 60)}, of which there is a finding, ran in the container ${when} what the intruder had its service start (${nameOf(entry)})`,
          digests: [entry.digest, p.digest],
        },
        reached: remember(growth, p),
        arrival: 'backward',
      },
    ];
  });
}

async function toRequests(growth: Growth, children: readonly ProcessFacts[]): Promise<Step[]> {
  const byKey = new Map(children.map((p) => [p.key, p]));
  return (await growth.lookup.sessionsOf([], [...byKey.keys()])).flatMap((session) => {
    const child = byKey.get(session.key);
    if (child === undefined) return [];
    const request = idOf('request', session.audit_id);
    return {
      link: {
        from: request,
        to: processId(child),
        kind: 'exec-session' as const,
        confidence: session.confidence,
        reason: `the exec request for "${session.command.join(' ')}" started this process in the container`,
        digests: [child.digest],
      },
      reached: request,
      arrival: 'backward' as const,
    };
  });
}

function toContainer(child: ProcessFacts): Step {
  const container = idOf('container', child.container_id);
  return {
    link: {
      from: container,
      to: processId(child),
      kind: 'ran-in',
      confidence: 1,
      reason: 'the first process of the container, as the runtime named it',
      digests: [child.digest],
    },
    reached: container,
    arrival: 'backward',
  };
}

/**
 * A shell that ends at once ("cmd &") leaves its child to the container's first process, and fork leaves no record: the parent is
 * then told by its command line, which holds the child's.
 */
async function toLostParents(growth: Growth, orphans: readonly ProcessFacts[]): Promise<Step[]> {
  const telling = orphans.filter((p) => p.container_id !== '' && p.first_argv.join(' ').length >= COMMAND_LENGTH_MIN);
  const times = telling.map((p) => p.first_seen - ORPHAN_MS_MAX);
  const started = await growth.lookup.startedAfter(times, ORPHAN_MS_MAX);
  return telling.flatMap((child) => {
    const words = child.first_argv.join(' ');
    const shell = started.findLast(
      (p) =>
        p.container_id === child.container_id &&
        p.key !== child.key &&
        p.first_seen <= child.first_seen &&
        p.first_seen >= child.first_seen - ORPHAN_MS_MAX &&
        p.first_argv.length > 1 &&
        p.first_argv.some((word) => word !== words && word.includes(words)),
    );
    if (shell === undefined) return [];
    return [{ link: spawned(shell, child, 0.9), reached: remember(growth, shell), arrival: 'backward' as const }];
  });
}

/** @param confidence of a parent that the records name; one that only the order of pids tells is less sure */
export function spawned(parent: ProcessFacts, child: ProcessFacts, confidence: number) {
  const how = confidence === 1 ? `parent pid ${parent.pid}` : `its command stands in the line of pid ${parent.pid}`;
  return {
    from: processId(parent),
    to: processId(child),
    kind: 'spawned' as const,
    confidence: isSilent(child) ? Math.min(confidence, BY_ORDER) : confidence,
    reason: isSilent(child)
      ? `${nameOf(parent)} forked pid ${child.pid}, which left no record: its pid comes among those of other children of pid ${parent.pid}`
      : `${nameOf(parent)} started ${nameOf(child)} (${how})`,
    digests: [parent.digest, child.digest],
  };
}

/** Entities' fork-order. */
const BY_ORDER = 0.8;
const isSilent = (p: ProcessFacts) => p.comm === '' && p.argv.length === 0;
const nameOf = (p: ProcessFacts) => (isSilent(p) ? `a fork without a record (pid ${p.pid})` : commandOf(p, 40));

const asEntry = (p: ProcessFacts | undefined): [string, ProcessFacts][] => (p === undefined ? [] : [[p.key, p]]);
