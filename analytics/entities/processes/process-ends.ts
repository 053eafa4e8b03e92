// What is known of processes from others: a child by the fork it came from, an end by the runtime or by the end of its container.
import type { NamedPid } from './place-by-runtime.ts';
import type { ContainerLife } from './placing.ts';
import type { Node, ProcessTable } from './process-table.ts';

/**
 * Children of the node's own processes that left no event: the fork tells of them. What a process in a container is told is a number of its own
 * pid namespace, and names nobody here.
 */
export function* forkedOnly(table: ProcessTable): Generator<Node> {
  for (const parent of table.all) {
    if (parent.container_id !== '' || parent.seen === 'child' || parent.setup) continue;
    for (const [i, pid] of parent.forked_pids.entries()) {
      const at = parent.forked_at[i] ?? parent.first_seen;
      const digest = parent.forked_digests[i] ?? parent.first_digest;
      const child = table.at(pid, at);
      if (child === undefined) yield forkedBy(parent, pid, at, digest);
      else if (child.seen === 'child' && child.parent_key === '' && child.container_id === '')
        adopt(child, parent, digest);
    }
  }
}

function adopt(child: Node, parent: Node, digest: string): void {
  child.ppid = parent.pid;
  child.parent_key = parent.process_key;
  child.begin_digest = digest;
}

function forkedBy(parent: Node, pid: number, at: number, digest: string): Node {
  return {
    ...parent,
    ...{ pid, ppid: parent.pid, parent_key: parent.process_key, process_key: `${pid}@${at}#fork`, seen: 'fork' },
    ...{ first_seen: at, last_seen: at, ended_at: 0, ended_by: '', exit_status: -1, exec_id: '', exec_digests: [] },
    ...{ first_digest: digest, last_digest: digest, begin_digest: digest, end_digest: '' },
    ...{ forked_pids: [], forked_at: [], forked_digests: [], leave_calls: [], exec_devs: [], argv: [], first_argv: [] },
  };
}

/** Ends that auditd did not record: exits that the runtime reported, else the end of the container that a process was in. */
export function endByRuntime(table: ProcessTable, pids: readonly NamedPid[], lives: Map<string, ContainerLife>): void {
  const keyOf = (p: Pick<NamedPid, 'container_id' | 'exec_id' | 'pid'>) => `${p.container_id} ${p.exec_id} ${p.pid}`;
  const byName = new Map(table.all.filter((n) => n.method === 'runtime-pid').map((n) => [keyOf(n), n]));
  for (const named of pids) {
    const node = named.ended_at === 0 ? undefined : byName.get(keyOf(named));
    if (node !== undefined && !['exit', 'crash'].includes(node.ended_by))
      end(node, named.ended_at, 'runtime-exit', named.exit_status);
  }
  for (const node of table.all) {
    const life = lives.get(node.container_id);
    // who left it may go on
    if (life === undefined || life.ends_at === 0 || node.left_by !== '' || node.setup) continue;
    const isLater = node.ended_at === 0 || node.ended_at > Math.max(life.ends_at, node.last_seen);
    if (isLater && node.ended_by !== 'runtime-exit')
      end(node, Math.max(life.ends_at, node.last_seen), 'container-exit', -1);
  }
}

function end(node: Node, at: number, by: Node['ended_by'], status: number): void {
  node.ended_at = Math.max(at, node.last_seen);
  node.ended_by = by;
  node.exit_status = status;
  node.end_digest = '';
}
