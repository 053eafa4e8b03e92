// Processes of a container as a tree in reading order: children under their parent, both in order of time.
import type { ContainerProcess } from '../queries/container.ts';

const DEPTH_MAX = 12; // deeper ones stand at this depth: a report is read, and records are an attacker's

export function processTree(processes: readonly ContainerProcess[]): { process: ContainerProcess; depth: number }[] {
  const here = new Set(processes.map((p) => p.process_key));
  const childrenOf = new Map<string, ContainerProcess[]>();
  for (const process of processes) {
    const parent = here.has(process.parent_key) ? process.parent_key : '';
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), process]);
  }
  const listed = new Set<ContainerProcess>();
  const tree: { process: ContainerProcess; depth: number }[] = [];
  const list = (roots: readonly ContainerProcess[]) => {
    const waiting = roots.map((process) => ({ process, depth: 0 })).reverse();
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (listed.has(next.process)) continue;
      listed.add(next.process);
      tree.push(next);
      const depth = Math.min(next.depth + 1, DEPTH_MAX);
      for (const child of (childrenOf.get(next.process.process_key) ?? []).toReversed())
        waiting.push({ process: child, depth });
    }
  };
  list(childrenOf.get('') ?? []);
  list(processes); // what hangs on a circle of parents, which only wrong keys make
  return tree;
}
