// The API server's audit webhook: an HTTPS server that takes its batches and answers once they are on disk. First on the way of a record:
// API server -> here -> spool. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#webhook-backend
import { createAccess, requireAccess } from '../../transport/https/access.ts';
import { openHttpsServer, type TlsFiles } from '../../transport/https/https-server.ts';
import { createIntake } from '../../transport/https/intake.ts';
import { followTokens } from '../../transport/https/tokens.ts';
import type { Collector, CollectorPlace } from '../collector.ts';
import { createRefusedBatches } from './refused-batches.ts';
import { createEventListTaker } from './take-event-list.ts';

export interface AuditWebhookOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Paths of PEM files, read again when they change. With `clientCa`, clients need a certificate of it. */
  tls: TlsFiles;
  /** Common or alternative names that the certificate of a client may have; none: any of the authority. */
  clientNames?: readonly string[];
  /** Files of bearer tokens, one a line, read again when they change. With them and `clientCa`, clients need both. */
  tokenFiles?: readonly string[];
  /** Nobody is asked who he is: for tries on a loopback address. */
  insecureLoopback?: boolean;
  /** Of one batch; compressed or not, and inflated. */
  bodyBytesMax?: number;
  /** Of all batches: what is held and what is not on disk yet. */
  inFlightBytesMax?: number;
  /** How often files are looked at. */
  filesEveryMs?: number;
  requestTimeoutMs?: number;
  connectionsMax?: number;
  onListening?: (port: number) => void;
}

// 400 events, each the largest that etcd holds, twice (request and response): 1.2 GB are possible, a fifth of that is told of nowhere. A
// batch is not held, so this bounds no memory, only how long one sender may go on.
const BODY_BYTES_MAX = 256 * 1024 * 1024;
// Two events of the largest size at once, or a second of the disk; a collector stays below 120 MB.
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024;
// The API server's own patience is 30 s; a pod is given as long to end.
const GRACE_MS = 10_000;
const PATHS = ['/', '/k8s-audit'];

/** Rejects with HttpsSetupError when it cannot be opened as it is configured. */
export function createAuditWebhook(options: AuditWebhookOptions): Collector {
  return async (place) => {
    const webhook = await open(options, place);
    place.say(`k8s-audit: listening on https://${webhook.address}${PATHS[1]}`);
    options.onListening?.(webhook.port);
    await aborted(place.stop);
    await webhook.close();
    await place.committed();
  };
}

async function open(options: AuditWebhookOptions, place: CollectorPlace) {
  const { host, tls, insecureLoopback = false, bodyBytesMax = BODY_BYTES_MAX } = options;
  const say = (text: string) => place.say(text);
  const given = { say, ...(options.filesEveryMs === undefined ? {} : { everyMs: options.filesEveryMs }) };
  const { tokenFiles = [], clientNames = [] } = options;
  const tokens = tokenFiles.length === 0 ? undefined : followTokens(tokenFiles, given);
  const rights = { certificates: tls.clientCa !== undefined, names: clientNames, ...(tokens ? { tokens } : {}) };
  try {
    requireAccess(rights, host, insecureLoopback);
    // a stream is named by its port, and a port of 0 is known once it is open: what comes is met only then
    let handle: Parameters<typeof openHttpsServer>[0]['handle'] = (_, response) => response.destroy();
    const server = await openHttpsServer({ ...options, say, handle: (request, response) => handle(request, response) });
    const address = `${host.includes(':') ? `[${host}]` : host}:${server.port}`;
    const stream = `webhook:${address}`;
    const refused = createRefusedBatches(place, stream, `more than ${bodyBytesMax} bytes`);
    const inFlightBytesMax = options.inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX;
    const taker = createEventListTaker({ place, stream, inFlightBytesMax });
    ({ handle } = createIntake({
      ...{ name: 'audit_webhook', paths: PATHS, access: createAccess(rights), bodyBytesMax, say },
      ...{ take: taker.take, trouble: taker.trouble },
      onTooLarge: refused.note,
      onKnown: ({ socket }) => server.trust(socket),
      metrics: () => {
        const { events, eventBytes, inFlightBytes } = taker.counts();
        return {
          ...{ events_total: events, event_bytes_total: eventBytes },
          ...{ in_flight_bytes: inFlightBytes, connections: server.connections() },
        };
      },
    }));
    const close = async () => {
      await server.close(GRACE_MS);
      tokens?.stop();
      refused.end();
    };
    return { address, port: server.port, close };
  } catch (error) {
    tokens?.stop();
    throw error;
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
