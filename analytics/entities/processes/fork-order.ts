// Who forked a parent that left no event (the shell's own copy that runs a function, a pipe's left side, `$(...)`): the kernel hands out pids one
// after the other, so whose children come just before and just after it, with nothing unknown between, forked it too.
import { type Ground, mayBeOf, place } from './placing.ts';
import type { Node, ProcessTable } from './process-table.ts';

/** So many pids to each side of one are looked at: a line of a script forks a few. */
export const PIDS_MAX = 16;
/** Its neighbours began so close to its first child: later, the pid between may be of another round. */
const NEAR_MS = 5_000;
/** The parts of a pipe begin within so long. */
const BESIDE_MS = 1_000;
/** A shell in a shell in a shell: so far up a neighbour's ancestors are followed. */
const HOPS_MAX = 16;

/** Gives such parents a parent of their own, and a place in its container where nothing else told one. */
export function placeByForkOrder(ground: Ground): void {
  const { all } = ground.table;
  const families = familiesOf(all);
  const silent = all.filter((n) => n.seen === 'child' && n.parent_key === '').sort((a, b) => a.pid - b.pid);
  if (silent.length === 0) return;
  const neighbours = createNeighbours(all);
  for (const node of silent) {
    const family = families.get(node.process_key) ?? [];
    const forker = neighbours.forkerOf(node);
    if (forker === undefined || !mayHaveForked(forker, node, family, ground.table)) continue;
    const isPlaced = node.container_id !== '';
    if (isPlaced && forker.container_id !== node.container_id) continue;
    if (!isPlaced && forker.container_id !== '' && !family.every((n) => mayBeOf(n, forker.container_id, ground)))
      continue;
    node.ppid = forker.pid;
    node.parent_key = forker.process_key;
    if (!isPlaced && forker.container_id !== '') place(node, forker.container_id, 'fork-order', forker.confidence);
  }
}

function familiesOf(all: readonly Node[]): Map<string, Node[]> {
  const families = new Map<string, Node[]>();
  for (const node of all) {
    if (node.parent_key === '') continue;
    const family = families.get(node.parent_key) ?? [];
    family.push(node);
    families.set(node.parent_key, family);
  }
  return families;
}

interface Neighbours {
  /** The process that forked just before and just after it. */
  forkerOf(node: Node): Node | undefined;
}

function createNeighbours(all: readonly Node[]): Neighbours {
  const byKey = new Map(all.map((n) => [n.process_key, n]));
  const byPid = new Map<number, Node[]>();
  for (const node of all) byPid.set(node.pid, [...(byPid.get(node.pid) ?? []), node]);
  const parentOf = (node: Node) => byKey.get(node.parent_key);
  const near = (pid: number, node: Node) =>
    byPid.get(pid)?.find((n) => n.boot === node.boot && Math.abs(n.first_seen - node.first_seen) <= NEAR_MS);
  const isUnder = (node: Node, above: Node): boolean => {
    let at: Node | undefined = node;
    for (let hops = 0; at !== undefined && hops < HOPS_MAX; hops++) {
      if (at === above) return true;
      at = parentOf(at);
    }
    return false;
  };
  // up to the first pid beyond, of a process that is neither silent nor below this one: what is between them must be known
  const next = (node: Node, step: 1 | -1): Node | undefined => {
    for (let n = 1; n <= PIDS_MAX; n++) {
      const found = near(node.pid + step * n, node);
      if (found === undefined) return undefined;
      const isOther = !isUnder(found, node) && (found.seen !== 'child' || step < 0);
      if (isOther) return found;
    }
    return undefined;
  };
  return {
    forkerOf: (node) => {
      const after = next(node, 1);
      const forker = after && parentOf(after);
      if (after === undefined || forker === undefined || forker === node) return undefined;
      const before = next(node, -1);
      const isBetween = before !== undefined && isUnder(before, forker);
      // one side is enough where both are known to be of one container, by other means
      const isBeside = node.container_id !== '' && after.first_seen - node.first_seen <= BESIDE_MS;
      return isBetween || isBeside ? forker : undefined;
    },
  };
}

function mayHaveForked(forker: Node, node: Node, family: readonly Node[], table: ProcessTable): boolean {
  return (
    (forker.seen === 'exec' || forker.seen === 'events') &&
    forker.boot === node.boot &&
    !forker.setup &&
    table.at(forker.pid, node.first_seen) === forker &&
    family.every((n) => !n.setup && n.auid === forker.auid && n.ses === forker.ses)
  );
}
