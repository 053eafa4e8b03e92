// What a collector says of itself: records of source `collector`, which go the way of all records and tell the store silence from absence.
// Decoded by analytics/decode/collector-notices.sql.
import { randomUUID } from 'node:crypto';
import type { Gap } from '../spool/gap.ts';

export type NoticeKind = 'started' | 'heartbeat' | 'gap' | 'stopped';

export interface ClockState {
  clock: 'synchronised' | 'unsynchronised' | 'unknown';
  /** As whoever disciplines it estimates; -1 unknown. */
  clock_error_us: number;
}

interface NoticeState extends ClockState {
  uptime_s: number;
  /** Emitted in this run. */
  records: number;
  waiting_bytes: number;
  torn_bytes: number;
}

export interface NoticeWriter {
  write(kind: NoticeKind, at: Date, state: NoticeState, gap?: Gap): Buffer;
}

/** @param about what the collector reads */
export function createNoticeWriter(about: {
  source: string;
  stream: string;
  readsAgain: boolean;
  program: string;
}): NoticeWriter {
  const run = randomUUID();
  let n = 0;
  return {
    write: (kind, at, state, gap) =>
      Buffer.from(
        JSON.stringify({
          vestige: 'collector',
          id: `${run}/${n++}`,
          kind,
          time: at.toISOString(),
          about: gap?.source ?? about.source,
          stream: gap?.stream || about.stream,
          reads_again: about.readsAgain,
          program: about.program,
          ...state,
          ...(gap === undefined ? {} : { gap: gapOf(gap) }),
        }),
      ),
  };
}

const gapOf = ({ reason, fromMs, toMs, records, bytes, detail }: Gap) => ({
  reason,
  // a clock that is set back ends before it began
  from_ms: Math.round(Math.min(fromMs, toMs)),
  to_ms: Math.round(Math.max(fromMs, toMs)),
  records: records ?? -1,
  bytes: bytes ?? -1,
  detail,
});
