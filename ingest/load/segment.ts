// A segment: records as ClickHouse's RowBinary, on disk. The file is the body of the insert. What records of one log share, their
// envelope and format, stands beside it once and is named by number.
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createBlockRows } from './block-rows.ts';

/** What travels with the bytes of a record (section 3 of the design). */
export interface Envelope {
  source: string;
  cluster: string;
  node: string;
  collector: string;
  bootId: string;
  stream: string;
  loader: string;
}

/** `head` counts the segment's heads from 1. */
export const SEGMENT_STRUCTURE =
  'head UInt16, seq UInt64, position UInt64, received_at_us Int64, lines UInt32, attrs Map(String, String), raw String';

/** Envelope and format: source, cluster, node, collector, boot_id, stream, loader, format. */
export type Head = readonly string[];

const BUFFER_BYTES = 1 << 20;
const NUMBERS_BYTES = 2 + 8 + 8 + 8 + 4;
// Heads travel as a parameter of the statement, and the engine reads statements of at most 256 KiB. An envelope has 64 KiB at most
// (ingest/spool/entry.ts): the last one may come on top.
const HEADS_MAX = 500;
// Digests and keys of a batch are held in sets (load.ts): some 100 bytes a record.
const RECORDS_MAX = 500_000;
const HEADS_BYTES_MAX = 128 * 1024;
const LENGTH_BYTES_MAX = 8; // of 7 bits each: lengths up to 2^53 and beyond
const UTF8_BYTES_MAX = 3; // of one unit of a string: those of four bytes have two

type Attributes = Readonly<Record<string, string>>;

export interface SegmentRecord {
  position: number;
  /** Microseconds since 1970. */
  receivedAtUs: number;
  lines: number;
  format: string;
  /** None, for most. Not to be changed afterwards: neighbours that have the same object are not looked at again. */
  attrs?: Attributes;
  raw: Buffer;
}

export interface Segment {
  readonly path: string;
  readonly heads: readonly Head[];
  readonly rawBytes: number;
  /** How many of its records the engine is to take at once. */
  readonly blockRows: number;
  /** Whether it is time for the next one. */
  isFull(rawBytesMax: number): boolean;
  /** Takes a copy of the bytes. */
  append(envelope: Envelope, seq: number, record: SegmentRecord): void;
  close(): void;
}

/** A segment that is closed: the body of an insert, and what its records share. */
export type FullSegment = Pick<Segment, 'path' | 'heads' | 'blockRows'>;

export function createSegment(path: string): Segment {
  const file = openSync(path, 'wx', 0o600);
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let used = 0;
  const heads: Head[] = [];
  let headsBytes = 0;
  const numbers = new Map<Envelope, Map<string, number>>();
  // neighbours mostly share their head
  let last: { envelope: Envelope; format: string; number: number } | undefined;
  const addHead = (head: Head): number => {
    headsBytes += head.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    return heads.push(head);
  };
  const headOf = (envelope: Envelope, format: string): number => {
    if (last !== undefined && envelope === last.envelope && format === last.format) return last.number;
    const ofEnvelope = numbers.get(envelope) ?? new Map<string, number>();
    numbers.set(envelope, ofEnvelope);
    const number = ofEnvelope.get(format) ?? addHead(toHead(envelope, format));
    ofEnvelope.set(format, number);
    last = { envelope, format, number };
    return number;
  };
  let encoded: { attrs: Attributes; bytes: Buffer } | undefined;
  const encodedOf = (attrs: Attributes): Buffer => {
    if (encoded?.attrs !== attrs) encoded = { attrs, bytes: encodeMap(attrs) };
    return encoded.bytes;
  };
  const write = (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  };
  const flush = () => {
    write(buffer.subarray(0, used));
    used = 0;
  };
  const put = (bytes: Buffer) => {
    if (used + bytes.length > BUFFER_BYTES) flush();
    if (bytes.length > BUFFER_BYTES) write(bytes);
    else used += bytes.copy(buffer, used);
  };
  let rawBytes = 0;
  let records = 0;
  const blocks = createBlockRows();
  return {
    path,
    heads,
    get rawBytes() {
      return rawBytes;
    },
    get blockRows() {
      return blocks.most();
    },
    isFull: (rawBytesMax) =>
      rawBytes >= rawBytesMax || records >= RECORDS_MAX || heads.length >= HEADS_MAX || headsBytes >= HEADS_BYTES_MAX,
    append: (envelope, seq, { position, receivedAtUs, lines, format, attrs, raw }) => {
      if (used + NUMBERS_BYTES + 1 > BUFFER_BYTES) flush();
      used = buffer.writeUInt16LE(headOf(envelope, format), used);
      used = writeUInt64(buffer, seq, used);
      used = writeUInt64(buffer, position, used);
      used = writeUInt64(buffer, receivedAtUs, used);
      used = buffer.writeUInt32LE(lines, used);
      if (attrs === undefined) buffer[used++] = 0;
      else put(encodedOf(attrs));
      if (used + LENGTH_BYTES_MAX > BUFFER_BYTES) flush();
      used = writeLength(buffer, raw.length, used);
      put(raw);
      rawBytes += raw.length;
      records++;
      blocks.add(raw.length);
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}

export const formatOf = (head: Head): string => head[7] ?? '';

const toHead = (e: Envelope, format: string): Head => [
  ...[e.source, e.cluster, e.node, e.collector, e.bootId, e.stream, e.loader],
  format,
];

// Exact up to 2^53, as numbers of JavaScript are.
function writeUInt64(to: Buffer, n: number, at: number): number {
  to.writeUInt32LE(n % 2 ** 32, at);
  return to.writeUInt32LE(Math.floor(n / 2 ** 32), at + 4);
}

// LEB128, as RowBinary writes lengths
function writeLength(to: Buffer, length: number, at: number): number {
  let n = length;
  let end = at;
  for (; n > 127; n = Math.floor(n / 128)) to[end++] = (n % 128) + 128;
  to[end++] = n;
  return end;
}

function encodeMap(map: Attributes): Buffer {
  const texts = Object.entries(map).flat();
  const bytesMax = texts.reduce((sum, text) => sum + LENGTH_BYTES_MAX + UTF8_BYTES_MAX * text.length, LENGTH_BYTES_MAX);
  const bytes = Buffer.allocUnsafe(bytesMax);
  let end = writeLength(bytes, texts.length / 2, 0);
  for (const text of texts) {
    end = writeLength(bytes, Buffer.byteLength(text), end);
    end += bytes.write(text, end);
  }
  return bytes.subarray(0, end);
}

/** A name for a batch that is the same when the same bytes are loaded again. */
export function batchName(loader: string, n: number): string {
  return createHash('sha256').update(`${loader}\0${n}`).digest('hex').slice(0, 24);
}
