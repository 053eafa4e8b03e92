// Lines of auditd to audit events: the lines that share node and audit(seconds.millis:serial), in order of arrival.
// The grouping stands here, before anything is stored, so that every later stage is stateless.
import { type AuditHeader, holds, isSame, millisOf } from './audit-header.ts';

export interface AuditEvent {
  /** Lines joined by newline, EOE left out: the bytes of the record. */
  bytes: Buffer;
  /** Where its first line starts. */
  offset: number;
  lines: number;
  /** From the `node=` prefix; empty without one. */
  node: string;
  /** What was said of it when it appeared, where somebody was asked. */
  note?: Note;
}

export type Note = Readonly<Record<string, string>>;

/** What an open event is when it is kept over a restart. Plain data. */
export interface OpenEvent {
  key: string;
  /** Its lines, base64. */
  bytes: string;
  offset: number;
  lines: number;
  touched_ms: number;
  touched_line: number;
  note?: Note | undefined;
}

/** All that decides how lines are grouped from here on. */
export interface FramerState {
  lines: number;
  log_ms: number;
  next_sweep_ms: number;
  open: readonly OpenEvent[];
}

interface FramerOptions {
  limits?: FramerLimits;
  /** Asked once an event, when its first line comes that may tell whose it is: the first, or a SYSCALL. */
  noteOf?: (bytes: Buffer, from: number, to: number, header: AuditHeader) => Note | undefined;
  /** Where an earlier framer was. */
  state?: FramerState | undefined;
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
  /** When it was first seen waiting, by a clock on the wall; NaN before that. */
  heldSinceMs: number;
  note: Note | undefined;
}

