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
}

// auditd writes the lines of an event within milliseconds; 2 s is its own end_of_event_timeout.
const QUIET_MS_MAX = 2_000;
// Bounds: kernels interleave a handful of events; a hostile log must not hold more than this in memory.
const PENDING_MAX = 20_000;
const EVENT_BYTES_MAX = 8 * 1024 * 1024;

const header = /^(?:node=(\S+) )?type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\)/;
const EOE = 'EOE';
const PROCTITLE = 'PROCTITLE';

export interface AuditEventFramer {
  /** Events that this line closes. */
  push(line: Line): AuditEvent[];
  /** All that is still open, at the end of the stream. */
  end(): AuditEvent[];
}

export function createAuditEventFramer(): AuditEventFramer {
  const pending = new Map<string, Pending>();
  let logTimeMs = 0;
  let nextSweepMs = 0;

  const close = (key: string, event: Pending): AuditEvent => {
    pending.delete(key);
    return { bytes: join(event.parts), offset: event.offset, lines: event.parts.length, node: event.node };
  };
  const closeQuiet = (): AuditEvent[] => {
    const closed: AuditEvent[] = [];
    for (const [key, event] of pending) if (logTimeMs - event.touchedMs > QUIET_MS_MAX) closed.push(close(key, event));
    return closed;
  };

  return {
    push: (line) => {
      const found = header.exec(line.bytes.toString('latin1', 0, 400));
      if (!found) return [];
      const [, node = '', type = '', seconds = '', millis = '', serial = ''] = found;
      logTimeMs = Math.max(logTimeMs, Number(seconds) * 1000 + Number(millis));
      const key = `${node} ${seconds}.${millis}:${serial}`;
      const closed: AuditEvent[] = [];
      const known = pending.get(key);
      if (type === EOE) {
        if (known) closed.push(close(key, known));
      } else {
        const event = known ?? { parts: [], bytes: 0, offset: line.offset, node, touchedMs: logTimeMs };
        event.parts.push(line.bytes);
        event.bytes += line.bytes.length;
        event.touchedMs = logTimeMs;
        pending.set(key, event);
        if (type === PROCTITLE || (!known && isWhole(type, line.bytes)) || event.bytes > EVENT_BYTES_MAX)
          closed.push(close(key, event));
      }
      if (logTimeMs >= nextSweepMs) {
        closed.push(...closeQuiet());
        nextSweepMs = logTimeMs + QUIET_MS_MAX / 4;
      }
      for (const [oldest, event] of pending) {
        if (pending.size <= PENDING_MAX) break;
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
