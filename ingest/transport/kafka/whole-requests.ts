// kafkajs encodes a record with some twenty small buffers: a third of what a collector takes. Here the records of a request are written one behind the
// other into one; what is sent is the same, byte for byte (whole-requests.test.ts). docs/decisions/0022-whole-batches.md
import { CompressionCodecs, type Message } from 'kafkajs';
import crc32c from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import produce, { type ProduceArgs, type ProduceRequest } from 'kafkajs/src/protocol/requests/produce/index.js';
import { ENVELOPE_HEADER } from './header.ts';
import { isKafkajsKnown } from './known-kafkajs.ts';

/** A message as the sink makes it: a key, one header, and all of a request of one time. Others kafkajs encodes itself. */
export interface RecordMessage extends Message {
  key: string;
  value: Buffer;
  headers: { [ENVELOPE_HEADER]: Buffer };
  timestamp: typeof NO_TIMESTAMP;
  isRecord: true;
}

// The broker's own: by a node's clock that is ahead or stands in 1970 a record would be refused, or deleted at once.
export const NO_TIMESTAMP = '-1';

// Record batches, from version 3 on; what a request holds has not changed up to version 7, the last that kafkajs speaks.
const VERSION_FIRST = 3;

let isTaken = false;

/** Once for all producers of this process. */
export function sendWholeRequests(): void {
  if (isTaken || !isKafkajsKnown) return;
  isTaken = true;
  const { protocol } = produce;
  produce.protocol = ({ version }) => {
    const make = protocol({ version });
    if (make === undefined || version < VERSION_FIRST) return make;
    return (args) => {
      const made = make(args);
      return isOfRecords(args) ? { ...made, request: { ...made.request, encode: () => encodeProduce(args) } } : made;
    };
  };
}

const isOfRecords = ({ transactionalId, topicData }: ProduceArgs): boolean =>
  transactionalId === undefined &&
  topicData.every(({ partitions }) => partitions.every(({ messages }) => messages.every((one) => 'isRecord' in one)));

/** The body of a request. https://kafka.apache.org/protocol#The_Messages_Produce */
export async function encodeProduce(args: ProduceArgs): Promise<ProduceRequest> {
  const { acks, timeout, topicData } = args;
  const head = Buffer.allocUnsafe(12);
  head.writeInt16BE(-1, 0); // in no transaction
  head.writeInt16BE(acks, 2);
  head.writeInt32BE(timeout, 4);
  head.writeInt32BE(topicData.length, 8);
  const parts: Buffer[] = [head];
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic);
    const of = Buffer.allocUnsafe(2 + name.length + 4);
    of.writeInt16BE(name.length, 0);
    name.copy(of, 2);
    of.writeInt32BE(partitions.length, 2 + name.length);
    parts.push(of);
    for (const { partition, messages, firstSequence } of partitions) {
      const batch = await encodeBatch(messages as RecordMessage[], firstSequence, args);
      const size = Buffer.allocUnsafe(8);
      size.writeInt32BE(partition, 0);
      size.writeInt32BE(batch.head.length + batch.records.length, 4);
      parts.push(size, batch.head, batch.records);
    }
  }
  const bytes = Buffer.concat(parts);
  return { buf: bytes, buffer: bytes, size: () => bytes.length };
}

const HEAD_BYTES = 61;
const LENGTH_TO = 12;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const MAGIC = 2;

/** https://kafka.apache.org/documentation/#recordbatch */
async function encodeBatch(
  messages: readonly RecordMessage[],
  firstSequence: number,
  { compression, producerId, producerEpoch }: ProduceArgs,
): Promise<{ head: Buffer; records: Buffer }> {
  const records = await pack(encodeRecords(messages), compression);
  const time = BigInt(NO_TIMESTAMP);
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeBigInt64BE(0n, 0);
  head.writeInt32BE(HEAD_BYTES - LENGTH_TO + records.length, 8);
  head.writeInt32BE(0, LENGTH_TO); // epoch of the leader: the broker's
  head.writeInt8(MAGIC, 16);
  head.writeInt16BE(compression, ATTRIBUTES_AT);
  head.writeInt32BE(messages.length - 1, 23);
  head.writeBigInt64BE(time, 27);
  head.writeBigInt64BE(time, 35);
  head.writeBigInt64BE(BigInt(String(producerId)), 43);
  head.writeInt16BE(producerEpoch, 51);
  head.writeInt32BE(firstSequence, 53);
  head.writeInt32BE(messages.length, 57);
  head.writeUInt32BE(crc32c(Buffer.concat([head.subarray(ATTRIBUTES_AT), records])), CRC_AT);
  return { head, records };
}