interface Run {
  chunk: Buffer;
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
const SYSCALL = Buffer.from('SYSCALL ');
const DAEMON = Buffer.from('DAEMON_');
const FIRST_FIELD_PID = Buffer.from('): pid=');
const USER_MESSAGE = Buffer.from(" msg='");
const NEWLINE = 10;
const BETWEEN_LINES = Buffer.of(NEWLINE);
const NONE: readonly AuditEvent[] = [];

export interface AuditEventFramer {
  /** Lines that are in no event, and their bytes: EOE only signals. */
  readonly ignored: { lines: number; bytes: number };
  /**
   * Takes the line at `from` up to `to`, whose head was read, and gives the events it closes. Their bytes may lie in the chunk
   * the line came in: use them before the next chunk.
   * @param offset of the line in the stream
   */
  push(bytes: Buffer, from: number, to: number, header: AuditHeader, offset: number): readonly AuditEvent[];
  /** A line that says nothing of its own. */
  ignore(bytes: number): void;
  /** Copies what waits out of its chunk, so that a line that waits does not keep the chunk it came in. */
  leaveChunk(): void;
  /** Events that were held for `heldMs` on a clock that runs whether lines come or not. To be called again and again with its time. */
  closeHeld(nowMs: number, heldMs: number): AuditEvent[];
  /** Bytes of what is open. */
  openBytes(): number;
  /** What is open, and where the log's time stands. Only after leaveChunk. */
  state(): FramerState;
  /** All that is still open, at the end of the stream. */
  end(): AuditEvent[];
}

export function createAuditEventFramer({ limits = LIMITS, noteOf, state }: FramerOptions = {}): AuditEventFramer {
  const pending = new Map<string, Pending>((state?.open ?? []).map((event) => [event.key, reopened(event)]));
  let running: Pending[] = [];
  const ignored = { lines: 0, bytes: 0 };
  let pendingBytes = [...pending.values()].reduce((sum, event) => sum + event.bytes, 0);
  let logTimeMs = state?.log_ms ?? 0;
  let nextSweepMs = state?.next_sweep_ms ?? 0;
  let lines = state?.lines ?? 0;
  // the lines of an event mostly follow one another: only where an id differs from the line's before is it looked up
  const last = {
    bytes: Buffer.alloc(0) as Buffer,
    idFrom: 0,
    idTo: 0,
    node: '',
    key: '',
    event: undefined as Pending | undefined,
  };

  const close = (event: Pending): AuditEvent => {
    pending.delete(event.key);
    if (event === last.event) last.event = undefined;
    pendingBytes -= event.bytes;
    const { offset, node, note } = event;
    const closed: AuditEvent = { bytes: bytesOf(event), offset, lines: event.lines, node };
    if (note) closed.note = note;
    return closed;
  };
  const lookUp = (bytes: Buffer, header: AuditHeader): void => {
    const { nodeFrom, nodeTo, idFrom, idTo } = header;
    const sameNode = last.node.length === nodeTo - nodeFrom && isText(last.node, bytes, nodeFrom);
    if (sameNode && isSame(last.bytes, last.idFrom, last.idTo, bytes, idFrom, idTo)) return;
    if (!sameNode) last.node = bytes.toString('latin1', nodeFrom, nodeTo);
    logTimeMs = Math.max(logTimeMs, millisOf(bytes, header));
    last.bytes = bytes;
    last.idFrom = idFrom;
    last.idTo = idTo;
    last.key = `${last.node} ${bytes.toString('latin1', idFrom, idTo)}`;
    last.event = pending.get(last.key);
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
  const opened = (offset: number): Pending => {
    const { key, node } = last;
    const times = { touchedMs: 0, touchedLine: 0, heldSinceMs: Number.NaN };
    const event = { key, parts: [], run: undefined, bytes: 0, offset, lines: 0, node, ...times, note: undefined };
    pending.set(key, event);
    last.event = event;
    return event;
  };
  const add = (event: Pending, bytes: Buffer, from: number, to: number): void => {
    if (!event.run) running.push(event);
    append(event, bytes, from, to);
    event.lines++;
    event.bytes += to - from;
    pendingBytes += to - from;
    event.touchedMs = logTimeMs;
    event.touchedLine = lines;
  };
  const ignore = (bytes: number): void => {
    ignored.lines++;
    ignored.bytes += bytes;
  };

  return {
    ignored,
    ignore,
    push: (bytes, from, to, header, offset) => {
      lines++;
      lookUp(bytes, header);
      const known = last.event;
      let closed: AuditEvent[] | undefined;
      if (holds(bytes, header.typeFrom, to, EOE)) {
        ignore(to - from);
        if (known) closed = [close(known)];
      } else {
        const event = known ?? opened(offset);
        if (noteOf && !event.note && (!known || holds(bytes, header.typeFrom, to, SYSCALL)))
          event.note = noteOf(bytes, from, to, header);
        add(event, bytes, from, to);
        if (closes(bytes, to, header, known === undefined) || event.bytes > limits.eventBytesMax)
          closed = [close(event)];
      }
      const sweep = logTimeMs >= nextSweepMs || lines % SWEEP_LINES === 0;
      const full = pending.size > limits.pendingMax || pendingBytes > limits.pendingBytesMax;
      if (!sweep && !full) return closed ?? NONE;
      closed ??= [];
      if (sweep) closeQuiet(closed);
      if (full) closeOldest(closed);
      return closed;
    },
    leaveChunk: () => {
      for (const event of running) settle(event);
      running = [];
      last.bytes = Buffer.from(last.bytes.subarray(last.idFrom, last.idTo));
      last.idTo -= last.idFrom;
      last.idFrom = 0;
    },
    closeHeld: (nowMs, heldMs) => {
      const closed: AuditEvent[] = [];
      for (const event of pending.values()) {
        if (Number.isNaN(event.heldSinceMs)) event.heldSinceMs = nowMs;
        else if (nowMs - event.heldSinceMs >= heldMs) closed.push(close(event));
      }
      return closed;
    },
    openBytes: () => pendingBytes,
    state: () => ({
      ...{ lines, log_ms: logTimeMs, next_sweep_ms: nextSweepMs },
      open: [...pending.values()].map(kept),
    }),
    end: () => [...pending.values()].map(close),
  };
}

const kept = (event: Pending): OpenEvent => ({
  ...{ key: event.key, bytes: bytesOf(event).toString('base64'), offset: event.offset, lines: event.lines },
  ...{ touched_ms: event.touchedMs, touched_line: event.touchedLine, note: event.note },
});

function reopened({ key, bytes, offset, lines, touched_ms, touched_line, note }: OpenEvent): Pending {
  const joined = Buffer.from(bytes, 'base64');
  const ofLines = joined.length - (lines - 1); // newlines between them are not counted
  return {
    ...{ key, parts: [joined], run: undefined, bytes: ofLines, offset, lines, node: key.slice(0, key.indexOf(' ')) },
    ...{ touchedMs: touched_ms, touchedLine: touched_line, heldSinceMs: Number.NaN, note },
  };
}

function isText(text: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

// Lines that follow one another in a chunk are the event's bytes as they stand there.
function append(event: Pending, bytes: Buffer, from: number, to: number): void {
  const { run } = event;
  if (run && run.chunk === bytes && from === run.to + 1 && bytes[run.to] === NEWLINE) {
    run.to = to;
    return;
  }
  settle(event);
  event.run = { chunk: bytes, from, to };
}

function settle(event: Pending): void {
  if (!event.run) return;
  event.parts.push(Buffer.from(event.run.chunk.subarray(event.run.from, event.run.to)));
  event.run = undefined;
}

function bytesOf({ parts, run }: Pending): Buffer {
  const inChunk = run?.chunk.subarray(run.from, run.to);
  if (inChunk && parts.length === 0) return inChunk;
  const all = inChunk ? [...parts, inChunk] : parts;
  return Buffer.concat(all.flatMap((part, i) => (i === 0 ? [part] : [BETWEEN_LINES, part])));
}

function closes(bytes: Buffer, to: number, header: AuditHeader, first: boolean): boolean {
  return holds(bytes, header.typeFrom, to, PROCTITLE) || (first && isWhole(bytes, to, header));
}

// User-space programs and the daemon itself write events of one line: msg='...', or DAEMON_*.
function isWhole(bytes: Buffer, to: number, { typeFrom, idTo }: AuditHeader): boolean {
  if (holds(bytes, typeFrom, to, DAEMON)) return true;
  return holds(bytes, idTo, to, FIRST_FIELD_PID) && bytes.subarray(idTo, to).includes(USER_MESSAGE);
}
