// The files of a spool beside its segments, what is found in them all when it is opened, and how bytes get there.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Entry, encodeEntry, endsWrite } from './entry.ts';
import { listSegments, readFrames, scanSegment, segmentPath } from './segments.ts';

/** This boot, and a clock that only runs forward. */
export interface Boot {
  id: string;
  uptimeS: () => number;
}

export interface SegmentState {
  n: number;
  /** Committed. */
  bytes: number;
  /** When it was opened; undefined when that cannot be read. */
  opened?: { bootId: string; uptimeS: number };
}

/** The newest one with anything in it: it may not go. One that is newer was just made, or torn. */
export const holdsCheckpoints = (segment: SegmentState, segments: readonly SegmentState[]): boolean =>
  segment === segments.findLast(({ bytes }) => bytes > 0);

// Room for the notices of what is dropped when the disk is full.
const RESERVE_BYTES = 256 * 1024;
const OPENING_BYTES = 1024;
const LOOK_BYTES = 256 * 1024;

/**
 * What the segments say when the spool is opened. Every segment begins with the checkpoints known then: only the last two are read whole, two
 * because a power cut may have torn the beginning of the last, and left the one before with the zeros it was made of. A third, that is nothing
 * but zeros, was prepared and never written to: it goes.
 */
export async function recall(directory: string, checkpoints: Map<string, string>) {
  const segments: SegmentState[] = listSegments(directory);
  const prepared = segments.at(-1);
  if (prepared !== undefined && (await writtenUpTo(segmentPath(directory, prepared.n), 0)) === 0) {
    rmSync(segmentPath(directory, prepared.n));
    segments.pop();
  }
  let tornBytes = 0;
  for (const [i, segment] of segments.entries()) {
    const path = segmentPath(directory, segment.n);
    if (i < segments.length - 2) {
      const opened = await openingOf(path);
      if (opened) segment.opened = opened;
      continue;
    }
    // what a write that did not end has left is torn as well
    let whole = 0;
    await scanSegment(path, 0, (entry, end) => {
      if (endsWrite(entry)) whole = end;
      if (entry.kind === 'opening') segment.opened = { bootId: entry.boot_id, uptimeS: entry.uptime_s };
      if (entry.kind === 'checkpoint') checkpoints.set(entry.stream, entry.state.toString());
    });
    const written = whole < segment.bytes ? await writtenUpTo(path, whole) : whole;
    if (segment === segments.at(-1)) tornBytes = written - whole;
    else if (written > whole) continue; // damaged: told when it is read
    if (whole < segment.bytes) await cutTo(path, whole);
    segment.bytes = whole;
  }
  return { segments, tornBytes };
}

/** Where the zeros begin that go on to the end of the file; `from` where it holds nothing else from there on. */
async function writtenUpTo(path: string, from: number): Promise<number> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(LOOK_BYTES);
    let end = from;
    for (let at = from; ; ) {
      const { bytesRead } = await file.read(buffer, 0, LOOK_BYTES, at);
      if (bytesRead === 0) return end;
      const last = buffer.subarray(0, bytesRead).findLastIndex((byte) => byte !== 0);
      if (last !== -1) end = at + last + 1;
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** On disk before anything is written: frames beyond, whole ones too, must not come back behind what is appended. */
async function cutTo(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function openingOf(path: string): Promise<SegmentState['opened']> {
  const file = await open(path, 'r');
  try {
    const { entries } = await readFrames(file, 0, OPENING_BYTES, (await file.stat()).size);
    const first = entries[0]?.entry;
    return first?.kind === 'opening' ? { bootId: first.boot_id, uptimeS: first.uptime_s } : undefined;
  } finally {
    await file.close();
  }
}

/** A new segment, on disk with its beginning. Nothing is left of it when it cannot be made. */
export async function createSegmentFile(
  directory: string,
  n: number,
  { boot, checkpoints }: { boot: Boot; checkpoints: ReadonlyMap<string, string> },
): Promise<{ file: FileHandle; segment: SegmentState }> {
  const path = segmentPath(directory, n);
  const uptimeS = boot.uptimeS();
  const bytes = headOf({ id: boot.id, uptimeS: () => uptimeS }, checkpoints);
  const file = await open(path, 'w', 0o600);
  try {
    await writeAll(file, bytes, 0);
    await file.datasync();
    await syncDirectory(path);
  } catch (error) {
    await file.close();
    rmSync(path, { force: true });
    throw error;
  }
  return { file, segment: { n, bytes: bytes.length, opened: { bootId: boot.id, uptimeS } } };
}

/** What a segment begins with. */
export function headOf(boot: Boot, checkpoints: ReadonlyMap<string, string>): Buffer {
  const head: Entry[] = [{ kind: 'opening', boot_id: boot.id, uptime_s: boot.uptimeS() }];
  for (const [stream, state] of checkpoints) head.push({ kind: 'checkpoint', stream, state: Buffer.from(state) });
  return Buffer.concat(head.map(encodeEntry));
}

export async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

/** The name of a file is on disk. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(dirname(path), 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const reservePath = (directory: string): string => join(directory, 'reserve');

export function keepReserve(directory: string): void {
  const path = reservePath(directory);
  if (existsSync(path)) return;
  try {
    writeFileSync(path, Buffer.alloc(RESERVE_BYTES, 1), { mode: 0o600 });
  } catch {
    rmSync(path, { force: true }); // no room: tried again at the next drop
  }
}

export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');
