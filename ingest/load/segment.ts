// A segment: records with their envelopes as ClickHouse's RowBinary, on disk. The file is the body of the insert.
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

/** What travels with the bytes of a record (section 3 of the design). */
export interface Envelope {
  source: string;
  cluster: string;
  node: string;
  collector: string;
  bootId: string;
  stream: string;
  loader: string;
  receivedAtMs: number;
}

export const SEGMENT_STRUCTURE =
  'source String, cluster String, node String, collector String, boot_id String, stream String, loader String, received_at Int64, format String, seq UInt64, position UInt64, lines UInt32, raw String';

const BUFFER_BYTES = 1 << 20;
const NUMBERS_BYTES = 8 + 8 + 4;
const LENGTH_BYTES_MAX = 8; // of 7 bits each: lengths up to 2^53 and beyond

export interface SegmentRecord {
  position: number;
  lines: number;
  format: string;
  raw: Buffer;
}

export interface Segment {
  readonly path: string;
  rows: number;
  rawBytes: number;
  /** Of its records. */
  readonly formats: ReadonlySet<string>;
  /** Takes a copy of the bytes. */
  append(envelope: Envelope, seq: number, record: SegmentRecord): void;
  close(): void;
}

/** A segment that is closed: the body of an insert. */
export type FullSegment = Pick<Segment, 'path' | 'formats'>;

export function createSegment(path: string): Segment {
  const file = openSync(path, 'wx', 0o600);
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let used = 0;
  // neighbours mostly share all that is not their own
  let last: { envelope: Envelope; format: string; head: Buffer } | undefined;
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
  const formats = new Set<string>();
  const segment: Segment = {
    path,
    formats,
    rows: 0,
    rawBytes: 0,
    append: (envelope, seq, { position, lines, format, raw }) => {
      if (last === undefined || envelope !== last.envelope || format !== last.format) {
        last = { envelope, format, head: headOf(envelope, format) };
        formats.add(format);
      }
      put(last.head);
      if (used + NUMBERS_BYTES > BUFFER_BYTES) flush();
      used = writeUInt64(buffer, seq, used);
      used = writeUInt64(buffer, position, used);
      used = buffer.writeUInt32LE(lines, used);
      if (used + LENGTH_BYTES_MAX > BUFFER_BYTES) flush();
      used = writeLength(buffer, raw.length, used);
      put(raw);
      segment.rows++;
      segment.rawBytes += raw.length;
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
  return segment;
}

function headOf(e: Envelope, format: string): Buffer {
  const received = Buffer.alloc(8);
  received.writeBigInt64LE(BigInt(e.receivedAtMs) * 1000n);
  return Buffer.concat([
    ...[e.source, e.cluster, e.node, e.collector, e.bootId, e.stream, e.loader].map(text),
    received,
    text(format),
  ]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(LENGTH_BYTES_MAX);
  return Buffer.concat([length.subarray(0, writeLength(length, bytes.length, 0)), bytes]);
}

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

/** A name for a batch that is the same when the same bytes are loaded again. */
export function batchName(loader: string, n: number): string {
  return createHash('sha256').update(`${loader}\0${n}`).digest('hex').slice(0, 24);
}
