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
  'source String, cluster String, node String, collector String, boot_id String, stream String, loader String, received_at Int64, seq UInt64, position UInt64, lines UInt32, format String, raw String';

const BUFFER_BYTES = 1 << 20;

export interface Segment {
  readonly path: string;
  rows: number;
  rawBytes: number;
  append(
    envelope: Envelope,
    record: { seq: number; position: number; lines: number; format: string; raw: Buffer },
  ): void;
  close(): void;
}

export function createSegment(path: string): Segment {
  const file = openSync(path, 'wx', 0o600);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let lastEnvelope: Envelope | undefined;
  let head: Buffer = Buffer.alloc(0);
  const flush = () => {
    const bytes = Buffer.concat(waiting);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    waiting = [];
    waitingBytes = 0;
  };
  const segment: Segment = {
    path,
    rows: 0,
    rawBytes: 0,
    append: (envelope, { seq, position, lines, format, raw }) => {
      if (envelope !== lastEnvelope) {
        lastEnvelope = envelope;
        head = headOf(envelope);
      }
      const numbers = Buffer.allocUnsafe(20);
      numbers.writeBigUInt64LE(BigInt(seq), 0);
      numbers.writeBigUInt64LE(BigInt(position), 8);
      numbers.writeUInt32LE(lines, 16);
      const row = [head, numbers, text(format), lengthOf(raw.length), raw];
      for (const part of row) waitingBytes += part.length;
      waiting.push(...row);
      segment.rows++;
      segment.rawBytes += raw.length;
      if (waitingBytes >= BUFFER_BYTES) flush();
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
  return segment;
}

function headOf(e: Envelope): Buffer {
  const received = Buffer.alloc(8);
  received.writeBigInt64LE(BigInt(e.receivedAtMs) * 1000n);
  return Buffer.concat([
    ...[e.source, e.cluster, e.node, e.collector, e.bootId, e.stream, e.loader].map(text),
    received,
  ]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

// LEB128, as RowBinary writes lengths
function lengthOf(n: number): Buffer {
  const bytes: number[] = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
  bytes.push(n);
  return Buffer.from(bytes);
}

/** A name for a batch that is the same when the same bytes are loaded again. */
export function batchName(loader: string, n: number): string {
  return createHash('sha256').update(`${loader}\0${n}`).digest('hex').slice(0, 24);
}
