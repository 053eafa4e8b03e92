// The stream of records that one runtime's socket becomes: records are counted, and the count goes on over restarts. It also keeps until
// when the runtime was heard: what happened after that, and before the next connection, nobody saw.
import { z } from 'zod';
import type { CollectorPlace } from '../collector.ts';

const State = z.object({ position: z.number().int().nonnegative(), heardMs: z.number().nonnegative().optional() });

export interface NumberedStream {
  readonly name: string;
  /**
   * Until when (ms since 1970) nothing was missed; of a connection that has just begun, before it did. Undefined on a node where this never
   * ran.
   */
  heardMs(): number | undefined;
  /** A connection begins: until it is known what was missed before (`heard`), what comes is no proof that nothing is missing. */
  interrupted(): void;
  /** Nothing was missed up to this moment, or it was reported. */
  heard(ms: number): void;
  /**
   * @param ms of an event: when it happened
   * @returns false when nothing can be written
   */
  emit(raw: string | Buffer, attrs: Readonly<Record<string, string>>, ms?: number): boolean;
}

export function createNumberedStream(place: CollectorPlace, name: string): NumberedStream {
  const restored = stateOf(place.restored(name));
  let position = restored?.position ?? 0;
  let heardMs = restored?.heardMs;
  let isInterrupted = false;
  let connection: { beforeMs: number | undefined } | undefined;
  const keep = () => place.checkpoint(name, JSON.stringify({ position, ...(heardMs !== undefined && { heardMs }) }));
  // a record may say any time; and what lies ahead was said by a clock that was set back since
  const hear = (ms: number) => {
    const nowMs = place.now().getTime();
    const before = heardMs === undefined || heardMs > nowMs ? 0 : heardMs;
    heardMs = Math.max(before, Math.min(ms, nowMs));
  };
  return {
    name,
    heardMs: () => (connection ? connection.beforeMs : heardMs),
    interrupted() {
      connection = { beforeMs: heardMs };
      isInterrupted = heardMs !== undefined;
    },
    heard(ms) {
      connection = undefined;
      isInterrupted = false;
      hear(ms);
      keep();
    },
    emit(raw, attrs, ms) {
      if (ms !== undefined && !isInterrupted) hear(ms);
      const bytes = typeof raw === 'string' ? Buffer.from(raw) : raw;
      const taken = place.emit({ source: 'runtime', stream: name, position, lines: 1, attrs, raw: bytes });
      if (!taken) return false;
      position++;
      keep();
      return true;
    },
  };
}

function stateOf(text: string | undefined): z.infer<typeof State> | undefined {
  if (text === undefined) return undefined;
  try {
    return State.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
