// The starts of one container in order of the API server's time, so that a request looks at those around it and not at a day of probes; and
// which of them go by the beat of a probe.
import type { Clocks } from '../clocks/clocks.ts';
import type { Start } from './session-starts.ts';

/** A start with its time by the API server's clock. */
export interface Placed {
  start: Start;
  at_us: number;
  uncertainty_us: number;
}

/** The kubelet probes every so many whole seconds; its timers vary by some 60 ms. */
const BEAT_US = 60_000;
const SECOND_US = 1_000_000;
/** Probes less often than every five minutes are not configured: a container would be found dead too late. */
const PERIOD_US_MAX = 300_000_000;
/** So many of the six nearest places of a beat: fewer fall together by chance where a person types between probes. */
const BEATS_MIN = 3;

export interface StartTimes {
  /** Those that may have begun between two moments of the API server's clock. */
  between(from_us: number, to_us: number): Placed[];
  isOnTheBeat(start: Start): boolean;
}

export function createStartTimes(starts: readonly Start[], clocks: Clocks): StartTimes {
  const placed = starts
    .map((start): Placed => {
      const { cluster, node, layer, at_us } = start;
      return { start, ...clocks.byApi({ cluster, node, layer, at_us }) };
    })
    .sort((a, b) => a.at_us - b.at_us);
  const slack = placed.reduce((max, p) => Math.max(max, p.uncertainty_us), 0);
  const byApi = placed.map((p) => p.at_us);
  const told = starts.map((s) => s.at_us).sort((a, b) => a - b);
  const hasNear = (at: number) => (told[firstFrom(told, at - BEAT_US)] ?? Number.POSITIVE_INFINITY) <= at + BEAT_US;
  return {
    between: (from, to) => placed.slice(firstFrom(byApi, from - slack), firstFrom(byApi, to + slack + 1)),
    isOnTheBeat: ({ at_us }) => {
      const around = told.slice(firstFrom(told, at_us - PERIOD_US_MAX), firstFrom(told, at_us + PERIOD_US_MAX + 1));
      return around.some((other) => {
        const period = Math.round((other - at_us) / SECOND_US) * SECOND_US;
        if (period === 0 || Math.abs(other - at_us - period) > BEAT_US) return false;
        return [-3, -2, -1, 1, 2, 3].filter((k) => hasNear(at_us + k * period)).length >= BEATS_MIN;
      });
    },
  };
}

/** Index of the first of the sorted values that is not below `wanted`. */
function firstFrom(sorted: readonly number[], wanted: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
