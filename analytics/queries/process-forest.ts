// Processes put under their parents. Records are an attacker's: what claims a circle, or a depth no reader follows, still ends.

export interface Kin {
  cluster: string;
  node: string;
  process_key: string;
  parent_key: string;
}

export type Tree<P> = P & { children: Tree<P>[] };

/** Deeper ones stand beside one another at this depth: nobody reads further, and JSON is written by recursion. */
const DEPTH_MAX = 100;

/** Each process once, in the given order; one whose parent is not among them is a root. Pure. */
export function growForest<P extends Kin>(processes: readonly P[]): Tree<P>[] {
  const keyOf = (p: Kin, key: string) => `${p.cluster}\0${p.node}\0${key}`;
  const here = new Set(processes.map((p) => keyOf(p, p.process_key)));
  const childrenOf = new Map<string, P[]>();
  const roots: P[] = [];
  for (const process of processes) {
    const parent = keyOf(process, process.parent_key);
    if (!here.has(parent) || process.parent_key === process.process_key) roots.push(process);
    else childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), process]);
  }
  const planted = new Set<P>();
  const forest: Tree<P>[] = [];
  const plant = (process: P) => {
    const waiting: { process: P; into: Tree<P>[]; depth: number }[] = [{ process, into: forest, depth: 0 }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (planted.has(next.process)) continue;
      planted.add(next.process);
      const tree = { ...next.process, children: [] as Tree<P>[] };
      next.into.push(tree);
      const into = next.depth < DEPTH_MAX ? tree.children : next.into;
      const children = childrenOf.get(keyOf(next.process, next.process.process_key)) ?? [];
      for (const child of children.toReversed()) waiting.push({ process: child, into, depth: next.depth + 1 });
    }
  };
  for (const root of roots) plant(root);
  for (const process of processes) plant(process); // what hangs on a circle, which only wrong keys make
  return forest;
}
