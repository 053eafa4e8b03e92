// Processes that the runtime tells of: by its events and documents (pids), or by what it was called for, as auditd saw it (runtime-calls.sql):
// `runc create ID` has the container's first process as its child, `runc exec ID` another one; conmon is the parent of its container's, and
// a shim of those of its pod.
import { groupBy } from '../group-by.ts';
import type { OverlayDevices } from './overlay-devices.ts';
import { type Ground, mayBeOf, place } from './placing.ts';
import type { Node, ProcessTable } from './process-table.ts';

/** A pid named by the runtime; ended_at 0 when no exit was seen. */
export interface NamedPid {
  cluster: string;
  node: string;
  container_id: string;
  exec_id: string;
  pid: number;
  started_at: number;
  ended_at: number;
  /** -1 unknown. */
  exit_status: number;
}

/** A row of runtime-calls.sql; at in ms. */
export interface RuntimeCall {
  cluster: string;
  node: string;
  at: number;
  pid: number;
  ppid: number;
  verb: string;
  container_id: string;
}

/** The last moment the runtime was heard of, ms. */
export interface Heard {
  cluster: string;
  node: string;
  until: number;
}

/** The runtime reports a start 3 to 50 ms after the first execve of the pid; a loaded node may take longer. */
const START_LATE_MS_MAX = 2_000;
/** Between create, which makes the process, and the start that is reported; beyond, a pid seen before was another process. */
const CREATED_BEFORE_MS_MAX = 20_000;
/** Verbs of calls that make a process in the container. */
const MAKES_PROCESS = new Set(['create', 'run', 'restore', 'exec', 'monitor', 'monitor-exec']);
const RUNTIME = /^(docker-|nvidia-container-)?(containerd-shim|conmon|runc|crun|youki|runsc|runtime)/;

/** Places the processes whose pids the runtime named, from the start it reported until the exit. */
export function placeNamed(pids: readonly NamedPid[], ground: Ground, heardUntil: number): void {
  const byPid = groupBy(ground.table.all, (node) => node.pid);
  for (const named of pids) {
    const first = firstOf(ground.table, named);
    if (first !== undefined) nameNode(first, named, 1);
    // as long as it runs its pid is nobody else's; where no exit was told it ran while the runtime was heard of
    const life = ground.lives.get(named.container_id);
    const until = named.ended_at || life?.ends_at || heardUntil;
    for (const node of byPid.get(named.pid) ?? [])
      if (node.container_id === '' && node.first_seen > named.started_at && node.first_seen <= until) {
        const isSure = named.ended_at > 0 || !node.starts_with_exec;
        if (isSure || !node.exec_from_disk) nameNode(node, named, isSure ? 1 : 0.85);
      }
  }
}

function firstOf(table: ProcessTable, { pid, started_at }: NamedPid): Node | undefined {
  // the event is late, and a pid may be used again: the process that ran at the event's time, else the next to appear
  const node = table.at(pid, started_at) ?? table.at(pid, started_at + START_LATE_MS_MAX);
  return node !== undefined && node.first_seen >= started_at - CREATED_BEFORE_MS_MAX ? node : undefined;
}

function nameNode(node: Node, { container_id, exec_id }: NamedPid, confidence: number): void {
  node.exec_id = exec_id;
  // what the kernel said of its cgroup goes before
  if (node.method === 'cgroup' || (node.cgroup_ids.length > 0 && !node.cgroup_ids.includes(container_id))) return;
  place(node, container_id, 'runtime-pid', confidence);
}

/** Containers whose first process a collector took for one of the node: it shares the node's pids, and its cgroup bears no id. */
export function takenForHost(pids: readonly NamedPid[], table: ProcessTable): Set<string> {
  const taken = new Set<string>();
  for (const named of pids)
    if (named.exec_id === '' && firstOf(table, named)?.on_host === true) taken.add(named.container_id);
  return taken;
}

/** Processes of the node that were called for a container. */
export type Callers = ReadonlyMap<Node, RuntimeCall>;

export function findCallers(calls: readonly RuntimeCall[], table: ProcessTable): Callers {
  const callers = new Map<Node, RuntimeCall>();
  for (const call of calls) {
    const node = table.at(call.pid, call.at);
    // a shim's child is a shim first, and then what it runs
    if (node !== undefined) callers.set(node, call);
  }
  return callers;
}

export const isOfRuntime = (node: Node, callers: Callers): boolean =>
  callers.has(node) || node.setup || RUNTIME.test(node.exe.split('/').at(-1) ?? '') || RUNTIME.test(node.comm);

