// What the ways of placing a process in a container share: how sure each is, when a container lived, and what speaks against it.
import type { Method, Node, ProcessTable } from './process-table.ts';

export interface ContainerLife {
  cluster: string;
  node: string;
  container_id: string;
  /** ms; 0 when not known. */
  begins_at: number;
  ends_at: number;
  /** Where it sees directories of its host. */
  host_mounts: string[];
  /** '' unknown. */
  sandbox_id: string;
}

/** What is known of a node while its processes are placed. */
export interface Ground {
  table: ProcessTable;
  lives: ReadonlyMap<string, ContainerLife>;
  /** Containers that a collector takes for the node itself: of these what it says of others' being on the node tells nothing. */
  taken_for_host: ReadonlySet<string>;
}

/**
 * cgroup is what the kernel said and runtime-pid what the runtime said. Descent rests on pids, which come round again. A call names its container
 * and its child is seen to run from an overlay; a device is one overlay's. Siblings, shim and
 * fork order tell from what others are.
 */
const CONFIDENCE: Record<Method, number> = {
  '': 0,
  cgroup: 1,
  'runtime-pid': 1,
  descent: 0.99,
  'runtime-call': 0.95,
  'rootfs-dev': 0.95,
  'runtime-arguments': 0.95,
  shim: 0.85,
  siblings: 0.8,
  'fork-order': 0.8,
};

/** Of a process whose parent is in one container and its program in another: either entered it, or has a pid that came round again. */
export const CONTRADICTED = 0.8;

/** Events of a container's processes may carry a time shortly past its exit: clocks of two writers. */
const END_SLACK_MS = 1_000;

export function place(node: Node, containerId: string, method: Method, below = 1): void {
  node.container_id = containerId;
  node.method = method;
  node.confidence = Math.min(CONFIDENCE[method], below);
}

export function livesAt(life: ContainerLife | undefined, time: number, slackMs = END_SLACK_MS): boolean {
  if (life === undefined) return true;
  const begun = life.begins_at === 0 || time >= life.begins_at - slackMs;
  return begun && (life.ends_at === 0 || time <= life.ends_at + slackMs);
}

/** Whether it can be of that container: this lived, and what was read of the process's cgroup does not name another or the node. */
export function mayBeOf(node: Node, containerId: string, { lives, taken_for_host }: Ground): boolean {
  if (!livesAt(lives.get(containerId), node.first_seen)) return false;
  if (node.cgroup_ids.length > 0) return node.cgroup_ids.includes(containerId);
  return !node.on_host || taken_for_host.has(containerId);
}
