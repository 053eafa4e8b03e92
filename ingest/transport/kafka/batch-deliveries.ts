// The records of a batch to deliveries, in a table: read where they lie, with the envelope of each (header.ts).
import type { DeliveryHead, DeliveryTable } from '../../load/delivery-table.ts';
import { type MetaRead, type RecordMeta, readMeta } from '../../spool/record-meta.ts';
import { ENVELOPE_HEADER, HEADER_BYTES_MAX, placeOfKey } from './header.ts';
import { RecordCursor } from './record-cursor.ts';
import type { Origin, Put } from './to-delivery.ts';
import type { WholeBatch } from './whole-batches.ts';

const HEADER = Buffer.from(ENVELOPE_HEADER);

/** @param from the first offset that is wanted: a batch may begin before it. @throws RecordsBroken */
export function putBatch(batch: WholeBatch, from: number, origin: Origin, table: DeliveryTable): Put {
  const { records: bytes } = batch;
  const put = { tombstones: 0, odd: 0 };
  const headOfMeta = createMetaHeads(origin.loader);
  const headOfKey = createKeyHeads(origin);
  const meta = {} as MetaRead;
  const numbers = { seq: 0, receivedAtUs: 0, position: 0 };
  const record = new RecordCursor(bytes, batch, HEADER);
  while (record.next()) {
    if (record.offset < from) continue;
    const header = readHeader(record, bytes, meta);
    if (header === 'odd') put.odd++;
    if (record.valueFrom === -1) {
      put.tombstones++;
      continue;
    }
    numbers.seq = record.offset;
    numbers.receivedAtUs = header === 'ok' ? meta.receivedAtUs : Math.max(0, record.timestampMs) * 1000;
    numbers.position = header === 'ok' ? meta.position : record.offset;
    const head = header === 'ok' ? headOfMeta(meta.like) : headOfKey(bytes, record.keyFrom, record.keyTo);
    table.add(head, numbers, bytes, record.valueFrom, record.valueTo);
  }
  return put;
}

function readHeader(record: RecordCursor, bytes: Buffer, into: MetaRead): 'ok' | 'none' | 'odd' {
  const { headers, headerFrom, headerTo } = record;
  if (headers === 0) return 'none';
  const isOne = headers === 1 && headerFrom !== -1 && headerTo - headerFrom <= HEADER_BYTES_MAX;
  return isOne && readMeta(bytes, headerFrom, headerTo, into) ? 'ok' : 'odd';
}

/** One head for all records whose envelopes are alike. */
function createMetaHeads(loader: string): (like: RecordMeta) => DeliveryHead {
  const heads = new Map<RecordMeta, DeliveryHead>();
  let last: RecordMeta | undefined;
  let lastHead: DeliveryHead | undefined;
  return (like) => {
    if (like === last && lastHead !== undefined) return lastHead;
    const { source, cluster, node, collector, boot_id: bootId, stream, lines, attrs } = like;
    last = like;
    lastHead = heads.get(like) ?? { source, cluster, node, collector, bootId, stream, lines, attrs, loader };
    heads.set(like, lastHead);
    return lastHead;
  };
}

/** Of messages of others: what the topic and the key know. */
function createKeyHeads({
  source,
  topic,
  partition,
  loader,
}: Origin): (bytes: Buffer, from: number, to: number) => DeliveryHead {
  const heads = new Map<string, DeliveryHead>();
  return (bytes, from, to) => {
    const key = from === -1 ? '' : bytes.toString('utf8', from, to);
    const known = heads.get(key);
    if (known !== undefined) return known;
    const place = { ...placeOfKey(key), collector: '', bootId: '', stream: `${topic}-${partition}` };
    const head = { source, ...place, lines: 0, attrs: {}, loader };
    heads.set(key, head);
    return head;
  };
}
