import { expect, test } from 'vitest';
import { addLink, componentsOf, createGraph, type EntityId, type Link, reach } from './graph.ts';

const link = (from: EntityId, to: EntityId, confidence = 1): Link => ({
  from,
  to,
  kind: 'spawned',
  confidence,
  reason: '',
  digests: [],
});

function graphOf(...links: Link[]) {
  const graph = createGraph();
  for (const l of links) {
    for (const id of [l.from, l.to]) reach(graph, { id, arrival: 'onward' });
    addLink(graph, l);
  }
  return graph;
}

test('what links hold together is one chain, what nothing joins is another', () => {
  const groups = componentsOf(
    graphOf(link('process:a', 'process:b'), link('process:b', 'process:c'), link('process:x', 'process:y')),
    0.5,
  );
  expect(groups.map((g) => g.sort().join(' ')).sort()).toEqual([
    'process:a process:b process:c',
    'process:x process:y',
  ]);
});

test('a weak link joins nothing', () => {
  expect(componentsOf(graphOf(link('process:a', 'process:b', 0.4)), 0.5)).toHaveLength(2);
});

test('of two links of one kind between the same two, the surer stays', () => {
  const graph = graphOf(
    link('process:a', 'process:b', 0.6),
    link('process:a', 'process:b', 0.9),
    link('process:a', 'process:b', 0.7),
  );
  expect([...graph.links.values()].map((l) => l.confidence)).toEqual([0.9]);
});