interface Codec {
  compress(from: { buffer: Buffer }): Promise<Buffer>;
}

async function pack(plain: Buffer, compression: number): Promise<Buffer> {
  if (compression === 0) return plain;
  const packed = await (CompressionCodecs as Record<number, () => Codec>)[compression]?.().compress({ buffer: plain });
  if (packed === undefined) throw new Error(`kafkajs has no codec ${compression}`);
  spare = plain.buffer.byteLength === ROOM_BYTES ? Buffer.from(plain.buffer) : undefined;
  return packed;
}

// Requests of the sink (REQUEST_BYTES_MAX there) fit into it, but for those of one large record. A new one for each would be a collector's largest
// share of memory that waits to be collected.
const ROOM_BYTES = 1024 * 1024;
let spare: Buffer | undefined;

function roomFor(bytes: number): Buffer {
  if (bytes > ROOM_BYTES) return Buffer.allocUnsafeSlow(bytes);
  const room = spare ?? Buffer.allocUnsafeSlow(ROOM_BYTES);
  spare = undefined;
  return room;
}

const HEADER_NAME = Buffer.from(ENVELOPE_HEADER);
// Lengths and numbers of one record, each of at most five bytes.
const NUMBERS_BYTES_MAX = 9 * 5;

/** https://kafka.apache.org/documentation/#record */
function encodeRecords(messages: readonly RecordMessage[]): Buffer {
  let bytesMax = 0;
  let keyText = '';
  let key = Buffer.alloc(0);
  for (const message of messages)
    bytesMax +=
      NUMBERS_BYTES_MAX +
      3 * message.key.length +
      message.value.length +
      HEADER_NAME.length +
      message.headers[ENVELOPE_HEADER].length;
  const to = roomFor(bytesMax);
  let at = 0;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as RecordMessage;
    const { value, headers } = message;
    const header = headers[ENVELOPE_HEADER];
    if (message.key !== keyText) {
      keyText = message.key;
      key = Buffer.from(keyText);
    }
    const bytes =
      // attributes, and later than the first by nothing
      2 +
      sizeOf(i) +
      sizeOf(key.length) +
      key.length +
      sizeOf(value.length) +
      value.length +
      // one header
      1 +
      sizeOf(HEADER_NAME.length) +
      HEADER_NAME.length +
      sizeOf(header.length) +
      header.length;
    at = writeNumber(to, bytes, at);
    to[at++] = 0;
    to[at++] = 0;
    at = writeNumber(to, i, at);
    at = writeNumber(to, key.length, at);
    at += key.copy(to, at);
    at = writeNumber(to, value.length, at);
    at += value.copy(to, at);
    at = writeNumber(to, 1, at);
    at = writeNumber(to, HEADER_NAME.length, at);
    at += HEADER_NAME.copy(to, at);
    at = writeNumber(to, header.length, at);
    at += header.copy(to, at);
  }
  return to.subarray(0, at);
}

/** Bytes of a number that is not negative: seven bits each, and the sign takes one. */
function sizeOf(n: number): number {
  let bytes = 1;
  for (let left = 2 * n; left > 0x7f; left = Math.floor(left / 0x80)) bytes++;
  return bytes;
}

function writeNumber(to: Buffer, n: number, at: number): number {
  let left = 2 * n;
  let end = at;
  for (; left > 0x7f; left = Math.floor(left / 0x80)) to[end++] = (left % 0x80) + 0x80;
  to[end++] = left;
  return end;
}
