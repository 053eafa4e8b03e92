import { describe, expect, it } from 'vitest';
import type { Lane, Lifetime, ResolvedLink } from '../../api/types.ts';
import { addressLanes, layoutLanes, rowsBetween, totalHeight } from './lane-rows.ts';

const life = (from: number | null, to: number | null): Lifetime => ({
  container_id: `${from}`,
  name: 'c',
  image: '',
  from,
  to,
  exit_status: null,
});
const lane = (id: string, more: Partial<Lane> = {}): Lane => ({
  id,
  kind: 'pod',
  cluster: 'c',
  namespace: 'n',
  name: id,
  containers: [],
  from: null,
  to: null,
  events: { auditd: 1 },
  chains: [],
  ...more,
});

describe('lanes', () => {
  it('lie beneath each other without gap or overlap', () => {
    const rows = layoutLanes([lane('a', { chains: ['x'] }), lane('b'), lane('c', { events: {} })], 'x');
    expect(rows.map((row) => row.top)).toEqual([0, rows[0]?.height, (rows[0]?.height ?? 0) + (rows[1]?.height ?? 0)]);
    expect(totalHeight(rows)).toBe(rows.reduce((sum, row) => sum + row.height, 0));
  });

  it('have a track for each layer that has events, in the same order, inside the lane', () => {
    const [row] = layoutLanes([lane('a', { events: { auditd: 3, 'k8s-audit': 1 } })], null);
    expect(row?.trackY.runtime).toBeNaN();
    expect(row?.trackY['k8s-audit']).toBeLessThan(row?.trackY.auditd ?? 0);
    expect(row?.trackY.auditd).toBeLessThan(row?.height ?? 0);
  });

  it('show containers that live at the same time on lines of their own, one after the other on the same', () => {
    const [row] = layoutLanes([lane('a', { containers: [life(0, 10), life(5, null), life(12, 20)] })], null);
    const [first, second, third] = row?.bars.map((bar) => bar.y) ?? [];
    expect(second).toBeGreaterThan(first ?? 0);
    expect(third).toBe(first);
  });

  it('grow into the room there is, but not apart from each other, and never shrink', () => {
    const lanes = Array.from({ length: 4 }, (_, i) => lane(`${i}`, { chains: ['x'] }));
    const least = totalHeight(layoutLanes(lanes, 'x'));
    expect(totalHeight(layoutLanes(lanes, 'x', { height: least * 1.5 }))).toBeCloseTo(least * 1.5, -1);
    expect(totalHeight(layoutLanes(lanes, 'x', { height: least * 50 }))).toBeLessThan(least * 3);
    expect(totalHeight(layoutLanes(lanes, 'x', { height: 10 }))).toBe(least);
  });

  it('are found by what can be seen', () => {
    const rows = layoutLanes(
      Array.from({ length: 500 }, (_, i) => lane(`${i}`)),
      null,
    );
    const height = rows[0]?.height ?? 0;
    expect(rowsBetween(rows, height * 10 + 1, height * 12 - 1).map((row) => row.lane.id)).toEqual(['10', '11']);
  });
});

it('gives each address that links end at one lane, the first to speak on top', () => {
  const end = (id: string, t: number) => ({ lane: id, t, layer: 'auditd', step: 0 });
  const links = [
    { start: end('pod:c/a', 1), end: end('address:10.0.0.2', 9) },
    { start: end('address:10.0.0.1', 4), end: end('pod:c/a', 5) },
    { start: end('address:10.0.0.2', 20), end: null },
  ] as ResolvedLink[];
  expect(addressLanes(links, 'x').map((one) => one.name)).toEqual(['10.0.0.1', '10.0.0.2']);
});
