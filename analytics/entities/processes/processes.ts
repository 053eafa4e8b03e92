// Processes with the container each belongs to, from what auditd saw of them and what others told.
//
// auditd knows no containers and records no forks. A process is placed by, in this order:
//   cgroup        a collector read its cgroup (place-by-cgroup.ts)
//   runtime-pid   the runtime named its pid as a container's first process or as an exec in it (place-by-runtime.ts)
//   descent       its parent is placed (and the container still lived)
//   runtime-call  its parent is runc, crun or conmon, called for one container, and it runs a program of an overlay
//   rootfs-dev    its program was read from the overlay that is one container's root (overlay-devices.ts)
//   siblings      other children of the same parent, a parent that auditd never saw, are placed and agree
//   shim          its parent is the shim of a pod with one container that can be meant
//   fork-order    its parent, which auditd never saw, has a pid between those of two children of one process (fork-order.ts)
//   runtime-arguments  runc or its init, before the container's own program runs: called for one container
// Where a later way contradicts what came before, the process is left alone, or placed with less confidence. A path below a container's
// directory on the node (.../rootfs, overlay2/.../merged, /proc/PID/root) is named by who acts on the container from outside: it places nobody.

import { groupBy } from '../group-by.ts';
import { placeByForkOrder } from './fork-order.ts';
import { markLeft } from './leaving.ts';
import type { NodeFacts } from './node-facts.ts';
import { createOverlayDevices, isFresh, type OverlayDevices, type RootfsDevice } from './overlay-devices.ts';
import { placeByCgroup } from './place-by-cgroup.ts';
import {
  findCallers,
  type Heard,
  type NamedPid,
  placeByCall,
  placeByShim,
  placeNamed,
  placeSetup,
  type RuntimeCall,
  takenForHost,
} from './place-by-runtime.ts';
import { CONTRADICTED, type ContainerLife, type Ground, mayBeOf, place } from './placing.ts';
import { endByRuntime, forkedOnly } from './process-ends.ts';
import { type Boot, createProcessTable, type Node, type Run } from './process-table.ts';

export type { ContainerLife, NamedPid };

export interface Evidence {
  runs: readonly Run[];
  pids: readonly NamedPid[];
  containers: readonly ContainerLife[];
  devices: readonly RootfsDevice[];
  calls?: readonly RuntimeCall[];
  heard?: readonly Heard[];
  boots: readonly (Boot & { cluster: string; node: string })[];
  /** Of a part of a node's runs: what the rest says of devices. */
  facts?: readonly NodeFacts[];
}

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
        ...{ calls: here(evidence.calls ?? []), heard: here(evidence.heard ?? []), facts: here(evidence.facts ?? []) },
      }),
    );
  }
  return processes;
}

function placeNode(runs: readonly Run[], evidence: Omit<Required<Evidence>, 'runs'>): Node[] {
  const { boots, pids, containers, calls } = evidence;
  const table = createProcessTable(runs, boots);
  const lives = new Map(containers.map((c) => [c.container_id, c]));
  const ground: Ground = { table, lives, taken_for_host: takenForHost(pids, table) };
  placeByCgroup(table.all, lives);
  placeNamed(pids, ground, evidence.heard[0]?.until ?? 0);
  const callers = findCallers(calls, table);
  const devices = createOverlayDevices(evidence.devices, callers, ground, evidence.facts[0]?.runtime_devices);
  const learn = () => {
    for (const node of table.all) if (node.container_id !== '' && node.method !== 'rootfs-dev') devices.learn(node);
  };
  const descend = () => {
    for (const node of table.all) node.state = 'open';
    for (const node of table.all) placeByDescent(node, ground, devices);
  };
  // what is placed tells of devices, and is a parent in its turn
  const follow = () => {
    learn();
    descend();
    placeByCall(callers, ground, devices);
    descend();
    learn();
    for (const node of table.all) devices.placeBy(node, callers);
    descend();
    placeBySiblings(ground);
    descend();
  };
  follow();
  placeByShim(calls, callers, ground, devices);
  follow();
  placeByForkOrder(ground);
  descend();
  placeSetup(callers, ground);
  table.all.push(...forkedOnly(table));
  markLeft(table.all, new Map(containers.map((c) => [c.container_id, c.host_mounts])));
  endByRuntime(table, pids, lives);
  return table.all;
}

function placeByDescent(node: Node, ground: Ground, devices: OverlayDevices): void {
  if (node.state !== 'open') return;
  node.state = 'busy';
  const parent = node.container_id === '' && node.ppid > 0 ? ground.table.at(node.ppid, node.first_seen) : undefined;
  if (parent !== undefined && parent !== node) {
    placeByDescent(parent, ground, devices);
    // of one that only its children name, these must agree: placeBySiblings
    const isKnown = parent.seen !== 'child' || ['runtime-pid', 'cgroup', 'fork-order'].includes(parent.method);
    if (isKnown && parent.container_id !== '') descendFrom(parent, node, ground, devices);
  }
  node.state = 'done';
}

function descendFrom(parent: Node, node: Node, ground: Ground, devices: OverlayDevices): void {
  const id = parent.container_id;
  // who left its container's cgroup for the node's takes its children along
  const isLed = parent.on_host && node.on_host && mayBeOf({ ...node, on_host: false }, id, ground);
  if (!isLed && !mayBeOf(node, id, ground)) return;
  const isContradicted = devices.contradict(node, id);
  if (isContradicted && !isFresh(parent, node)) return;
  place(node, id, 'descent', isContradicted ? Math.min(parent.confidence, CONTRADICTED) : parent.confidence);
}

const AGREEING = new Set<string>(['rootfs-dev', 'cgroup', 'runtime-call']);

/** Children of one parent that left no event: where all that are placed agree, the parent and the others belong there too. */
function placeBySiblings(ground: Ground): void {
  const { all } = ground.table;
  const parents = new Map(all.filter((n) => n.seen === 'child').map((n) => [n.process_key, n]));
  const orphans = all.filter((n) => parents.has(n.parent_key) && !n.setup);
  for (const [key, family] of groupBy(orphans, (n) => n.parent_key)) {
    const placed = new Set(family.filter((n) => AGREEING.has(n.method)).map((n) => n.container_id));
    const [only] = placed;
    if (only === undefined || placed.size !== 1) continue;
    const parent = parents.get(key);
    for (const node of parent === undefined ? family : [parent, ...family]) {
      const contradicted = node.exec_from_disk || node.exec_devs.length > 0;
      if (node.container_id === '' && !contradicted && mayBeOf(node, only, ground)) place(node, only, 'siblings');
    }
  }
}
