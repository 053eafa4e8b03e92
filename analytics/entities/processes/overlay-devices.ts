// Which container's root a device is. An overlay is a device of its own, and PATH records tell which one a program was read from
// (docs/decisions/0005). A number is used again by later mounts, so lifetimes decide.

import { type Callers, isOfRuntime } from './place-by-runtime.ts';
import { CONTRADICTED, type Ground, livesAt, mayBeOf, place } from './placing.ts';
import type { Node } from './process-table.ts';

export interface RootfsDevice {
  cluster: string;
  node: string;
  dev: string;
  container_id: string;
}

export interface OverlayDevices {
  /** What is placed tells whose its device is. */
  learn(node: Node): void;
  /** It ran programs, all of them from overlays. */
  runsFromOverlay(node: Node): boolean;
  /** Its programs come from the roots of other containers that lived then, and of these alone. */
  contradict(node: Node, containerId: string): boolean;
  /** Places it by the device of its programs, where that is one living container's. */
  placeBy(node: Node, callers: Callers): void;
}

/** A process that long without a sign may have ended, and its pid be another's. */
const FRESH_MS = 60_000;
/**
 * A number is given to the next mount within a second. Begin and end of a container and the events of its processes are told by clocks of one
 * machine: that of the kernel goes in steps of up to 10 ms, and runtimes tell an end some 10 ms late.
 */
const SLACK_MS = 100;
/** Of a device that a program was run from which is not a container's first: it may be a volume in memory, which containers share. */
const LEARNED_LATE = 0.85;

export const isFresh = (parent: Node, child: Node): boolean => child.first_seen - parent.last_seen <= FRESH_MS;

/** @param ofRuntimes devices that programs of runtimes elsewhere in time were read from: a part of a node's processes is placed by these too */
export function createOverlayDevices(
  named: readonly RootfsDevice[],
  callers: Callers,
  ground: Ground,
  ofRuntimes: readonly string[] = [],
): OverlayDevices {
  const known = new Map<string, Map<string, number>>();
  const add = (dev: string, id: string, confidence: number) => {
    const ids = known.get(dev) ?? new Map<string, number>();
    ids.set(id, Math.max(ids.get(id) ?? 0, confidence));
    known.set(dev, ids);
  };
  // a node may have such a device for its own root (btrfs, an overlay): what runtimes are read from is the node's
  const ofNode = new Set([...ofRuntimes, ...[...callers.keys()].flatMap((caller) => caller.exec_devs)]);
  for (const { dev, container_id } of named) if (ground.lives.has(container_id)) add(dev, container_id, 1);

  const runsFromNode = (node: Node) => node.exec_from_disk || node.exec_devs.some((dev) => ofNode.has(dev));
  const aliveWith = (node: Node): Map<string, number> => {
    const alive = new Map<string, number>();
    for (const dev of node.exec_devs)
      for (const [id, confidence] of known.get(dev) ?? [])
        if (livesAt(ground.lives.get(id), node.first_seen, SLACK_MS))
          alive.set(id, Math.max(alive.get(id) ?? 0, confidence));
    return alive;
  };
  const parentOf = (node: Node) => (node.ppid > 0 ? ground.table.at(node.ppid, node.first_seen) : undefined);
  // nsenter and chroot of the node's own run programs of containers: they are the node's all the same
  const isStartedByNode = (node: Node, callers: Callers): boolean => {
    const parent = parentOf(node);
    if (parent === undefined || parent === node || parent.container_id !== '' || isOfRuntime(parent, callers))
      return false;
    return (runsFromNode(parent) || parent.on_host) && isFresh(parent, node);
  };
  return {
    learn: (node) => {
      // one device only: a program from one overlay and its loader from another would prove nothing
      const [dev, ...more] = node.exec_devs;
      if (dev === undefined || more.length > 0 || runsFromNode(node)) return;
      const isFirst = node.exec_id === '' && ['runtime-pid', 'runtime-call'].includes(node.method);
      if (isFirst) add(dev, node.container_id, 1);
      else if (!known.has(dev)) add(dev, node.container_id, Math.min(LEARNED_LATE, node.confidence));
    },
    runsFromOverlay: (node) => node.exec_devs.length > 0 && !runsFromNode(node),
    contradict: (node, id) => {
      const alive = aliveWith(node);
      return alive.size > 0 && !alive.has(id);
    },
    placeBy: (node, callers) => {
      if (node.container_id !== '' || node.setup || runsFromNode(node) || isStartedByNode(node, callers)) return;
      const [only, ...more] = [...aliveWith(node)].filter(([id]) => mayBeOf(node, id, ground));
      if (only === undefined || more.length > 0) return;
      const elsewhere = parentOf(node)?.container_id ?? '';
      place(node, only[0], 'rootfs-dev', ['', only[0]].includes(elsewhere) ? only[1] : Math.min(only[1], CONTRADICTED));
    },
  };
}
