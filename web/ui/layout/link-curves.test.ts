import { expect, it } from 'vitest';
import type { Lane, ResolvedLink } from '../../api/types.ts';
import { layoutLanes } from './lane-rows.ts';
import { layoutLinks } from './link-curves.ts';
import { createScale } from './scale.ts';

const lane = (id: string): Lane => ({
  id,
  kind: 'pod',
  cluster: 'c',
  namespace: '',
  name: id,
  containers: [],
  from: null,
  to: null,
  events: { auditd: 1 },
  chains: [],
});
const rows = layoutLanes([lane('a'), lane('b')], null);
const scale = createScale({ from: 0, to: 1000 }, 1000);
let n = 0;
const link = (from: [string, number] | null, to: [string, number] | null, kind = 'spawned'): ResolvedLink => ({
  n: n++,
  from: '',
  to: '',
  kind,
  confidence: 0.9,
  reason: '',
  digests: [],
  start: from && { lane: from[0], t: from[1], layer: 'auditd', step: 1 },
  end: to && { lane: to[0], t: to[1], layer: 'auditd', step: 2 },
});

it('joins links that would lie on each other, and keeps kinds apart', () => {
  const curves = layoutLinks(
    [link(['a', 1], ['b', 2]), link(['a', 2], ['b', 3]), link(['a', 1], ['b', 2], 'mounted')],
    rows,
    scale,
  );
  expect(curves.map((curve) => curve.links.length).sort()).toEqual([1, 2]);
});

it('leaves out what cannot be drawn: no end, a folded lane, out of sight, too short to see', () => {
  const hidden = [
    link(null, ['b', 2]),
    link(['a', 1], ['folded', 2]),
    link(['a', 2000], ['b', 3000]),
    link(['a', 1], ['a', 3]),
  ];
  expect(layoutLinks(hidden, rows, scale)).toEqual([]);
});

it('draws a link that leaves the view towards its far end', () => {
  const [curve] = layoutLinks([link(['a', 500], ['b', 90_000_000])], rows, scale);
  expect(curve?.crossing).toBe(true);
  const last = Number(curve?.d.split(',').at(-2));
  expect(last).toBeGreaterThan(1000);
  expect(last).toBeLessThan(1100);
});
