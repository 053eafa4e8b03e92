// What lies in a spool and travels to a sink: frames, each a record with its envelope, a checkpoint of a collector, what opens a segment, or the
// end of a write that has no checkpoint at its end.
// A frame: length of the payload (u32), CRC-32 of the payload (u32), payload. A payload: kind (u8), length of the meta (u16), meta (JSON),
// bytes as received. Numbers are little-endian. A receiver takes frames as they stand in the file (ingest/transport).
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { type RecordMeta, readRecordMeta } from './record-meta.ts';

/** How far a collector has read a stream: whatever it needs to go on there, as text. The latest of a stream holds. */
const CheckpointMeta = z.object({ stream: z.string() });

/** When a segment was opened, by a clock that nobody sets: seconds since that boot. */
const OpeningMeta = z.object({ boot_id: z.string(), uptime_s: z.number() });

export type Entry =
  | {
      kind: 'record';
      meta: RecordMeta;
      raw: Buffer /** The envelope as it stands in a frame that was read. */;
      metaBytes?: Buffer;
    }
  // these never leave the spool
  | { kind: 'checkpoint'; stream: string; state: Buffer }
  | { kind: 'opening'; boot_id: string; uptime_s: number }
  | { kind: 'end' };
export type RecordEntry = Extract<Entry, { kind: 'record' }>;

const KINDS = { record: 1, checkpoint: 2, opening: 3, end: 4 } as const;
const NOTHING = Buffer.alloc(0);
const HEAD_BYTES = 8;
const PAYLOAD_HEAD_BYTES = 3;
const META_BYTES_MAX = 0xffff;
/** A record is at most 16 MiB (frame/lines.ts); what claims to be longer is no frame. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;

/** @throws RangeError when the meta has more than 65,535 bytes */
export function encodeEntry(entry: Entry): Buffer {
  switch (entry.kind) {
    case 'record':
      return frame(KINDS.record, JSON.stringify(entry.meta), entry.raw);
    case 'checkpoint':
      return frame(KINDS.checkpoint, JSON.stringify({ stream: entry.stream }), entry.state);
    case 'opening':
      return frame(KINDS.opening, JSON.stringify({ boot_id: entry.boot_id, uptime_s: entry.uptime_s }), NOTHING);
    case 'end':
      return frame(KINDS.end, '', NOTHING);
  }
}

/**
 * Whether all before the end of this entry was written as a whole. A process that is killed within a write leaves the beginning of it behind:
 * records without the checkpoint that says they were read would be read, and come, once more.
 */
export const endsWrite = ({ kind }: Entry): boolean => kind !== 'record';

function frame(kind: number, meta: string, bytes: Buffer): Buffer {
  const metaBytes = Buffer.byteLength(meta);
  if (metaBytes > META_BYTES_MAX) throw new RangeError(`an envelope of ${metaBytes} bytes`);
  const payloadBytes = PAYLOAD_HEAD_BYTES + metaBytes + bytes.length;
  const out = Buffer.allocUnsafe(HEAD_BYTES + payloadBytes);
  out.writeUInt32LE(payloadBytes, 0);
  out.writeUInt8(kind, HEAD_BYTES);
  out.writeUInt16LE(metaBytes, HEAD_BYTES + 1);
  out.write(meta, HEAD_BYTES + PAYLOAD_HEAD_BYTES, 'utf8');
  bytes.copy(out, HEAD_BYTES + PAYLOAD_HEAD_BYTES + metaBytes);
  out.writeUInt32LE(crc32(out.subarray(HEAD_BYTES)), 4);
  return out;
}

export type Decoded =
  | { status: 'entry'; entry: Entry /** Of the frame. */; bytes: number }
  /** The bytes end within a frame. */
  | { status: 'more' }
  /** What stands here is no whole frame. */
  | { status: 'damaged'; detail: string };

/** The frame that begins at `from`. Its bytes are not copied. */
export function decodeEntry(bytes: Buffer, from: number): Decoded {
  if (bytes.length - from < HEAD_BYTES) return { status: 'more' };
  const payloadBytes = bytes.readUInt32LE(from);
  if (payloadBytes < PAYLOAD_HEAD_BYTES || payloadBytes > FRAME_BYTES_MAX)
    return { status: 'damaged', detail: `a frame of ${payloadBytes} bytes` };
  const end = from + HEAD_BYTES + payloadBytes;
  if (bytes.length < end) return { status: 'more' };
  const payload = bytes.subarray(from + HEAD_BYTES, end);
  if (crc32(payload) !== bytes.readUInt32LE(from + 4)) return { status: 'damaged', detail: 'checksum differs' };
  const metaEnd = PAYLOAD_HEAD_BYTES + payload.readUInt16LE(1);
  if (metaEnd > payload.length) return { status: 'damaged', detail: 'the envelope is longer than the frame' };
  const entry = entryOf(payload[0] as number, payload.subarray(PAYLOAD_HEAD_BYTES, metaEnd), payload.subarray(metaEnd));
  return entry === undefined
    ? { status: 'damaged', detail: 'not an envelope' }
    : { status: 'entry', entry, bytes: HEAD_BYTES + payloadBytes };
}

function entryOf(kind: number, text: Buffer, bytes: Buffer): Entry | undefined {
  switch (kind) {
    case KINDS.record: {
      const meta = readRecordMeta(text);
      return meta && { kind: 'record', meta, raw: bytes, metaBytes: text };
    }
    case KINDS.checkpoint: {
      const meta = CheckpointMeta.safeParse(parseJson(text));
      return meta.success ? { kind: 'checkpoint', stream: meta.data.stream, state: bytes } : undefined;
    }
    case KINDS.opening: {
      const meta = OpeningMeta.safeParse(parseJson(text));
      return meta.success ? { kind: 'opening', ...meta.data } : undefined;
    }
    case KINDS.end:
      return { kind: 'end' };
    default:
      return undefined;
  }
}

function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
