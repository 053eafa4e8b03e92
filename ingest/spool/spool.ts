// The queue on disk between a source and a sink. What was committed is there after any crash, in order, until the sink has it; it is bounded,
// and when it is full the oldest bulk goes, told in gaps (docs/reference/collect.md).
import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { readCursor } from './cursor-file.ts';
import { dropOf } from './drop.ts';
import { type Entry, encodeEntry } from './entry.ts';
import type { Gap } from './gap.ts';
import { lockSpool } from './lock.ts';
import { type CommitUpTo, nextOf, nothingPending, type Part, sizeOf, taken } from './parts.ts';
import { createPreparedSegment } from './prepared-segment.ts';
import { type Batch, createReader } from './reader.ts';
import { segmentPath } from './segments.ts';
import {
  type Boot,
  createSegmentFile,
  headOf,
  holdsCheckpoints,
  isDiskFull,
  keepReserve,
  recall,
  reservePath,
  type SegmentState,
  writeAll,
} from './spool-files.ts';

export interface SpoolOptions {
  directory: string;
  /** Of all segments. What two segments and the batch on its way hold may come on top. */
  bytesMax: number;
  /** Records older than this go, as far as a clock that nobody sets can prove their age. */
  ageMsMax: number;
  /** A segment is closed when it has so much; what is dropped is dropped by segments. */
  segmentBytes: number;
  boot: Boot;
  /** What is spooled here; said of records that cannot be read any more. */
  source: Gap['source'];
  now: () => Date;
  /** Heard when records were dropped or cannot be read; may append. */
  onGap: (gap: Gap) => void;
}

export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  readonly code = 'unwritable';
  readonly retriable = true;
}

export interface Spool {
  /** Bytes at the end that a crash had torn, found and cut off when the spool was opened: they were never acknowledged. */
  readonly tornBytes: number;
  /** Takes a copy. False when a record cannot be taken: nothing can be written, and what waits in memory is at its bound. */
  append(entry: Entry): boolean;
  /**
   * Resolves once all that was appended is on disk, or all up to the last checkpoint. Many share one fsync.
   * @throws SpoolError; what was appended is tried again later
   */
  committed(upTo?: CommitUpTo): Promise<void>;
  /** The latest committed checkpoint of a stream. */
  restored(stream: string): string | undefined;
  /** The next committed records, of about so many bytes; undefined when there are none. Only after the last batch was acknowledged. */
  read(bytesMax: number): Promise<Batch | undefined>;
  /** Resolves when there is something to read, or after `ms`. */
  waitForMore(ms: number): Promise<void>;
  acknowledge(batch: Batch): void;
  /** On disk, not yet acknowledged. */
  bytesWaiting(): number;
  close(): Promise<void>;
}

// What waits for a disk that does not answer; beyond that sources are told that nothing can be taken. A thousand execve a second make 1.2 MB a
// second: a disk may stall for 13 s. Twice as much would make a collector 20 MB larger in that moment (measured: 175 for 154 MB).
const PENDING_BYTES_MAX = 16 * 1024 * 1024;
// Written at once: of what waited for a full disk as much as there is room for again.
const WRITE_BYTES_MAX = 1024 * 1024;
const WRITE_ENDS = encodeEntry({ kind: 'end' });

