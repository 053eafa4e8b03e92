// Processes with the container each belongs to, from what auditd saw of them and what the runtime named.
//
// auditd knows no containers and records no forks. A process is placed by, in this order:
//   runtime-pid   the runtime named its pid as a container's first process or as an exec in it
//   descent       its parent is placed (and the container still lived)
//   rootfs-dev    its program was read from the overlay that is one container's root
//   siblings      other children of the same parent, a parent that auditd never saw, are placed and agree
//   runtime-arguments  runc or its init, before the container's own program runs: called for one container

import { markLeft } from './leaving.ts';
import { endByRuntime, forkedOnly } from './process-ends.ts';
import { type Boot, createProcessTable, type Method, type Node, type ProcessTable, type Run } from './process-table.ts';

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

export interface ContainerLife {
  cluster: string;
  node: string;
  container_id: string;
  /** ms; 0 when not known. */
  begins_at: number;
  ends_at: number;
  /** Where it sees directories of its host. */
  host_mounts: string[];
}

export interface RootfsDevice {
  cluster: string;
  node: string;
  dev: string;
  container_id: string;
}

export interface Evidence {
  runs: readonly Run[];
  pids: readonly NamedPid[];
  containers: readonly ContainerLife[];
  devices: readonly RootfsDevice[];
  boots: readonly (Boot & { cluster: string; node: string })[];
}

const CONFIDENCE: Record<Method, number> = {
  '': 0,
  'runtime-pid': 1,
  descent: 0.99,
  'rootfs-dev': 0.95,
  siblings: 0.8,
  'runtime-arguments': 0.95,
};

/** The runtime reports a start 3 to 50 ms after the first execve of the pid; a loaded node may take longer. */
const START_LATE_MS_MAX = 2_000;
/** Events of a container's processes may carry a time shortly past its exit: clocks of two writers. */
const END_SLACK_MS = 1_000;

/** Places every process of every node. Pure: the same evidence gives the same processes. */
export function buildProcesses(evidence: Evidence): Node[] {
  const byNode = groupBy(evidence.runs, (r) => `${r.cluster}\0${r.node}`);
  const processes: Node[] = [];
  for (const [key, runs] of byNode) {
    const here = <T extends { cluster: string; node: string }>(rows: readonly T[]) =>
      rows.filter((r) => `${r.cluster}\0${r.node}` === key);
    processes.push(
      ...placeNode(runs, {
        ...{ boots: here(evidence.boots), pids: here(evidence.pids) },
        ...{ containers: here(evidence.containers), devices: here(evidence.devices) },
      }),
    );
  }
  return processes;
}

function placeNode(runs: readonly Run[], { boots, pids, containers, devices }: Omit<Evidence, 'runs'>): Node[] {
  const table = createProcessTable(runs, boots);
  const lives = new Map(containers.map((c) => [c.container_id, c]));
  for (const named of pids) nameByRuntime(table, named);
  const known = learnDevices(table.all, devices, lives);
  for (const node of table.all) placeByDescent(node, table, lives);
  learnFromPlaced(table.all, known);
  for (const node of table.all) if (node.container_id === '') placeByDevice(node, known, lives);
  // what was placed by its device is a parent in its turn
  for (const node of table.all) node.state = 'open';
  for (const node of table.all) placeByDescent(node, table, lives);
  placeBySiblings(table.all, lives);
  for (const node of table.all) node.state = 'open';
  for (const node of table.all) placeByDescent(node, table, lives);
  for (const node of table.all) placeSetup(node, lives);
  table.all.push(...forkedOnly(table));
  markLeft(table.all, new Map(containers.map((c) => [c.container_id, c.host_mounts])));
  endByRuntime(table, pids, lives);
  return table.all;
}

function place(node: Node, containerId: string, method: Method, below = 1): void {
  node.container_id = containerId;
  node.method = method;
  node.confidence = Math.min(CONFIDENCE[method], below);
}

