// A stream of events that was interrupted, told of as a gap.
import type { CollectorPlace } from '../collector.ts';

export interface Compared {
  appeared: number;
  vanished: number;
}

/** @param fromMs until then nothing was missed */
export function reportInterruption(place: CollectorPlace, stream: string, fromMs: number, compared: Compared): void {
  const { appeared, vanished } = compared;
  place.report({
    reason: 'stream-interrupted',
    source: 'runtime',
    stream,
    fromMs,
    toMs: Math.max(fromMs, place.now().getTime()),
    detail: `meanwhile ${appeared} containers appeared and ${vanished} vanished; others may have come and gone`,
  });
}
