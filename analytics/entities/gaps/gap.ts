// A gap as the jobs that look for one make it, and how neighbours become one. Tables keep a bounded number of them.

import { instant } from '../../store/derived.ts';
import type { Row } from '../../store/store.ts';

/** Times in ms since 1970. */
export interface FoundGap {
  cluster: string;
  source: 'k8s-audit' | 'auditd' | 'runtime';
  node: string;
  first_seen: number;
  last_seen: number;
  kind: string;
  /** The most records that can be missing; -1: nobody can know. */
  missing: number;
  detail: string;
  digests: string[];
}

/** What is less than a minute apart has one cause more often than two: a storm, a restart. */
const NEIGHBOURS_MS = 60_000;
/** Gaps of one kind and place that a person can still read through; beyond it the nearest become one. */
const GAPS_MAX = 1_000;
/** Records named as proof of one gap. */
const DIGESTS_MAX = 100;

/** Neighbours united, for each kind and place. Pure: the order of `gaps` does not matter. `retell` says what several are together. */
export function mergeNeighbours(
  gaps: readonly FoundGap[],
  retell: (missing: number, places: number, first: FoundGap) => string,
): FoundGap[] {
  const places = new Map<string, FoundGap[]>();
  for (const gap of gaps) {
    const key = [gap.cluster, gap.source, gap.node, gap.kind].join('\0');
    const place = places.get(key);
    if (place === undefined) places.set(key, [gap]);
    else place.push(gap);
  }
  return [...places.values()].flatMap((place) => mergePlace(place, retell));
}

const order = (a: FoundGap, b: FoundGap) =>
  a.first_seen - b.first_seen || a.last_seen - b.last_seen || (a.digests.join() < b.digests.join() ? -1 : 1);

function mergePlace(
  place: readonly FoundGap[],
  retell: (missing: number, places: number, first: FoundGap) => string,
): FoundGap[] {
  const sorted = [...place].sort(order);
  // how far each begins behind all before it
  let latest = Number.NEGATIVE_INFINITY;
  const apart = sorted.map((gap) => {
    const ms = gap.first_seen - latest;
    latest = Math.max(latest, gap.last_seen);
    return ms;
  });
  const farthest = new Set(
    [...apart.keys()].sort((i, j) => (apart[j] ?? 0) - (apart[i] ?? 0) || i - j).slice(0, GAPS_MAX),
  );
  const groups: FoundGap[][] = [];
  for (const [i, gap] of sorted.entries()) {
    if ((apart[i] ?? 0) > NEIGHBOURS_MS && farthest.has(i)) groups.push([gap]);
    else groups.at(-1)?.push(gap);
  }
  return groups.map((group) => unite(group, retell));
}

function unite(
  group: readonly FoundGap[],
  retell: (missing: number, places: number, first: FoundGap) => string,
): FoundGap {
  const [first] = group as [FoundGap];
  if (group.length === 1) return first;
  const missing = group.some((g) => g.missing < 0) ? -1 : group.reduce((sum, g) => sum + g.missing, 0);
  return {
    ...first,
    last_seen: Math.max(...group.map((g) => g.last_seen)),
    missing,
    detail: retell(missing, group.length, first),
    digests: [...new Set(group.flatMap((g) => g.digests))].sort().slice(0, DIGESTS_MAX),
  };
}

export function gapRow(gap: FoundGap, version: number): Row {
  const { digests, first_seen, last_seen, ...rest } = gap;
  return {
    ...rest,
    first_seen: instant(first_seen),
    last_seen: instant(Math.max(first_seen, last_seen)),
    digests_hex: digests,
    version,
  };
}
