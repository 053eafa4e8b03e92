// What the difference of clocks (clock-offsets.ts) allows to say: when something happened by the API server's clock, and which of two events
// was first.
import { type ClockOffset, DRIFTS_PPM, KERNEL_TICK_US, SENT_LATE_US } from './clock-offsets.ts';

/**
 * Clocks of which nothing is known: further apart than five minutes, tokens and certificates begin to fail (Kerberos allows as much), and
 * somebody would have noticed.
 */
export const UNKNOWN_US = 300_000_000;
/** Runtime and kernel of one node read one clock. */
const ONE_CLOCK_US = KERNEL_TICK_US + SENT_LATE_US;

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
