// A stream of events that was interrupted, told of as a gap.
import type { CollectorPlace } from '../collector.ts';

export interface Compared {
  appeared: number;
  vanished: number;
}

/** Nothing was missed before the interval, nor after it (ms since 1970). */
export interface Interval {
  fromMs: number;
  toMs: number;
}

export function reportInterruption(
  place: CollectorPlace,
  stream: string,
  interval: Interval,
  compared: Compared,
): void {
  const { appeared, vanished } = compared;
  const nowMs = place.now().getTime();
  // heard at a time that is still to come: the clock was set back meanwhile
  const isSetBack = interval.fromMs > nowMs;
  const fromMs = isSetBack ? nowMs : interval.fromMs;
  place.report({
    reason: 'stream-interrupted',
    source: 'runtime',
    stream,
    fromMs,
    toMs: isSetBack ? interval.fromMs : Math.max(fromMs, interval.toMs),
    detail: `meanwhile ${appeared} containers appeared and ${vanished} vanished; others may have come and gone`,
  });
}
