// How far the clocks of a node are ahead of the API server's, and the kernel's stamps ahead of the runtime's, by windows of time.
//
// Nobody measures this at the time. It follows from pairs of cause and effect (clock-pairs.sql, clock-pairs-of-node.sql, and the exec
// requests that sessions.ts joined): an effect cannot come before its cause, so each pair bounds the difference on one side. The sharpest
// bounds of a window leave an interval that holds the truth; its middle is the estimate, its half the uncertainty. A clock that was set
// contradicts the bounds before: there a new stretch begins, and cuts its window.

export interface ClockPair {
  cluster: string;
  node: string;
  /** Whose clock. */
  layer: 'runtime' | 'auditd';
  /** The clock it is compared with. */
  reference: 'k8s-audit' | 'runtime';
  /** high: ahead by at most `bound_us`; low: by at least. */
  side: 'high' | 'low';
  /** The layer's own time. */
  at_us: number;
  bound_us: number;
  pairs: number;
  digests: string[];
}

export interface ClockOffset {
  cluster: string;
  node: string;
  layer: ClockPair['layer'];
  reference: ClockPair['reference'];
  /** Of the layer's own clock, inclusive and exclusive. */
  window_begin_us: number;
  window_end_us: number;
  offset_us: number;
  uncertainty_us: number;
  pairs: number;
  digests: string[];
}

/** A clock that drifts 100 in a million goes wrong by 30 ms in so long; a node that starts pods and probes has dozens of pairs in it. */
const WINDOW_US = 300_000_000;
/**
 * How fast two clocks may part, in parts of a million, tried in this order until no pair contradicts another: disciplined by NTP; a free
 * running quartz; one that is slewed (the kernel slews at most 500) or a virtual machine's that loses ticks. What parts faster was set.
 */
export const DRIFTS_PPM = [20, 200, 1000] as const;
/** The kernel stamps audit records with its coarse clock, up to one tick late (10 ms at CONFIG_HZ=100, the slowest in use). */
export const KERNEL_TICK_US = 10_000;
/** The runtime stamps an event when it sends it, off the path of the call it tells of: some milliseconds on a busy node. */
export const SENT_LATE_US = 5_000;
/**
 * The best pair of a window took no longer than this where only one side is bound: an exec starts, and a kubelet tells of its pods, within
 * ten seconds or is given up.
 */
const BEST_PAIR_US_MAX = 10_000_000;

interface Bound extends ClockPair {
  /** The reference's time, along which stretches are found: it goes on where the layer's clock was set back. */
  reference_us: number;
}

interface Stretch {
  bounds: Bound[];
  /** By the window of the layer's time that each lies in. */
  byWindow: Map<number, Bound[]>;
  drift: number;
  /** Of the layer's clock: from where on it may hold, and how far. */
  from_us: number;
  to_us: number;
}

/** What the pairs allow to say. Pure; the order of the pairs does not matter. */
export function estimateOffsets(pairs: readonly ClockPair[]): ClockOffset[] {
  const groups = new Map<string, Bound[]>();
  for (const pair of pairs) {
    const bound = { ...loosen(pair), reference_us: pair.at_us - pair.bound_us };
    const key = [pair.cluster, pair.node, pair.layer, pair.reference].join('\0');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [bound]);
    else group.push(bound);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, bounds]) => windowsOf(bounds));
}

/** What the stamps themselves leave open. */
function loosen(pair: ClockPair): ClockPair {
  const tick = pair.layer === 'auditd' ? KERNEL_TICK_US : 0;
  return pair.side === 'high'
    ? { ...pair, bound_us: pair.bound_us + tick + (pair.reference === 'runtime' ? SENT_LATE_US : 0) }
    : { ...pair, bound_us: pair.bound_us - (pair.layer === 'runtime' ? SENT_LATE_US : 0) };
}

function windowsOf(bounds: readonly Bound[]): ClockOffset[] {
  const inOrder = [...bounds].sort(
    (a, b) =>
      a.reference_us - b.reference_us || a.at_us - b.at_us || a.bound_us - b.bound_us || (a.side < b.side ? -1 : 1),
  );
  const stretches = splitWhereSet(inOrder);
  const windows = [...new Set(inOrder.map((b) => Math.floor(b.at_us / WINDOW_US) * WINDOW_US))].sort((a, b) => a - b);
  // a clock that was set within a window cuts it
  const cuts = stretches.flatMap((s) => [s.from_us, s.to_us]).filter(Number.isFinite);
  return windows.flatMap((begin) => {
    const end = begin + WINDOW_US;
    const edges = [...new Set([begin, ...cuts.filter((c) => c > begin && c < end), end])].sort((a, b) => a - b);
    return edges.slice(1).flatMap((to, i) => windowOf(edges[i] ?? begin, to, stretches));
  });
}

function windowOf(from: number, to: number, stretches: readonly Stretch[]): ClockOffset[] {
  // where one stretch passes into another either may hold
  const here = stretches.filter((s) => s.from_us <= from && s.to_us >= to);
  const [first] = here[0]?.bounds ?? [];
  if (first === undefined) return [];
  const intervals = here.map((s) => intervalOver(s, from, to));
  const low = Math.min(...intervals.map((i) => i.low));
  const high = Math.max(...intervals.map((i) => i.high));
  const window = Math.floor(from / WINDOW_US);
  const inside = here.flatMap((s) => (s.byWindow.get(window) ?? []).filter((b) => b.at_us >= from && b.at_us < to));
  return [
    {
      ...{ cluster: first.cluster, node: first.node, layer: first.layer, reference: first.reference },
      window_begin_us: from,
      window_end_us: to,
      offset_us: Math.round((low + high) / 2),
      uncertainty_us: Math.ceil((high - low) / 2),
      pairs: inside.reduce((n, b) => n + b.pairs, 0),
      digests: [...new Set(intervals.flatMap((i) => i.digests))].sort(),
    },
  ];
}

