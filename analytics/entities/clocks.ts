// How far the clocks of a node are ahead of the API server's, and the kernel's stamps ahead of the runtime's, by windows of time; and what
// that allows to say of the order of two events.
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
export const WINDOW_US = 300_000_000;
/**
 * How fast two clocks may part, in parts of a million, tried in this order until no pair contradicts another: disciplined by NTP; a free
 * running quartz; one that is slewed (the kernel slews at most 500) or a virtual machine's that loses ticks. What parts faster was set.
 */
const DRIFTS_PPM = [20, 200, 1000] as const;
/** The kernel stamps audit records with its coarse clock, up to one tick late (10 ms at CONFIG_HZ=100, the slowest in use). */
const KERNEL_TICK_US = 10_000;
/** The runtime stamps an event when it sends it, off the path of the call it tells of: some milliseconds on a busy node. */
const SENT_LATE_US = 5_000;
/**
 * The best pair of a window took no longer than this where only one side is bound: an exec starts, and a kubelet tells of its pods, within
 * ten seconds or is given up.
 */
const BEST_PAIR_US_MAX = 10_000_000;
/**
 * Clocks of which nothing is known: further apart than five minutes, tokens and certificates begin to fail (Kerberos allows as much), and
 * somebody would have noticed.
 */
export const UNKNOWN_US = 300_000_000;
/** Runtime and kernel of one node read one clock. */
const ONE_CLOCK_US = KERNEL_TICK_US + SENT_LATE_US;

interface Bound extends ClockPair {
  /** The reference's time, along which stretches are found: it goes on where the layer's clock was set back. */
  reference_us: number;
}

interface Stretch {
  bounds: Bound[];
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
  const inside = here.flatMap((s) => s.bounds.filter((b) => b.at_us >= from && b.at_us < to));
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
  for (let at = 0; at < inOrder.length; at += consistentLength(inOrder.slice(at), DRIFTS_PPM[2])) starts.push(at);
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? inOrder.length;
    const bounds = inOrder.slice(start, end);
    const drift = (DRIFTS_PPM.find((ppm) => consistentLength(bounds, ppm) === bounds.length) ?? DRIFTS_PPM[2]) / 1e6;
    const stretch: Stretch = { bounds, drift, from_us: Number.NEGATIVE_INFINITY, to_us: Number.POSITIVE_INFINITY };
    // it was set at some moment between two pairs that contradict each other: as either time shows that moment
    const before = start === 0 ? undefined : contradicted(inOrder.slice(0, end), bounds.length);
    const after = inOrder[end];
    if (before !== undefined) stretch.from_us = shownAt(stretch, before.reference_us, bounds[0]).earliest;
    if (after !== undefined) stretch.to_us = shownAt(stretch, after.reference_us, bounds.at(-1)).latest;
    return stretch;
  });
}

