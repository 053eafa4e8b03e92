// Deliveries to the store: every payload to records (one of a collector is one record; of others it is cut), records to segments, segments to
// the store. Used by the consumer of Kafka, by the receiver and by a collector that has the store beside it.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../analytics/store/store.ts';
import { cutPayload, type Piece } from '../frame/payload.ts';
import { type Format, recognise, type Source, sourceOf } from '../frame/recognise.ts';
import type { Deliveries, Delivery, DeliveryLoader } from './deliveries.ts';
import { isOfStore } from './failures.ts';
import { dropAbandoned, type Loaded, loadSegment } from './load.ts';
import { createSegment, type Envelope, type Segment } from './segment.ts';

// As an import's batches (ingest/import.ts); a batch of deliveries is mostly smaller.
const SEGMENT_RAW_BYTES = 64 * 1024 * 1024;
const FAILURE_CHARACTERS = 300;
/** Items of one payload that have numbers of their own below its own. */
const ITEMS_PER_SEQ = 4096;

export const nothingLoaded = (): Loaded => ({
  records: 0,
  duplicates: 0,
  deadLetters: 0,
  events: { k8s_audit: 0, auditd: 0, runtime: 0 },
});

export async function createDeliveryLoader(store: Store): Promise<DeliveryLoader> {
  const parent = store.directory === undefined ? tmpdir() : join(store.directory, 'tmp');
  const temporary = mkdtempSync(join(parent, 'deliveries-'));
  const run = randomUUID();
  let segments = 0;
  await dropAbandoned(store);

  const loadSegmentOf = async (segment: Segment, total: Loaded): Promise<void> => {
    segment.close();
    try {
      addLoaded(total, await loadSegment(store, `${run}-${segments}`, segment));
    } finally {
      rmSync(segment.path, { force: true });
    }
  };
  /** @param failure what the engine said of this delivery alone: it is kept, and nothing of it is decoded */
  const loadAll = async (batch: Deliveries, failure?: string): Promise<Loaded> => {
    const total = nothingLoaded();
    const envelopeOf = createEnvelopes();
    let segment: Segment | undefined;
    try {
      for (const delivery of batch) {
        for (const { seq, loader, piece } of numbered(delivery)) {
          segment ??= createSegment(join(temporary, `${++segments}.bin`));
          const { source, format } = kindOf(delivery.source, failure === undefined ? piece.format : 'unknown');
          const attrs = failure === undefined ? delivery.attrs : { ...delivery.attrs, undecodable: failure };
          const { position, receivedAtUs } = delivery;
          const { raw, lines, node } = piece;
          const envelope = envelopeOf(delivery, { source, loader, node });
          segment.append(envelope, seq, { position, receivedAtUs, lines, format, attrs, raw });
          if (!segment.isFull(SEGMENT_RAW_BYTES)) continue;
          const full = segment;
          segment = undefined;
          await loadSegmentOf(full, total);
        }
      }
      if (segment) await loadSegmentOf(segment, total);
    } catch (error) {
      if (segment) rmSync(segment.path, { force: true });
      throw error;
    }
    return total;
  };
  // One record must not hold up those behind it: what the engine fails on is looked for by halves, and kept undecoded.
  const loadIsolating = async (batch: Deliveries): Promise<Loaded> => {
    try {
      return await loadAll(batch);
    } catch (error) {
      if (isOfStore(error)) throw error;
      if (batch.length === 1) return loadAll(batch, (error as Error).message.slice(0, FAILURE_CHARACTERS));
      const half = Math.ceil(batch.length / 2);
      const total = await loadIsolating(batch.slice(0, half));
      addLoaded(total, await loadIsolating(batch.slice(half)));
      return total;
    }
  };
  return {
    load: loadIsolating,
    close: async () => rmSync(temporary, { recursive: true, force: true }),
  };
}

interface Numbered {
  seq: number;
  loader: string;
  piece: Piece;
}

// A payload that is one record keeps its number. Items of another are numbered among themselves: by the number of the payload and their place,
// so that the same payload gives the same numbers whenever it is loaded.
function numbered(delivery: Delivery): Iterable<Numbered> {
  const { loader, seq } = delivery;
  return isOfCollector(delivery) ? [{ seq, loader, piece: whole(delivery) }] : itemsOf(delivery);
}

function* itemsOf(delivery: Delivery): Generator<Numbered> {
  const { loader, seq } = delivery;
  let first: Piece | undefined;
  let n = 0;
  for (const piece of cutPayload(delivery.raw)) {
    if (n++ === 0) first = piece;
    else {
      if (first !== undefined && n === 2) yield { ...itemOf(delivery, 0), piece: first };
      yield { ...itemOf(delivery, n - 1), piece };
    }
  }
  if (n === 1 && first !== undefined) yield { seq, loader, piece: first };
}

function itemOf({ loader, seq }: Delivery, n: number): { seq: number; loader: string } {
  const more = Math.floor(n / ITEMS_PER_SEQ);
  return { seq: seq * ITEMS_PER_SEQ + (n % ITEMS_PER_SEQ), loader: `${loader}#items${more === 0 ? '' : more}` };
}

/** A collector framed it, and says of how many lines. */
const isOfCollector = ({ lines, source }: Delivery): boolean => lines > 0 || source === 'collector';

function whole({ source, attrs, raw, lines }: Delivery): Piece {
  const format =
    source === 'collector' ? 'collector-notice' : attrs['piece'] === 'oversized' ? 'oversized' : recognise(raw);
  return { format, raw, lines, node: '' };
}

// A source says only its own kind: who can write into one log must not speak for another layer.
function kindOf(delivered: Delivery['source'], format: Format): { source: Source; format: Format } {
  if (format === 'unknown' || format === 'oversized') return { source: delivered || 'runtime', format };
  const source = sourceOf[format];
  return delivered === '' || delivered === source ? { source, format } : { source: delivered, format: 'unknown' };
}

/** One object for all records with the same envelope. */
function createEnvelopes(): (of: Delivery, own: Pick<Envelope, 'source' | 'loader' | 'node'>) => Envelope {
  const made = new Map<string, Envelope>();
  // neighbours mostly share theirs
  let last: Envelope | undefined;
  return (delivery, { source, loader, node: own }) => {
    const { cluster, collector, bootId, stream } = delivery;
    const node = source === 'k8s-audit' ? '' : own || delivery.node;
    const envelope = { source, cluster, node, collector, bootId, stream, loader };
    if (last !== undefined && isSame(last, envelope)) return last;
    const key = Object.values(envelope).join('\0');
    last = made.get(key) ?? envelope;
    made.set(key, last);
    return last;
  };
}

const isSame = (a: Envelope, b: Envelope): boolean =>
  a.stream === b.stream &&
  a.loader === b.loader &&
  a.node === b.node &&
  a.source === b.source &&
  a.cluster === b.cluster &&
  a.collector === b.collector &&
  a.bootId === b.bootId;

function addLoaded(to: Loaded, more: Loaded): void {
  to.records += more.records;
  to.duplicates += more.duplicates;
  to.deadLetters += more.deadLetters;
  for (const table of ['k8s_audit', 'auditd', 'runtime'] as const) to.events[table] += more.events[table];
}
