import { describe, expect, it } from 'vitest';
import { growForest, type Tree } from '../../analytics/queries/process-forest.ts';
import { treeLines } from './process-tree.ts';

const process = (process_key: string, parent_key = '', node = 'w') => ({ cluster: 'c', node, process_key, parent_key });
const shape = (forest: Tree<{ process_key: string }>[]): unknown[] =>
  forest.map((tree) => (tree.children.length === 0 ? tree.process_key : [tree.process_key, ...shape(tree.children)]));
const drawn = (forest: Tree<{ process_key: string }>[], box: boolean) =>
  treeLines(forest, (p) => ({ head: '', rest: p.process_key }), box);

describe('a forest of processes', () => {
  it('has children under their parents, in the order given, whatever comes first', () => {
    const all = [process('b', 'a'), process('a'), process('d', 'b'), process('c', 'a'), process('x', 'gone')];
    expect(shape(growForest(all))).toEqual([['a', ['b', 'd'], 'c'], 'x']);
    expect(drawn(growForest(all), true)).toEqual(['a', '├─ b', '│  └─ d', '└─ c', 'x']);
    expect(drawn(growForest(all), false)).toEqual(['a', '|- b', '|  `- d', '`- c', 'x']);
  });

  it('keeps keys of two nodes apart', () => {
    expect(shape(growForest([process('a'), process('b', 'a', 'other')]))).toEqual(['a', 'b']);
  });

  it('ends where records claim a circle, and loses nobody', () => {
    const circle = [process('a', 'c'), process('b', 'a'), process('c', 'b'), process('self', 'self')];
    expect(shape(growForest(circle))).toEqual(['self', ['a', ['b', 'c']]]);
  });

  it('is no deeper than JSON and a line can hold', () => {
    const chain = [...Array(20_000).keys()].map((n) => process(`${n}`, n === 0 ? '' : `${n - 1}`));
    const forest = growForest(chain);
    expect(JSON.stringify(forest)).toContain('"process_key":"19999"');
    const lines = drawn(forest, true);
    expect(lines).toHaveLength(20_000);
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThan(100);
  });

  it('never lets a name steer the terminal', () => {
    expect(drawn([{ process_key: 'a\u001b[2J', children: [] }], true)).toEqual(['a\\x1b[2J']);
  });
});
