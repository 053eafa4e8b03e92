// Lines of auditd to audit events: the lines that share node and audit(seconds.millis:serial), in order of arrival.
// The grouping stands here, before anything is stored, so that every later stage is stateless.
import { type AuditHeader, holds, readAuditHeader } from './audit-header.ts';
import type { Line } from './lines.ts';

export interface AuditEvent {
  /** Lines joined by newline, EOE left out: the bytes of the record. */
  bytes: Buffer;
  /** Where its first line starts. */
  offset: number;
  lines: number;
  /** From the `node=` prefix; empty without one. */
  node: string;
}

interface Pending {
  key: string;
  /** Lines that are copied already. */
  parts: Buffer[];
  /** Lines that follow one another in the chunk they came in, still there. */
  run: Run | undefined;
  bytes: number;
  offset: number;
  lines: number;
  node: string;
  /** Log time when its last line arrived. */
  touchedMs: number;
  /** Number of its last line in the stream. */
  touchedLine: number;
}

interface Run {
  chunk: ArrayBufferLike;
  from: number;
  to: number;
}

// auditd writes the lines of an event within milliseconds; 2 s is its own end_of_event_timeout.
const QUIET_MS_MAX = 2_000;
const SWEEP_LINES = 1_000;
/** What a hostile log may hold in memory; kernels interleave a handful of events. */
export interface FramerLimits {
  /** Events that wait for more lines. */
  pendingMax: number;
  /** Bytes of them all. */
  pendingBytesMax: number;
  /** Bytes of one event, which is then cut. */
  eventBytesMax: number;
  /** Lines of others after which an event is closed: where a line from the far future has stopped log time. */
  quietLinesMax: number;
}
const LIMITS: FramerLimits = {
  pendingMax: 20_000,
  pendingBytesMax: 64 * 1024 * 1024,
  eventBytesMax: 8 * 1024 * 1024,
  quietLinesMax: 20_000, // two seconds of a busy node
};

const EOE = Buffer.from('EOE ');
const PROCTITLE = Buffer.from('PROCTITLE ');
const DAEMON = Buffer.from('DAEMON_');
const FIRST_FIELD_PID = Buffer.from('): pid=');
const USER_MESSAGE = Buffer.from(" msg='");
const NEWLINE = Buffer.from('\n');
const NONE: readonly AuditEvent[] = [];

export interface AuditEventFramer {
  /** Lines that are in no event, and their bytes: EOE only signals. */
  readonly ignored: { lines: number; bytes: number };
  /** Events that this line closes. Their bytes may lie in the chunk the line came in: use them before the next chunk. */
  push(line: Omit<Line, 'ended'>): readonly AuditEvent[];
  /** Copies what waits out of its chunk, so that a line that waits does not keep the chunk it came in. */
  leaveChunk(): void;
  /** All that is still open, at the end of the stream. */
  end(): AuditEvent[];
}

