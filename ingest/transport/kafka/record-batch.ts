// A record batch of Kafka, as it lies in a topic and travels: a head of 61 bytes, then records of variable length, together packed or not. Read
// in place, without an object for each record. https://kafka.apache.org/documentation/#recordbatch
import { CompressionCodecs } from 'kafkajs';
import { RecordCursor } from './record-cursor.ts';

export interface RecordBatch {
  firstOffset: number;
  /** Of the batch as it was written: its last records may be gone, by compaction. */
  lastOffset: number;
  firstTimestampMs: number;
  maxTimestampMs: number;
  /** All records have the broker's time, the latest. */
  isLogAppendTime: boolean;
  isTransactional: boolean;
  /** Of the broker, not of a producer: where a transaction ends. */
  isControl: boolean;
  producerId: number;
  count: number;
  /** Its records, as they were packed. */
  packed: Buffer;
  codec: number;
}

// Offset of the first record, and length of what follows.
const LENGTH_AT = 8;
const LENGTH_TO = 12;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const COUNT_AT = 57;
const HEAD_BYTES = 61;
const MAGIC = 2;

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;

export type BatchRead =
  | { status: 'batch'; batch: RecordBatch; end: number }
  /** The bytes end within it: a broker cuts what it sends where it has sent enough. */
  | { status: 'more' }
  /** Of a format before Kafka 0.11. */
  | { status: 'old' };

/** The batch that begins at `at`. */
export function readRecordBatch(bytes: Buffer, at: number): BatchRead {
  if (bytes.length - at < HEAD_BYTES) return { status: 'more' };
  if (bytes[at + MAGIC_AT] !== MAGIC) return { status: 'old' };
  const end = at + LENGTH_TO + bytes.readInt32BE(at + LENGTH_AT);
  if (end > bytes.length) return { status: 'more' };
  const long = (place: number) => Number(bytes.readBigInt64BE(at + place));
  const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT);
  const firstOffset = long(0);
  const batch: RecordBatch = {
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(at + LAST_OFFSET_DELTA_AT),
    firstTimestampMs: long(FIRST_TIMESTAMP_AT),
    maxTimestampMs: long(MAX_TIMESTAMP_AT),
    isLogAppendTime: (attributes & LOG_APPEND_TIME_FLAG) !== 0,
    isTransactional: (attributes & TRANSACTIONAL_FLAG) !== 0,
    isControl: (attributes & CONTROL_FLAG) !== 0,
    producerId: long(PRODUCER_ID_AT),
    count: bytes.readInt32BE(at + COUNT_AT),
    packed: bytes.subarray(at + HEAD_BYTES, end),
    codec: attributes & CODEC_MASK,
  };
  return { status: 'batch', batch, end };
}

/** @throws KafkaJSNotImplemented for a codec that is not there; what the codec says of what it cannot unpack */
export async function unpack({
  packed,
  codec,
  count,
}: Pick<RecordBatch, 'packed' | 'codec' | 'count'>): Promise<Buffer> {
  if (codec === 0 || count <= 0) return packed;
  const of = (CompressionCodecs as Record<number, (() => { decompress(bytes: Buffer): Promise<Buffer> }) | undefined>)[
    codec
  ];
  if (of === undefined) throw new Error(`a record batch is packed by codec ${codec}`);
  return of().decompress(packed);
}

/** Whether a control batch gives up a transaction: the key of its record is a version and a type, each of two bytes. */
export function isAbort(batch: RecordBatch): boolean {
  const record = new RecordCursor(batch.packed, batch);
  const TYPE_AT = 2;
  const ABORT = 0;
  return (
    batch.isControl &&
    record.next() &&
    record.keyTo - record.keyFrom >= TYPE_AT + 2 &&
    batch.packed.readInt16BE(record.keyFrom + TYPE_AT) === ABORT
  );
}
