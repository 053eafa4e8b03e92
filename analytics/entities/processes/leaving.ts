// Processes that left the container they began in: entered other namespaces (setns, nsenter) or changed their root to a directory of the host
// that is mounted into it. They and what they start keep the container as their origin, and act outside.
import type { LeaveCall, Node } from './process-table.ts';

/** Where a container sees directories of its host: targets of bind mounts that the runtime did not make for it alone. */
export type HostMounts = ReadonlyMap<string, readonly string[]>;

/** Marks them. Parents are found by their key. */
export function markLeft(all: readonly Node[], mounts: HostMounts): void {
  const byKey = new Map(all.map((n) => [n.process_key, n]));
  const done = new Set<Node>();
  const mark = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    if (node.container_id === '' || node.setup) return;
    const own = node.leave_calls.find((call) => leaves(call, mounts.get(node.container_id) ?? []));
    const parent = byKey.get(node.parent_key);
    if (parent !== undefined && parent !== node) mark(parent);
    const isLed = parent !== undefined && parent.left_at > 0 && parent.left_at <= node.first_seen;
    if (isLed && parent.container_id === node.container_id && (own === undefined || parent.left_at <= own.at))
      setLeft(node, parent.left_by, parent.left_at, parent.left_digest);
    else if (own !== undefined) setLeft(node, own.call, own.at, own.digest);
  };
  for (const node of all) mark(node);
}

function leaves({ call, path }: LeaveCall, mounts: readonly string[]): boolean {
  if (call !== 'chroot') return true;
  return mounts.some((target) => path === target || path.startsWith(`${target.replace(/\/$/, '')}/`));
}

function setLeft(node: Node, by: string, at: number, digest: string): void {
  node.left_by = by;
  node.left_at = at;
  node.left_digest = digest;
}