function nameByRuntime(table: ProcessTable, named: NamedPid): void {
  // the event is late, and a pid may be used again: the process that ran at the event's time, else the next to appear
  const node = table.at(named.pid, named.started_at) ?? table.at(named.pid, named.started_at + START_LATE_MS_MAX);
  if (node === undefined || node.first_seen < named.started_at - 10 * START_LATE_MS_MAX) return;
  place(node, named.container_id, 'runtime-pid');
  node.exec_id = named.exec_id;
}

function livesAt(life: ContainerLife | undefined, time: number): boolean {
  if (life === undefined) return true;
  const begun = life.begins_at === 0 || time >= life.begins_at - END_SLACK_MS;
  return begun && (life.ends_at === 0 || time <= life.ends_at + END_SLACK_MS);
}

function placeByDescent(node: Node, table: ProcessTable, lives: Map<string, ContainerLife>): void {
  if (node.state !== 'open') return;
  node.state = 'busy';
  if (node.container_id === '') {
    const parent = table.at(node.ppid, node.first_seen);
    if (parent !== undefined && parent !== node) {
      placeByDescent(parent, table, lives);
      // of one that only its children name, these must agree: placeBySiblings
      const isKnown = parent.seen !== 'child' || parent.method === 'runtime-pid';
      if (isKnown && parent.container_id !== '' && livesAt(lives.get(parent.container_id), node.first_seen)) {
        place(node, parent.container_id, 'descent', parent.confidence);
      }
    }
  }
  node.state = 'done';
}

/** Device -> containers that had it; a number is used again by later mounts, so lifetimes decide. */
type Devices = Map<string, Set<string>>;

function learnDevices(
  all: readonly Node[],
  devices: readonly RootfsDevice[],
  lives: Map<string, ContainerLife>,
): Devices {
  const known: Devices = new Map();
  for (const { dev, container_id } of devices) if (lives.has(container_id)) add(known, dev, container_id);
  for (const node of all) if (node.method === 'runtime-pid') learn(known, node);
  return known;
}

function learnFromPlaced(all: readonly Node[], known: Devices): void {
  for (const node of all) if (node.method === 'descent' && !known.has(node.exec_devs[0] ?? '')) learn(known, node);
}

function learn(known: Devices, node: Node): void {
  // one device only: a program from one overlay and its loader from another would prove nothing
  const [dev, ...more] = node.exec_devs;
  if (dev !== undefined && more.length === 0 && !node.exec_from_disk) add(known, dev, node.container_id);
}

function placeByDevice(node: Node, known: Devices, lives: Map<string, ContainerLife>): void {
  if (node.exec_from_disk || node.setup) return;
  const alive = new Set<string>();
  for (const dev of node.exec_devs) {
    for (const id of known.get(dev) ?? []) if (livesAt(lives.get(id), node.first_seen)) alive.add(id);
  }
  const [only] = alive;
  if (only !== undefined && alive.size === 1) place(node, only, 'rootfs-dev');
}

/** Children of one parent that left no event: where all that are placed agree, the parent and the others belong there too. */
function placeBySiblings(all: readonly Node[], lives: Map<string, ContainerLife>): void {
  const parents = new Map(all.filter((n) => n.seen === 'child').map((n) => [n.process_key, n]));
  const orphans = all.filter((n) => parents.has(n.parent_key) && !n.setup);
  for (const [key, family] of groupBy(orphans, (n) => n.parent_key)) {
    const placed = new Set(family.filter((n) => n.method === 'rootfs-dev').map((n) => n.container_id));
    const [only] = placed;
    if (only === undefined || placed.size !== 1) continue;
    const parent = parents.get(key);
    for (const node of parent === undefined ? family : [parent, ...family]) {
      const contradicted = node.exec_from_disk || node.exec_devs.length > 0;
      if (node.container_id === '' && !contradicted && livesAt(lives.get(only), node.first_seen))
        place(node, only, 'siblings');
    }
  }
}

function placeSetup(node: Node, lives: Map<string, ContainerLife>): void {
  if (node.container_id === '' && node.called_for !== '' && lives.has(node.called_for)) {
    place(node, node.called_for, 'runtime-arguments');
    node.setup = true;
  }
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

function groupBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const k = key(row);
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [row]);
    else group.push(row);
  }
  return groups;
}
