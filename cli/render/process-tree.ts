// A forest of processes as lines: children under their parents, with lines between them where a terminal can draw them.
import type { Tree } from '../../analytics/queries/process-forest.ts';
import { visible } from './table.ts';

const DRAWN = { child: '├─ ', last: '└─ ', on: '│  ', over: '   ' };
const TYPED = { child: '|- ', last: '`- ', on: '|  ', over: '   ' };
/** Deeper ones are shown at this depth: a line still has room for its command. */
const DEPTH_SHOWN_MAX = 24;

/** @param drawn with box-drawing characters, as a terminal has them */
export function treeLines<P extends object>(
  forest: readonly Tree<P>[],
  text: (process: P) => { head: string; rest: string },
  drawn: boolean,
): string[] {
  const marks = drawn ? DRAWN : TYPED;
  const lines: string[] = [];
  const waiting = forest.map((tree) => ({ tree, mark: '', below: '', depth: 0 })).reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { tree, mark, below, depth } = next;
    const { head, rest } = text(tree);
    lines.push(visible(`${head}${head === '' ? '' : ' '}${mark}${rest}`));
    const deep = depth >= DEPTH_SHOWN_MAX;
    for (const [i, child] of [...tree.children.entries()].reverse()) {
      const isLast = i === tree.children.length - 1;
      waiting.push({
        tree: child,
        mark: deep ? mark : below + (isLast ? marks.last : marks.child),
        below: deep ? below : below + (isLast ? marks.over : marks.on),
        depth: depth + 1,
      });
    }
  }
  return lines;
}
