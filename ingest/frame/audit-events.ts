// Lines of auditd to audit events: the lines that share node and audit(seconds.millis:serial), in order of arrival.
// The grouping stands here, before anything is stored, so that every later stage is stateless.
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
  parts: Buffer[];
  bytes: number;
  offset: number;
  node: string;
  /** Log time when its last line arrived. */
  touchedMs: number;
  /** Number of its last line in the stream. */
  touchedLine: number;
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

const header = /^(?:node=(\S+) )?type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\)/;
const EOE = 'EOE';
const PROCTITLE = 'PROCTITLE';

export interface AuditEventFramer {
  /** Lines that are in no event, and their bytes: EOE only signals. */
  readonly ignored: { lines: number; bytes: number };
  /** Events that this line closes. */
  push(line: Omit<Line, 'ended'>): AuditEvent[];
  /** All that is still open, at the end of the stream. */
  end(): AuditEvent[];
}

export function createAuditEventFramer(limits = LIMITS): AuditEventFramer {
  const pending = new Map<string, Pending>();
  let pendingBytes = 0;
  let logTimeMs = 0;
  let nextSweepMs = 0;
  let lines = 0;
  const ignored = { lines: 0, bytes: 0 };
  const ignore = (line: { bytes: Buffer }) => {
    ignored.lines++;
    ignored.bytes += line.bytes.length;
  };

  const close = (key: string, event: Pending): AuditEvent => {
    pending.delete(key);
    pendingBytes -= event.bytes;
    return { bytes: join(event.parts), offset: event.offset, lines: event.parts.length, node: event.node };
  };
  const closeQuiet = (): AuditEvent[] => {
    const closed: AuditEvent[] = [];
    for (const [key, event] of pending) {
      const quiet = logTimeMs - event.touchedMs > QUIET_MS_MAX || lines - event.touchedLine > limits.quietLinesMax;
      if (quiet) closed.push(close(key, event));
    }
    return closed;
  };

  return {
    ignored,
    push: (line) => {
      const found = header.exec(line.bytes.toString('latin1', 0, 400));
      if (!found) {
        ignore(line);
        return [];
      }
      lines++;
      const [, node = '', type = '', seconds = '', millis = '', serial = ''] = found;
      logTimeMs = Math.max(logTimeMs, Number(seconds) * 1000 + Number(millis));
      const key = `${node} ${seconds}.${millis}:${serial}`;
      const closed: AuditEvent[] = [];
      const known = pending.get(key);
      if (type === EOE) {
        ignore(line);
        if (known) closed.push(close(key, known));
      } else {
        const event = known ?? { parts: [], bytes: 0, offset: line.offset, node, touchedMs: 0, touchedLine: 0 };
        // a copy: a line that waits must not keep the chunk it came in
        event.parts.push(Buffer.from(line.bytes));
        event.bytes += line.bytes.length;
        pendingBytes += line.bytes.length;
        event.touchedMs = logTimeMs;
        event.touchedLine = lines;
        pending.set(key, event);
        if (type === PROCTITLE || (!known && isWhole(type, line.bytes)) || event.bytes > limits.eventBytesMax)
          closed.push(close(key, event));
      }
      if (logTimeMs >= nextSweepMs || lines % SWEEP_LINES === 0) {
        closed.push(...closeQuiet());
        nextSweepMs = logTimeMs + QUIET_MS_MAX / 4;
      }
      for (const [oldest, event] of pending) {
        if (pending.size <= limits.pendingMax && pendingBytes <= limits.pendingBytesMax) break;
        closed.push(close(oldest, event));
      }
      return closed;
    },
    end: () => [...pending].map(([key, event]) => close(key, event)),
  };
}

// User-space programs and the daemon itself write events of one line: msg='...', or DAEMON_*.
function isWhole(type: string, line: Buffer): boolean {
  return type.startsWith('DAEMON_') || (line.includes('): pid=') && line.includes(" msg='"));
}

function join(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const newline = Buffer.from('\n');
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [newline, part])));
}
