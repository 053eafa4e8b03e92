// The API server's audit webhook: an HTTPS server that takes its batches and answers once they are on disk. First on the way of a record:
// API server -> here -> spool. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#webhook-backend
import { type IntakeServerOptions, openIntake } from '../../transport/https/open-intake.ts';
import type { Collector } from '../collector.ts';
import { createRefusedBatches, type RefusedBatches } from './refused-batches.ts';
import { createEventListTaker } from './take-event-list.ts';

export interface AuditWebhookOptions extends IntakeServerOptions {
  /** Of one batch, inflated. */
  bodyBytesMax?: number;
  /** Of all batches: what is held and what is not on disk yet. */
  inFlightBytesMax?: number;
  onListening?: (port: number) => void;
}

// An API server sends 400 events at most, or 10 MiB with --audit-webhook-truncate-enabled; without it an event with both bodies may have
// megabytes, and a batch that is refused is lost. A batch is not held, so this bounds no memory, only how long one sender may go on.
const BODY_BYTES_MAX = 256 * 1024 * 1024;
// Two events of the largest size at once, or a second of a slow disk; a collector stays below 120 MB.
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024;
// A pod is given 30 s to end; what has begun takes moments.
const GRACE_MS = 10_000;

/** Rejects with HttpsSetupError when it cannot be opened as it is configured. */
export function createAuditWebhook(options: AuditWebhookOptions): Collector {
  const { bodyBytesMax = BODY_BYTES_MAX, inFlightBytesMax = IN_FLIGHT_BYTES_MAX } = options;
  return async (place) => {
    const say = (text: string) => place.say(`k8s-audit: ${text}`);
    let refused: RefusedBatches | undefined;
    const server = await openIntake(options, say, (address) => {
      const stream = `webhook:${address}`;
      const taker = createEventListTaker({ place, stream, inFlightBytesMax });
      const noted = createRefusedBatches(place, stream, `more than ${bodyBytesMax} bytes`);
      refused = noted;
      return {
        ...{ name: 'audit_webhook', paths: ['/', '/k8s-audit'], bodyBytesMax },
        ...{ take: taker.take, trouble: taker.trouble, onTooLarge: noted.note },
        metrics: () => {
          const { events, eventBytes, inFlightBytes } = taker.counts();
          return { events_total: events, event_bytes_total: eventBytes, in_flight_bytes: inFlightBytes };
        },
      };
    });
    say(`listening on https://${server.address}/k8s-audit`);
    options.onListening?.(server.port);
    await aborted(place.stop);
    await server.close(GRACE_MS);
    refused?.end();
    await place.committed();
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