/** The last pair before the `own` last ones that they contradict; pairs between may be of either time. */
function contradicted(upTo: readonly Bound[], own: number): Bound | undefined {
  const back = upTo.toReversed().map((b) => ({ ...b, reference_us: -b.reference_us }));
  return upTo[upTo.length - 1 - Math.max(consistentLength(back, DRIFTS_PPM[2]), own)];
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

/** How many bounds from the first on can all be true of a clock that drifts no faster. */
function consistentLength(bounds: readonly Bound[], ppm: number): number {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let before = bounds[0]?.reference_us ?? 0;
  for (const [i, bound] of bounds.entries()) {
    const parted = ((bound.reference_us - before) * ppm) / 1e6;
    low -= parted;
    high += parted;
    if (bound.side === 'high') high = Math.min(high, bound.bound_us);
    else low = Math.max(low, bound.bound_us);
    if (low > high) return Math.max(i, 1);
    before = bound.reference_us;
  }
  return bounds.length;
}

function intervalOver(
  stretch: Stretch,
  from_us: number,
  to_us: number,
): { low: number; high: number; digests: string[] } {
  const sides = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const nearest: Partial<Record<Bound['side'], Bound>> = {};
  for (const bound of stretch.bounds) {
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

/** A moment as one layer told it; node is '' for the API server. */
export interface Moment {
  cluster: string;
  node: string;
  layer: 'k8s-audit' | 'runtime' | 'auditd';
  at_us: number;
}

interface Offset {
  offset_us: number;
  uncertainty_us: number;
}

export interface Clocks {
  /** The moment by the API server's clock: the truth lies within at_us +- uncertainty_us. */
  byApi(moment: Moment): { at_us: number; uncertainty_us: number };
  /** Whether a happened before b; 'not ordered' where the clocks cannot tell. */
  order(a: Moment, b: Moment): 'before' | 'after' | 'not ordered';
}

export function createClocks(offsets: readonly ClockOffset[]): Clocks {
  const known = new Map<string, ClockOffset[]>();
  for (const o of [...offsets].sort((a, b) => a.window_begin_us - b.window_begin_us)) {
    const key = [o.cluster, o.node, o.layer, o.reference].join('\0');
    const windows = known.get(key);
    if (windows === undefined) known.set(key, [o]);
    else windows.push(o);
  }
  const find = ({ cluster, node, layer, at_us }: Moment, reference: string): Offset | undefined => {
    const windows = known.get([cluster, node, layer, reference].join('\0'));
    return windows === undefined ? undefined : nearest(windows, at_us);
  };
  const offsetToApi = (moment: Moment): Offset => {
    if (moment.layer === 'k8s-audit') return { offset_us: 0, uncertainty_us: 0 };
    const direct = find(moment, 'k8s-audit');
    const runtime = find({ ...moment, layer: 'runtime' }, 'k8s-audit');
    // both layers of a node read one clock: what is known of one is known of the other
    const between = moment.layer === 'auditd' ? find(moment, 'runtime') : undefined;
    const through =
      moment.layer === 'auditd' && runtime !== undefined
        ? add(runtime, between ?? { offset_us: 0, uncertainty_us: ONE_CLOCK_US })
        : undefined;
    const kernel =
      moment.layer === 'runtime' && direct === undefined
        ? find({ ...moment, layer: 'auditd' }, 'k8s-audit')
        : undefined;
    const ways = [direct, through, kernel && add(kernel, { offset_us: 0, uncertainty_us: ONE_CLOCK_US })];
    return sharpest(ways) ?? { offset_us: 0, uncertainty_us: UNKNOWN_US };
  };
  const byApi = (moment: Moment) => {
    const { offset_us, uncertainty_us } = offsetToApi(moment);
    return { at_us: moment.at_us - offset_us, uncertainty_us };
  };
  return { byApi, order: (a, b) => orderBy(a, b, byApi, find) };
}

function orderBy(
  a: Moment,
  b: Moment,
  byApi: Clocks['byApi'],
  find: (m: Moment, reference: string) => Offset | undefined,
) {
  if (a.cluster !== b.cluster) return 'not ordered';
  const tick = [a, b].some((m) => m.layer === 'auditd') ? KERNEL_TICK_US : 0;
  if (a.node === b.node && a.layer === b.layer) return tell(b.at_us - a.at_us, 0);
  if (a.node === b.node && a.layer !== 'k8s-audit' && b.layer !== 'k8s-audit') {
    const kernel = a.layer === 'auditd' ? a : b;
    const runtime = a.layer === 'auditd' ? b : a;
    const between = find(kernel, 'runtime') ?? { offset_us: 0, uncertainty_us: ONE_CLOCK_US };
    const after = runtime.at_us - (kernel.at_us - between.offset_us);
    return tell(a === kernel ? after : -after, between.uncertainty_us);
  }
  const [x, y] = [byApi(a), byApi(b)];
  return tell(y.at_us - x.at_us, Math.max(x.uncertainty_us + y.uncertainty_us, tick));
}

/** By how much b comes after a, and how sure that is. */
function tell(after_us: number, uncertainty_us: number): 'before' | 'after' | 'not ordered' {
  if (Math.abs(after_us) <= uncertainty_us) return 'not ordered';
  return after_us > 0 ? 'before' : 'after';
}

const add = (a: Offset, b: Offset): Offset => ({
  offset_us: a.offset_us + b.offset_us,
  uncertainty_us: a.uncertainty_us + b.uncertainty_us,
});

function sharpest(ways: readonly (Offset | undefined)[]): Offset | undefined {
  return ways.filter((w) => w !== undefined).sort((a, b) => a.uncertainty_us - b.uncertainty_us)[0];
}

/** Of the window that holds the moment, else of the nearest, and less sure the further away. Windows are in order and apart. */
function nearest(windows: readonly ClockOffset[], at_us: number): Offset | undefined {
  const away = (w: ClockOffset | undefined) =>
    w === undefined ? Number.POSITIVE_INFINITY : Math.max(w.window_begin_us - at_us, at_us - w.window_end_us, 0);
  let [low, high] = [0, windows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((windows[middle]?.window_begin_us ?? 0) <= at_us) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [windows[low - 1], windows[low]];
  const best = away(before) <= away(after) ? before : after;
  if (best === undefined) return undefined;
  const drifted = (away(best) * DRIFTS_PPM[1]) / 1e6;
  return { offset_us: best.offset_us, uncertainty_us: best.uncertainty_us + drifted };
}
