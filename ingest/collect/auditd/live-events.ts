// Lines of auditd as they come, to records: those of one audit event together, held no longer than two seconds whether lines follow or not;
// what is no line of auditd (JSON of other collectors, garbage) is a record of its own. The same grouping as that of an import.
import {
  type AuditEvent,
  createAuditEventFramer,
  type FramerLimits,
  type FramerState,
  type Note,
} from '../../frame/audit-events.ts';
import { type AuditHeader, emptyHeader, readAuditHeader } from '../../frame/audit-header.ts';
import { auditJsonOf, nodeOf, separatesEvents } from '../../frame/audit-json.ts';

/** A record, but for what only the source of the lines knows. */
export interface LiveRecord {
  raw: Buffer;
  /** As it was given with its first line. */
  offset: number;
  lines: number;
  /** What its own bytes say; '' for nothing. */
  node: string;
  note: Note | undefined;
}

export interface LiveEvents {
  /** Takes the line at `from` up to `to`. Records may lie in its bytes, until leaveChunk. */
  line(bytes: Buffer, from: number, to: number, offset: number, whole: boolean): void;
  leaveChunk(): void;
  /** To be called several times a second. */
  closeHeld(): void;
  /** At the end of a stream that is not read again. */
  end(): void;
  openBytes(): number;
  state(): FramerState;
}

interface LiveOptions {
  noteOf: (bytes: Buffer, from: number, to: number, header: AuditHeader) => Note | undefined;
  put: (record: LiveRecord) => void;
  state?: FramerState | undefined;
}

// Two seconds are promised; looks come every 200 ms, and the first of them begins to count.
const HELD_MS = 1_700;
// As those of an import, but for what must fit into a checkpoint: kernels interleave a handful of events.
const LIMITS: FramerLimits = {
  pendingMax: 4_000,
  pendingBytesMax: 12 * 1024 * 1024, // 16 MiB of base64; a frame of the spool has at most 32
  eventBytesMax: 8 * 1024 * 1024,
  quietLinesMax: 20_000,
};

export function createLiveEvents({ noteOf, put, state }: LiveOptions): LiveEvents {
  const framer = createAuditEventFramer({ limits: LIMITS, noteOf, state });
  const header = emptyHeader();
  const putEvents = (events: readonly AuditEvent[]) => {
    for (const { bytes, offset, lines, node, note } of events) put({ raw: bytes, offset, lines, node, note });
  };
  const putLine = (raw: Buffer, offset: number) => {
    const json = auditJsonOf(raw);
    put({ raw, offset, lines: 1, node: json === undefined ? '' : nodeOf(json, raw), note: undefined });
  };
  return {
    line: (bytes, from, to, offset, whole) => {
      if (whole && readAuditHeader(bytes, from, to, header))
        return putEvents(framer.push(bytes, from, to, header, offset));
      const line = bytes.subarray(from, to);
      if (!whole) put({ raw: line, offset, lines: 1, node: '', note: undefined });
      else if (!separatesEvents(line)) putLine(line, offset);
    },
    leaveChunk: () => framer.leaveChunk(),
    // a clock that nobody sets
    closeHeld: () => putEvents(framer.closeHeld(performance.now(), HELD_MS)),
    end: () => putEvents(framer.end()),
    openBytes: () => framer.openBytes(),
    state: () => framer.state(),
  };
}