/** @throws SpoolBusyError when another process has it, or the error of the file system */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { directory, boot } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockSpool(directory);
  const checkpoints = new Map<string, string>();
  const { segments, tornBytes } = await recall(directory, checkpoints);
  const cursor = readCursor(directory);
  let { file, segment: active } = await openLast(options, {
    segments,
    checkpoints,
    next: cursor.segment + 1,
  });
  // of a disk that lost what it had confirmed
  if (cursor.segment === active.n) cursor.end = Math.min(cursor.end, active.bytes);
  keepReserve(directory);
  const reader = createReader({ ...options, segments, cursor });
  const prepared = createPreparedSegment(directory, options.segmentBytes);
  /** Of the segment before: cut to what it holds. */
  let ending: Promise<void> = Promise.resolve();

  let pending = nothingPending();
  /** Taken out of it, and on their way to the disk. */
  let writingBytes = 0;
  let running: Promise<void> | undefined;
  let next: { done: Promise<void>; upTo: CommitUpTo } | undefined;

  const totalBytes = () => segments.reduce((sum, s) => sum + s.bytes, 0);
  const write = async (parts: readonly Part[]): Promise<void> => {
    const from = active.bytes;
    const frames = parts.map(({ bytes }) => bytes);
    if (from === 0) frames.unshift(headOf(boot, checkpoints));
    if (!parts.at(-1)?.checkpoint) frames.push(WRITE_ENDS);
    const bytes = Buffer.concat(frames);
    try {
      await writeAll(file, bytes, from);
      await file.datasync();
    } catch (error) {
      await file.truncate(from).catch(() => undefined); // what is beyond is written over, or cut off at the next start
      throw error;
    }
    active.bytes = from + bytes.length;
    if (active.bytes >= options.segmentBytes / 2) prepared.begin(active.n + 1);
  };

  const drop = async (segment: SegmentState): Promise<void> => {
    const path = segmentPath(directory, segment.n);
    const from = reader.readUpTo(segment);
    const { gaps, kept } = from === undefined ? { gaps: [], kept: [] } : await dropOf(path, from);
    // notices of it are on disk before it goes
    const before = pending;
    pending = { parts: kept.map((bytes) => ({ bytes })), bytes: 0 };
    for (const gap of gaps) options.onGap(gap);
    const notices = pending.parts;
    pending = before;
    try {
      if (notices.length > 0) {
        rmSync(reservePath(directory), { force: true });
        await write(notices);
      }
      segments.splice(segments.indexOf(segment), 1);
      await rm(path, { force: true });
    } finally {
      keepReserve(directory); // before anything else takes its room
    }
  };
  const droppable = (): SegmentState | undefined =>
    segments.find((s) => s !== active && !holdsCheckpoints(s, segments) && !reader.holds(s));
  const isTooOld = ({ opened }: SegmentState): boolean =>
    // of an earlier boot it is at least as old as this one
    opened !== undefined && boot.uptimeS() - (opened.bootId === boot.id ? opened.uptimeS : 0) > options.ageMsMax / 1000;
  const makeRoom = async (): Promise<boolean> => {
    const oldest = droppable();
    if (oldest === undefined) return false;
    await reader.without(oldest, () => drop(oldest));
    return true;
  };
  const keepBounds = async (): Promise<void> => {
    for (let oldest = droppable(); oldest; oldest = droppable()) {
      const successor = segments[segments.indexOf(oldest) + 1];
      // its newest record is older than its successor's opening
      if (totalBytes() <= options.bytesMax && !(successor && isTooOld(successor))) return;
      await makeRoom();
    }
  };
  /** For a write that follows at once: it opens the segment. @returns false when none was prepared */
  const rollToPrepared = async (): Promise<boolean> => {
    const n = active.n + 1;
    const next = prepared.ready(n);
    if (next === undefined) return false;
    await ending;
    ending = endSegment(file, active.bytes);
    prepared.taken();
    file = next;
    active = { n, bytes: 0, opened: { bootId: boot.id, uptimeS: boot.uptimeS() } };
    segments.push(active);
    return true;
  };
  const roll = async (): Promise<void> => {
    const n = active.n + 1;
    // written faster than it is made; what would grow instead may be held by a sink that is away, and fill the disk
    await prepared.stop();
    if (prepared.ready(n)) return; // the next write opens it
    const created = await createSegmentFile(directory, n, { boot, checkpoints });
    await ending;
    ending = endSegment(file, active.bytes);
    ({ file, segment: active } = created);
    segments.push(active);
  };
  /** The one that is written to went on beyond its size, and has the disk: where the reserve was there is room for the next one to begin. */
  const rollIntoReserve = async (): Promise<boolean> => {
    const { n, bytes } = active;
    if (bytes < options.segmentBytes) return false;
    rmSync(reservePath(directory), { force: true });
    await roll().catch(() => keepReserve(directory));
    return active.n !== n;
  };
  /** For what did not fit. The old goes last. */
  const findRoom = async (): Promise<boolean> => {
    // its beginning at once: then the one before it may go
    if (await rollToPrepared()) return write([]).then(() => true);
    if (await prepared.stop()) return true;
    return (await makeRoom().catch(() => false)) || ((await rollIntoReserve()) && (await makeRoom()));
  };
  const writeSome = async (parts: readonly Part[]): Promise<void> => {
    for (;;) {
      try {
        await write(parts);
        break;
      } catch (cause) {
        if (isDiskFull(cause) && (await findRoom().catch(() => false))) continue;
        throw new SpoolError(`cannot write to the spool ${directory}: ${(cause as Error).message}`, { cause });
      }
    }
    for (const { checkpoint } of parts) if (checkpoint) checkpoints.set(checkpoint.stream, checkpoint.state);
    reader.wake();
  };
  const flush = async (end: CommitUpTo): Promise<void> => {
    const { parts, bytes, rest } = taken(pending, end);
    pending = rest;
    writingBytes = bytes;
    // of what finds no room there may be for a half of it, and at last for one record
    let failedBytes = Number.POSITIVE_INFINITY;
    for (let from = 0; from < parts.length; ) {
      const room = options.segmentBytes - active.bytes;
      const bytesMax = Math.min(WRITE_BYTES_MAX, failedBytes / 2, room > 0 ? room : options.segmentBytes);
      const some = nextOf(parts, from, bytesMax, failedBytes);
      // nothing grows beyond what was prepared, where that can be
      if (active.bytes > 0 && sizeOf(some) > room && (await rollToPrepared())) continue;
      try {
        await writeSome(some);
        from += some.length;
        writingBytes -= sizeOf(some);
        failedBytes = Number.POSITIVE_INFINITY;
        // one that cannot be had now is had later: the old one goes on
        if (active.bytes >= options.segmentBytes) await roll().catch(() => undefined);
        await keepBounds();
      } catch (error) {
        if (isDiskFull((error as Error).cause) && some.length > 1) {
          failedBytes = sizeOf(some);
          continue;
        }
        pending = { parts: [...parts.slice(from), ...pending.parts], bytes: pending.bytes + writingBytes };
        writingBytes = 0;
        throw error;
      }
    }
  };
  const committed = (end: CommitUpTo = 'all'): Promise<void> => {
    const isMore = taken(pending, end).bytes > 0;
    if (running === undefined) {
      if (!isMore) return Promise.resolve();
      running = flush(end).finally(() => {
        running = undefined;
      });
      return running;
    }
    if (!isMore) return running;
    // what came after the running write began goes with the next one
    next ??= {
      upTo: end,
      done: running
        .catch(() => undefined)
        .then(() => {
          const { upTo: last = end } = next ?? {};
          next = undefined;
          return committed(last);
        }),
    };
    if (end === 'all') next.upTo = 'all';
    return next.done;
  };

  return {
    tornBytes,
    append: (entry) => {
      const isFull = totalBytes() > options.bytesMax + 2 * options.segmentBytes && droppable() === undefined;
      const isCheckpoint = entry.kind === 'checkpoint'; // of records that were taken: they do not go to the disk without it
      if ((pending.bytes + writingBytes > PENDING_BYTES_MAX || isFull) && !isCheckpoint) return false;
      const bytes = encodeEntry(entry);
      const checkpoint = isCheckpoint ? { stream: entry.stream, state: entry.state.toString() } : undefined;
      pending.parts.push(checkpoint ? { bytes, checkpoint } : { bytes });
      pending.bytes += bytes.length;
      return true;
    },
    committed,
    restored: (stream) => checkpoints.get(stream),
    read: reader.read,
    waitForMore: reader.waitForMore,
    acknowledge: reader.acknowledge,
    bytesWaiting: reader.bytesWaiting,
    close: async () => {
      try {
        await committed('all');
      } finally {
        await reader.close();
        await prepared.close();
        await ending;
        await endSegment(file, active.bytes);
        await unlock();
      }
    },
  };
}

/** The segment that is written to: the last one, without its torn end, or a first one. */
async function openLast(
  { directory, boot }: SpoolOptions,
  found: { segments: SegmentState[]; checkpoints: Map<string, string>; next: number },
): Promise<{ file: FileHandle; segment: SegmentState }> {
  const { segments, checkpoints } = found;
  const last = segments.at(-1);
  if (last === undefined) {
    const created = await createSegmentFile(directory, found.next, { boot, checkpoints });
    segments.push(created.segment);
    return created;
  }
  return { file: await open(segmentPath(directory, last.n), 'r+'), segment: last };
}

/** The zeros go that nothing was written over. Without them being gone on disk the next start sees to it. */
async function endSegment(file: FileHandle, bytes: number): Promise<void> {
  try {
    await file.truncate(bytes);
    await file.datasync();
  } catch {
    // it is whole all the same
  } finally {
    await file.close();
  }
}
