// Where collectors deliver without Kafka: POST /api/v1/records with the frames of a spool. An answer of 200 says that the store has them.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DeliveryLoader } from '../../load/deliveries.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { declaredBytes, isCompressed } from './body.ts';
import { createLoadGatherer } from './gather-loads.ts';
import type { Answer, Service } from './intake.ts';
import { FRAMES_TYPE, RECORDS_PATH, type Received } from './protocol.ts';
import { createFrameReader } from './read-frames.ts';

export interface ReceiverOptions {
  loader: DeliveryLoader;
  bodyBytesMax?: number;
  inFlightBytesMax?: number;
  gatherMs?: number;
  batchBytesMax?: number;
  say: (text: string) => void;
}

// A record has 16 MiB at most; a sink sends less than this unless one record makes it so.
const BODY_BYTES_MAX = 32 * 1024 * 1024;
// Four of the largest: two loads, the one on its way and the next.
const IN_FLIGHT_BYTES_MAX = 128 * 1024 * 1024;
const BATCH_BYTES_MAX = 32 * 1024 * 1024;
// A load takes 0.3 to 0.5 s: what comes within half of that shares it.
const GATHER_MS = 200;
// A record in memory besides its bytes: objects of its envelope, measured.
const RECORD_BYTES = 700;

const NOTHING: Answer = { status: 200, text: '{"received":0,"records":0,"duplicates":0,"dead_letters":0}' };
const BUSY: Answer = { status: 503, text: 'too much is on its way to the store already' };

export function createReceiver(options: ReceiverOptions): Service {
  const { loader, say, bodyBytesMax = BODY_BYTES_MAX, inFlightBytesMax = IN_FLIGHT_BYTES_MAX } = options;
  const { gatherMs = GATHER_MS, batchBytesMax = BATCH_BYTES_MAX } = options;
  const gatherer = createLoadGatherer({ loader, name: `receiver-${randomUUID()}`, gatherMs, batchBytesMax });
  let inFlightBytes = 0;
  let received = 0;
  let said = '';

  /** Undefined when there is no room for it. */
  const readRecords = async (
    body: AsyncIterable<Buffer>,
    hold: (bytes: number) => boolean,
  ): Promise<RecordEntry[] | undefined> => {
    const reader = createFrameReader();
    const records: RecordEntry[] = [];
    for await (const chunk of body) {
      const more = reader.push(chunk);
      if (!hold(chunk.length + more.length * RECORD_BYTES)) return undefined;
      for (const record of more) records.push(record);
    }
    reader.end();
    return records;
  };
  const load = async (records: RecordEntry[], bytes: number, request: IncomingMessage): Promise<Answer> => {
    const gone = new AbortController();
    const leave = () => gone.abort(new Error('the sender went away'));
    request.socket.once('close', leave);
    try {
      const { records: news, duplicates, deadLetters } = await gatherer.add(records, bytes, gone.signal);
      received += records.length;
      said = '';
      const counts: Received = { received: records.length, records: news, duplicates, dead_letters: deadLetters };
      return { status: 200, text: JSON.stringify(counts) };
    } catch (error) {
      const text = `not loaded: ${(error as Error).message}`;
      if (text !== said && !gone.signal.aborted) say(text);
      if (!gone.signal.aborted) said = text;
      return { status: 503, text };
    } finally {
      request.socket.off('close', leave);
    }
  };

  return {
    ...{ name: 'receiver', paths: [RECORDS_PATH], contentType: FRAMES_TYPE, bodyBytesMax },
    take: async (body, _, request) => {
      const declared = isCompressed(request) ? 0 : (declaredBytes(request) ?? 0);
      if (inFlightBytes + declared > inFlightBytesMax) return BUSY;
      let held = 0;
      const hold = (bytes: number): boolean => {
        held += bytes;
        inFlightBytes += bytes;
        return inFlightBytes <= inFlightBytesMax;
      };
      try {
        const records = await readRecords(body, hold);
        if (records === undefined) return BUSY;
        return records.length === 0 ? NOTHING : await load(records, held, request);
      } finally {
        inFlightBytes -= held;
      }
    },
    trouble: gatherer.trouble,
    metrics: () => ({ records_total: received, in_flight_bytes: inFlightBytes, waiting_bodies: gatherer.waiting() }),
  };
}
