// The segment files of a spool: numbered, appended to, never rewritten. Each begins with its opening and the checkpoints known then, so that
// older ones may go.

import { readdirSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeEntry, type Entry, FRAME_BYTES_MAX } from './entry.ts';

const NAME = /^(\d{12})\.spool$/;

export const segmentPath = (directory: string, n: number): string =>
  join(directory, `${String(n).padStart(12, '0')}.spool`);

/** Numbers and sizes, oldest first. */
export function listSegments(directory: string): { n: number; bytes: number }[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const n = NAME.exec(name)?.[1];
      return n === undefined ? [] : [{ n: Number(n), bytes: statSync(join(directory, name)).size }];
    })
    .sort((a, b) => a.n - b.n);
}

const READ_BYTES = 256 * 1024;

export interface Scanned {
  /** Where the last whole frame ends. */
  end: number;
  /** Why reading ended before the end of the file; undefined when it did not. */
  damage?: string;
}

/** Reads every entry from `from` on, each handed over with where its frame ends. The bytes of an entry are good until `onEntry` returns. */
export async function scanSegment(
  path: string,
  from: number,
  onEntry: (entry: Entry, end: number) => void,
): Promise<Scanned> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let at = from;
    while (at < size) {
      const frames = await readFrames(file, at, READ_BYTES, size);
      for (const { entry, end } of frames.entries) onEntry(entry, end);
      if (frames.damage !== undefined) return { end: frames.end, damage: frames.damage };
      at = frames.end;
    }
    return { end: at };
  } finally {
    await file.close();
  }
}

export interface Frames {
  entries: { entry: Entry; end: number }[];
  /** Where the last whole frame ends. */
  end: number;
  damage?: string;
}

/** Entries of about so many bytes from `from`, at least one where there is one; nothing beyond `size`. */
export async function readFrames(file: FileHandle, from: number, bytesMax: number, size: number): Promise<Frames> {
  const left = size - from;
  let bytes = await readAt(file, from, Math.min(bytesMax, left));
  let frames = framesOf(bytes, from);
  if (frames.entries.length === 0 && frames.damage === undefined && bytes.length < left) {
    bytes = await readAt(file, from, Math.min(FRAME_BYTES_MAX + READ_BYTES, left)); // a long record
    frames = framesOf(bytes, from);
  }
  if (frames.entries.length === 0 && frames.damage === undefined) return { ...frames, damage: 'ends within a frame' };
  return frames;
}

function framesOf(bytes: Buffer, from: number): Frames {
  const entries: Frames['entries'] = [];
  for (let at = 0; at < bytes.length; ) {
    const decoded = decodeEntry(bytes, at);
    if (decoded.status === 'more') return { entries, end: from + at };
    // what was read before the damage is given first
    if (decoded.status === 'damaged')
      return entries.length > 0 ? { entries, end: from + at } : { entries, end: from + at, damage: decoded.detail };
    at += decoded.bytes;
    entries.push({ entry: decoded.entry, end: from + at });
  }
  return { entries, end: from + bytes.length };
}

async function readAt(file: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let read = 0;
  while (read < bytes) {
    const { bytesRead } = await file.read(buffer, read, bytes - read, from + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}