export function createAuditEventFramer(limits = LIMITS): AuditEventFramer {
  const pending = new Map<string, Pending>();
  let running: Pending[] = [];
  const ignored = { lines: 0, bytes: 0 };
  const ignore = (line: { bytes: Buffer }) => {
    ignored.lines++;
    ignored.bytes += line.bytes.length;
  };
  let pendingBytes = 0;
  let logTimeMs = 0;
  let nextSweepMs = 0;
  let lines = 0;
  // the lines of an event mostly follow one another: the last one's id is compared before a key is made
  let last: { line: Buffer; header: AuditHeader; key: string } | undefined;

  const close = (event: Pending): AuditEvent => {
    pending.delete(event.key);
    pendingBytes -= event.bytes;
    return { bytes: bytesOf(event), offset: event.offset, lines: event.lines, node: event.node };
  };
  const keyOf = (line: Buffer, header: AuditHeader): string => {
    if (last && last.header.node === header.node && sameId(last.line, last.header, line, header)) return last.key;
    const id = line.toString('latin1', header.idFrom, header.idTo);
    const [seconds = '', millis = ''] = id.split(/[.:]/, 2);
    logTimeMs = Math.max(logTimeMs, Number(seconds) * 1000 + Number(millis));
    return `${header.node} ${id}`;
  };
  const closeQuiet = (closed: AuditEvent[]): void => {
    for (const event of pending.values()) {
      const quiet = logTimeMs - event.touchedMs > QUIET_MS_MAX || lines - event.touchedLine > limits.quietLinesMax;
      if (quiet) closed.push(close(event));
    }
    nextSweepMs = logTimeMs + QUIET_MS_MAX / 4;
  };
  const closeOldest = (closed: AuditEvent[]): void => {
    for (const event of pending.values()) {
      if (pending.size <= limits.pendingMax && pendingBytes <= limits.pendingBytesMax) return;
      closed.push(close(event));
    }
  };
  const opened = (key: string, { node }: AuditHeader, offset: number): Pending => {
    const event = { key, parts: [], run: undefined, bytes: 0, offset, lines: 0, node, touchedMs: 0, touchedLine: 0 };
    pending.set(key, event);
    return event;
  };
  const add = (event: Pending, bytes: Buffer): void => {
    if (!event.run) running.push(event);
    append(event, bytes);
    event.lines++;
    event.bytes += bytes.length;
    pendingBytes += bytes.length;
    event.touchedMs = logTimeMs;
    event.touchedLine = lines;
  };

  return {
    ignored,
    push: (line) => {
      const header = readAuditHeader(line.bytes);
      if (!header) {
        ignore(line);
        return NONE;
      }
      lines++;
      const key = keyOf(line.bytes, header);
      last = { line: line.bytes, header, key };
      const known = pending.get(key);
      const closed: AuditEvent[] = [];
      if (holds(line.bytes, header.typeFrom, EOE)) {
        ignore(line);
        if (known) closed.push(close(known));
      } else {
        const event = known ?? opened(key, header, line.offset);
        add(event, line.bytes);
        if (closes(line.bytes, header, known === undefined) || event.bytes > limits.eventBytesMax)
          closed.push(close(event));
      }
      if (logTimeMs >= nextSweepMs || lines % SWEEP_LINES === 0) closeQuiet(closed);
      if (pending.size > limits.pendingMax || pendingBytes > limits.pendingBytesMax) closeOldest(closed);
      return closed;
    },
    leaveChunk: () => {
      for (const event of running) settle(event);
      running = [];
      if (last) last = { ...last, line: Buffer.from(last.line) };
    },
    end: () => [...pending.values()].map(close),
  };
}

function sameId(a: Buffer, inA: AuditHeader, b: Buffer, inB: AuditHeader): boolean {
  const length = inA.idTo - inA.idFrom;
  if (inB.idTo - inB.idFrom !== length) return false;
  // from the end: serials differ sooner than times
  for (let i = length - 1; i >= 0; i--) if (a[inA.idFrom + i] !== b[inB.idFrom + i]) return false;
  return true;
}

// Lines that follow one another in a chunk are the event's bytes as they stand there.
function append(event: Pending, line: Buffer): void {
  const { run } = event;
  const from = line.byteOffset;
  if (run && run.chunk === line.buffer && from === run.to + 1 && new Uint8Array(run.chunk, run.to, 1)[0] === 10) {
    run.to = from + line.length;
    return;
  }
  settle(event);
  event.run = { chunk: line.buffer, from, to: from + line.length };
}

function settle(event: Pending): void {
  if (!event.run) return;
  event.parts.push(Buffer.from(Buffer.from(event.run.chunk, event.run.from, event.run.to - event.run.from)));
  event.run = undefined;
}

function bytesOf({ parts, run }: Pending): Buffer {
  const inChunk = run && Buffer.from(run.chunk, run.from, run.to - run.from);
  if (inChunk && parts.length === 0) return inChunk;
  const all = inChunk ? [...parts, inChunk] : parts;
  return Buffer.concat(all.flatMap((part, i) => (i === 0 ? [part] : [NEWLINE, part])));
}

function closes(line: Buffer, header: AuditHeader, first: boolean): boolean {
  return holds(line, header.typeFrom, PROCTITLE) || (first && isWhole(line, header));
}

// User-space programs and the daemon itself write events of one line: msg='...', or DAEMON_*.
function isWhole(line: Buffer, { typeFrom, idTo }: AuditHeader): boolean {
  return holds(line, typeFrom, DAEMON) || (holds(line, idTo, FIRST_FIELD_PID) && line.includes(USER_MESSAGE));
}