/** Stretches in which no pair contradicts another, however fast the clock may have drifted. */
function splitWhereSet(inOrder: readonly Bound[]): Stretch[] {
  const starts: number[] = [];
  for (let at = 0; at < inOrder.length; at += consistentFrom(inOrder, at, 1, DRIFTS_PPM[2])) starts.push(at);
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? inOrder.length;
    const bounds = inOrder.slice(start, end);
    const isWithin = (ppm: number) => consistentFrom(bounds, 0, 1, ppm) === bounds.length;
    const stretch: Stretch = {
      bounds,
      byWindow: byWindowOf(bounds),
      drift: (DRIFTS_PPM.find(isWithin) ?? DRIFTS_PPM[2]) / 1e6,
      from_us: Number.NEGATIVE_INFINITY,
      to_us: Number.POSITIVE_INFINITY,
    };
    // it was set at some moment between two pairs that contradict each other: as either time shows that moment
    const before = start === 0 ? undefined : contradicted(inOrder, end, bounds.length);
    const after = inOrder[end];
    if (before !== undefined) stretch.from_us = shownAt(stretch, before.reference_us, bounds[0]).earliest;
    if (after !== undefined) stretch.to_us = shownAt(stretch, after.reference_us, bounds.at(-1)).latest;
    return stretch;
  });
}

function byWindowOf(bounds: readonly Bound[]): Map<number, Bound[]> {
  const windows = new Map<number, Bound[]>();
  for (const bound of bounds) {
    const window = Math.floor(bound.at_us / WINDOW_US);
    const same = windows.get(window);
    if (same === undefined) windows.set(window, [bound]);
    else same.push(bound);
  }
  return windows;
}

/** The last pair before `end` and the `own` ones there that they contradict; pairs between may be of either time. */
function contradicted(inOrder: readonly Bound[], end: number, own: number): Bound | undefined {
  return inOrder[end - 1 - Math.max(consistentFrom(inOrder, end - 1, -1, DRIFTS_PPM[2]), own)];
}

/** What the layer's clock showed, by this stretch, when the reference's showed `reference_us`; `near` is its pair next to that. */
function shownAt(
  stretch: Stretch,
  reference_us: number,
  near: Bound | undefined,
): { earliest: number; latest: number } {
  if (near === undefined) return { earliest: reference_us, latest: reference_us };
  const { low, high } = intervalOver(stretch, near.at_us, near.at_us);
  const drifted = Math.abs(reference_us - near.reference_us) * stretch.drift;
  return { earliest: Math.floor(reference_us + low - drifted), latest: Math.ceil(reference_us + high + drifted) };
}

/** How many bounds, from one on or back, can all be true of a clock that drifts no faster. */
function consistentFrom(bounds: readonly Bound[], start: number, step: 1 | -1, ppm: number): number {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let before = bounds[start]?.reference_us ?? 0;
  let count = 0;
  for (let bound = bounds[start]; bound !== undefined; bound = bounds[start + step * count]) {
    const parted = (Math.abs(bound.reference_us - before) * ppm) / 1e6;
    low -= parted;
    high += parted;
    if (bound.side === 'high') high = Math.min(high, bound.bound_us);
    else low = Math.max(low, bound.bound_us);
    if (low > high) return Math.max(count, 1);
    before = bound.reference_us;
    count++;
  }
  return count;
}

/** A pair an hour away is worth less than any near by; where a side has none near by, all are looked at. */
const NEAR_WINDOWS = 12;

function boundsAround(stretch: Stretch, from_us: number, to_us: number): readonly Bound[] {
  const first = Math.floor(from_us / WINDOW_US) - NEAR_WINDOWS;
  const last = Math.floor(to_us / WINDOW_US) + NEAR_WINDOWS;
  const around: Bound[] = [];
  for (let window = first; window <= last; window++) around.push(...(stretch.byWindow.get(window) ?? []));
  const sides = new Set(around.map((b) => b.side));
  return sides.size === 2 ? around : stretch.bounds;
}

function intervalOver(
  stretch: Stretch,
  from_us: number,
  to_us: number,
): { low: number; high: number; digests: string[] } {
  const sides = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const nearest: Partial<Record<Bound['side'], Bound>> = {};
  for (const bound of boundsAround(stretch, from_us, to_us)) {
    // loosened by what the clock may have drifted from the pair to the far end of the window
    const drifted = Math.max(Math.abs(bound.at_us - from_us), Math.abs(bound.at_us - to_us)) * stretch.drift;
    const value = bound.bound_us + (bound.side === 'high' ? drifted : -drifted);
    if (bound.side === 'high' ? value < sides.high : value > sides.low) {
      sides[bound.side] = value;
      nearest[bound.side] = bound;
    }
  }
  const digests = Object.values(nearest).flatMap((b) => b.digests);
  if (sides.low === Number.NEGATIVE_INFINITY) return { low: sides.high - BEST_PAIR_US_MAX, high: sides.high, digests };
  if (sides.high === Number.POSITIVE_INFINITY) return { low: sides.low, high: sides.low + BEST_PAIR_US_MAX, digests };
  // drift that none of the steps allows, within one window: both bounds are true somewhere in it
  return { low: Math.min(sides.low, sides.high), high: Math.max(sides.low, sides.high), digests };
}