/**
 * Children of what was called for one container, that run a program of an overlay: hooks and clean-up run the node's. And what was runc's
 * child before, and stood in the container's root.
 */
export function placeByCall(callers: Callers, ground: Ground, devices: OverlayDevices): void {
  for (const node of ground.table.all) {
    if (!isCandidate(node, devices)) continue;
    const call = callOfParent(node, callers, ground.table);
    const id = call !== undefined && MAKES_PROCESS.has(call.verb) ? call.container_id : node.called_for;
    if (ground.lives.has(id) && mayBeOf(node, id, ground) && !devices.contradict(node, id))
      place(node, id, 'runtime-call');
  }
}

/**
 * Children of a shim: who appears as a container of its pod is started is that container's first process; of others it can be told where only
 * one container can be meant. All of a pod's containers are known where the sandbox's own making is: what was there before may have others.
 */
export function placeByShim(
  calls: readonly RuntimeCall[],
  callers: Callers,
  ground: Ground,
  devices: OverlayDevices,
): void {
  const { table } = ground;
  const children: Child[] = [];
  for (const node of table.all) {
    const shim = node.ppid > 0 ? table.at(node.ppid, node.first_seen) : undefined;
    const call = shim === undefined || shim === node || shim.container_id !== '' ? undefined : callers.get(shim);
    if (shim !== undefined && call?.verb === 'shim' && isCandidate(node, devices))
      children.push({ node, shim, sandbox: call.container_id });
  }
  const inside = new Set(table.all.filter((n) => !n.setup).map((n) => n.container_id));
  const callsOf = groupBy(calls, (call) => call.ppid);
  const ofPod = groupBy([...ground.lives.values()], (life) => life.sandbox_id);
  for (const { node, shim } of children) {
    const before = (callsOf.get(shim.pid) ?? []).filter((call) => table.at(call.ppid, call.at) === shim);
    const id = startedAs(node, before, inside);
    if (id === undefined || !mayBeOf(node, id, ground) || devices.contradict(node, id)) continue;
    place(node, id, 'shim');
    inside.add(id);
  }
  for (const { node, sandbox } of children) {
    // the sandbox's own process is there as long as the pod, and starts nothing
    const isKnown = (ground.lives.get(sandbox)?.begins_at ?? 0) > 0 && inside.has(sandbox);
    if (node.container_id !== '' || !isKnown) continue;
    const possible = (ofPod.get(sandbox) ?? []).filter(
      ({ container_id: id, begins_at }) =>
        id !== sandbox && begins_at <= node.first_seen && mayBeOf(node, id, ground) && !devices.contradict(node, id),
    );
    const [only, ...more] = possible;
    if (only !== undefined && more.length === 0) place(node, only.container_id, 'shim');
  }
}

interface Child {
  node: Node;
  shim: Node;
  sandbox: string;
}

/** Of the container that was started last before it, when nothing else was done in the pod meanwhile and nobody is of it yet. */
function startedAs(node: Node, ofPod: readonly RuntimeCall[], inside: ReadonlySet<string>): string | undefined {
  const before = ofPod.filter((c) => c.at <= node.first_seen && c.at > node.first_seen - START_LATE_MS_MAX);
  const [start, ...more] = before.filter((c) => c.verb === 'start' && !inside.has(c.container_id));
  if (start === undefined || more.length > 0 || before.some((c) => c.verb === 'exec')) return undefined;
  return start.container_id;
}

function callOfParent(node: Node, callers: Callers, table: ProcessTable): RuntimeCall | undefined {
  const parent = node.ppid > 0 ? table.at(node.ppid, node.first_seen) : undefined;
  // a runtime that runs in a container has its containers in there
  return parent === undefined || parent === node || parent.container_id !== '' ? undefined : callers.get(parent);
}

const isCandidate = (node: Node, devices: OverlayDevices): boolean =>
  node.container_id === '' && !node.setup && devices.runsFromOverlay(node);

/** runc or its init before the container's own program runs. */
export function placeSetup(callers: Callers, { table, lives }: Ground): void {
  for (const node of table.all) {
    const call = callers.get(node);
    // a shim serves on and is the node's
    const id =
      call === undefined
        ? node.called_for
        : call.verb.startsWith('shim') || call.verb.startsWith('monitor')
          ? ''
          : call.container_id;
    if (node.container_id !== '' || id === '' || !lives.has(id)) continue;
    place(node, id, 'runtime-arguments');
    node.setup = true;
  }
}
