// What a collector read in /proc/PID/cgroup (docs/reference/collect.md): the kernel's own word of whose a process is.
import { type ContainerLife, place } from './placing.ts';
import type { Node } from './process-table.ts';

/** Places who has one container in its notes; who has two changed over, and is told event by event. */
export function placeByCgroup(all: readonly Node[], lives: ReadonlyMap<string, ContainerLife>): void {
  for (const node of all) {
    const [id, ...more] = node.cgroup_ids;
    if (id !== undefined && more.length === 0) place(node, id, 'cgroup');
    else if (id === undefined) placeByName(node, lives);
  }
}

/** A cgroup of a container that was given a name for an id (`ctr run`): its directory, or systemd's scope, bears the name. */
function placeByName(node: Node, lives: ReadonlyMap<string, ContainerLife>): void {
  const named = new Set<string>();
  for (const path of node.cgroups)
    for (const part of path.split('/')) {
      const name = part.replace(/\.scope$/, '').replace(/^.*:/, '');
      for (const candidate of [name, name.replace(/^[^-]*-/, ''), name.replace(/^cri-containerd-/, '')])
        if (lives.has(candidate)) named.add(candidate);
    }
  const [only] = named;
  // a name is chosen, where an id is drawn
  if (only !== undefined && named.size === 1) place(node, only, 'cgroup', 0.95);
}
