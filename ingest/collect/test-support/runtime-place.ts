// A place that keeps what a collector of runtimes gives, and runs it: checkpoints outlive the collector, as in a spool. For tests.

import type { Gap } from '../../spool/gap.ts';
import type { Collected, Collector, CollectorPlace } from '../collector.ts';

export interface Emitted {
  record: Collected;
  json: Record<string, unknown>;
  /** When it came, milliseconds since 1970. */
  atMs: number;
}

export function createPlace() {
  const emitted: Emitted[] = [];
  const gaps: Gap[] = [];
  const said: string[] = [];
  const checkpoints = new Map<string, string>();
  let running: { stop: AbortController; ended: Promise<void> } | undefined;

  const place = (stop: AbortSignal): CollectorPlace => ({
    emit(record) {
      const raw = Buffer.from(record.raw);
      emitted.push({ record: { ...record, raw }, json: JSON.parse(raw.toString()), atMs: Date.now() });
      return true;
    },
    checkpoint: (stream, state) => checkpoints.set(stream, state),
    restored: (stream) => checkpoints.get(stream),
    committed: async () => {},
    report: (gap) => gaps.push(gap),
    say: (text) => said.push(text),
    now: () => new Date(),
    stop,
  });
  return {
    emitted,
    gaps,
    said,
    checkpoints,
    place,
    start(collector: Collector): void {
      const stop = new AbortController();
      running = { stop, ended: collector(place(stop.signal)) };
    },
    /** Resolves with the collector; rejects when it failed. */
    async stop(): Promise<void> {
      running?.stop.abort();
      await running?.ended;
      running = undefined;
    },
  };
}
