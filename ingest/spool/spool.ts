// The queue on disk between a source and a sink. What was committed is there after any crash, in order, until the sink has it; it is bounded,
// and when it is full the oldest bulk goes, told in gaps (docs/explanation/spool.md).
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Gap } from '../collect/collector.ts';
import { dropOf } from './drop.ts';
import { type Entry, encodeEntry, type RecordEntry } from './entry.ts';
import { lockSpool } from './lock.ts';
import { listSegments, readFrames, scanSegment, segmentPath } from './segments.ts';

export interface SpoolOptions {
  directory: string;
  /** Of all segments. What one segment and the batch on its way hold may come on top. */
  bytesMax: number;
  /** Records older than this go, as far as a clock that nobody sets can prove their age. */
  ageMsMax: number;
  /** A segment is closed when it has so much; what is dropped is dropped by segments. */
  segmentBytes: number;
  /** This boot, and a clock that only runs forward. */
  boot: { id: string; uptimeS: () => number };
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

export interface Batch {
  readonly records: readonly RecordEntry[];
  readonly bytes: number;
  /** Where it ends. */
  readonly segment: number;
  readonly end: number;
}

export interface Spool {
  /** Bytes at the end that a crash had torn, found and cut off when the spool was opened: they were never acknowledged. */
  readonly tornBytes: number;
  /** Takes a copy. False when it cannot be taken: nothing can be written, and what waits in memory is at its bound. */
  append(entry: Entry): boolean;
  /** Resolves once all that was appended is on disk. Many share one fsync. @throws SpoolError; what was appended is tried again later */
  committed(): Promise<void>;
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

// What waits for a disk that does not answer; beyond that sources are told that nothing can be taken.
const PENDING_BYTES_MAX = 32 * 1024 * 1024;
// Room for the notices of what is dropped when the disk is full.
const RESERVE_BYTES = 256 * 1024;

const OPENING_BYTES = 1024;

const Acknowledged = z.object({ segment: z.number().int(), end: z.number().int() });

interface SegmentState {
  n: number;
  /** Committed. */
  bytes: number;
  /** Of its opening; undefined when it cannot be read. */
  boot?: { id: string; uptimeS: number };
}

/** @throws SpoolBusyError when another process has it, or the error of the file system */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { directory, boot } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockSpool(directory);
  const checkpoints = new Map<string, string>();
  const { segments, tornBytes } = await recall(directory, checkpoints);
  const cursor = readAcknowledged(directory) ?? { segment: 0, end: 0 };
  let file: FileHandle;
  let active: SegmentState;

  const openActive = async (n: number): Promise<{ file: FileHandle; segment: SegmentState }> => {
    const handle = await open(segmentPath(directory, n), 'w', 0o600);
    const uptimeS = boot.uptimeS();
    const head: Entry[] = [{ kind: 'opening', boot_id: boot.id, uptime_s: uptimeS }];
    for (const [stream, state] of checkpoints) head.push({ kind: 'checkpoint', stream, state: Buffer.from(state) });
    const bytes = Buffer.concat(head.map(encodeEntry));
    try {
      await writeAll(handle, bytes, 0);
      await handle.datasync();
      await syncDirectory(directory);
    } catch (error) {
      await handle.close();
      rmSync(segmentPath(directory, n), { force: true });
      throw error;
    }
    return { file: handle, segment: { n, bytes: bytes.length, boot: { id: boot.id, uptimeS } } };
  };

  const last = segments.at(-1);
  if (last === undefined) {
    const opened = await openActive(Math.max(1, cursor.segment + 1));
    file = opened.file;
    active = opened.segment;
    segments.push(active);
  } else {
    active = last;
    file = await open(segmentPath(directory, last.n), 'r+');
    if (tornBytes > 0) {
      await file.truncate(active.bytes);
      await file.datasync();
    }
  }
  // of a disk that lost what it had confirmed
  if (cursor.segment === active.n) cursor.end = Math.min(cursor.end, active.bytes);
  const reserve = join(directory, 'reserve');
  keepReserve(reserve);

  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let pendingCheckpoints = new Map<string, string>();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let inFlight: Batch | undefined;
  let dropping: Promise<void> | undefined;
  let wake: (() => void) | undefined;

  const totalBytes = () => segments.reduce((sum, s) => sum + s.bytes, 0);
  const put = (entry: Entry): void => {
    const bytes = encodeEntry(entry);
    pending.push(bytes);
    pendingBytes += bytes.length;
    if (entry.kind === 'checkpoint') pendingCheckpoints.set(entry.stream, entry.state.toString());
  };
  const write = async (bytes: Buffer): Promise<void> => {
    const from = active.bytes;
    try {
      await writeAll(file, bytes, from);
      await file.datasync();
    } catch (error) {
      await file.truncate(from).catch(() => undefined); // what is beyond is written over, or cut off at the next start
      throw error;
    }
    active.bytes = from + bytes.length;
  };

  // nothing of it is read meanwhile
  const drop = (segment: SegmentState): Promise<void> => {
    dropping = dropNow(segment).finally(() => {
      dropping = undefined;
    });
    return dropping;
  };
  const dropNow = async (segment: SegmentState): Promise<void> => {
    const from = cursor.segment === segment.n ? cursor.end : 0;
    const path = segmentPath(directory, segment.n);
    const { gaps, kept } = cursor.segment > segment.n ? { gaps: [], kept: [] } : await dropOf(path, from);
    // notices of it are on disk before it goes
    const before = { pending, pendingBytes };
    pending = [...kept];
    for (const gap of gaps) options.onGap(gap);
    const notices = Buffer.concat(pending);
    ({ pending, pendingBytes } = before);
    if (notices.length > 0) {
      rmSync(reserve, { force: true });
      await write(notices);
    }
    segments.splice(segments.indexOf(segment), 1);
    rmSync(path, { force: true });
    if (cursor.segment === segment.n) moveOn(segment.n);
    keepReserve(reserve);
  };
  const droppable = (): SegmentState | undefined => segments.find((s) => s !== active && s.n !== inFlight?.segment);
  const isTooOld = ({ boot: opened }: SegmentState): boolean => {
    if (opened === undefined) return false;
    const s = opened.id === boot.id ? boot.uptimeS() - opened.uptimeS : boot.uptimeS();
    return s * 1000 > options.ageMsMax;
  };
  const makeRoom = async (): Promise<boolean> => {
    const oldest = droppable();
    if (oldest === undefined) return false;
    await drop(oldest);
    return true;
  };
  const keepBounds = async (): Promise<void> => {
    for (let oldest = droppable(); oldest; oldest = droppable()) {
      const successor = segments[segments.indexOf(oldest) + 1];
      // its newest record is older than its successor's opening
      if (totalBytes() <= options.bytesMax && !(successor && isTooOld(successor))) return;
      await drop(oldest);
    }
  };
  const roll = async (): Promise<void> => {
    const opened = await openActive(active.n + 1);
    await file.close();
    ({ file, segment: active } = opened);
    segments.push(active);
  };
  const flush = async (): Promise<void> => {
    const taken = { parts: pending, bytes: pendingBytes, checkpoints: pendingCheckpoints };
    pending = [];
    pendingBytes = 0;
    pendingCheckpoints = new Map();
    if (taken.bytes > 0) {
      const bytes = Buffer.concat(taken.parts);
      for (;;) {
        try {
          await write(bytes);
          break;
        } catch (cause) {
          if (isFull(cause) && (await makeRoom().catch(() => false))) continue;
          pending = [...taken.parts, ...pending];
          pendingBytes += taken.bytes;
          pendingCheckpoints = new Map([...taken.checkpoints, ...pendingCheckpoints]);
          throw new SpoolError(`cannot write to the spool ${directory}: ${(cause as Error).message}`, { cause });
        }
      }
      for (const [stream, state] of taken.checkpoints) checkpoints.set(stream, state);
      wake?.();
    }
    // a new segment that cannot be had now is had later: the old one goes on
    if (active.bytes >= options.segmentBytes) await roll().catch(() => undefined);
    await keepBounds();
  };
  const committed = (): Promise<void> => {
    if (running === undefined) {
      if (pendingBytes === 0) return Promise.resolve();
      running = flush().finally(() => {
        running = undefined;
      });
      return running;
    }
    if (pendingBytes === 0) return running;
    // what came after the running write began goes with the next one
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return committed();
      });
    return next;
  };

  // to the segment after `n`: what comes before it is in the sink, or gone
  const moveOn = (n: number): void => {
    cursor.segment = n + 1;
    cursor.end = 0;
  };
  const current = (): SegmentState | undefined => segments.find((s) => s.n >= cursor.segment);
  const forgetRead = (): void => {
    while (segments[0] !== undefined && segments[0] !== active && segments[0].n < cursor.segment) {
      rmSync(segmentPath(directory, segments[0].n), { force: true });
      segments.shift();
    }
  };
  const readSome = async (segment: SegmentState, bytesMax: number): Promise<Batch | undefined> => {
    const handle = await open(segmentPath(directory, segment.n), 'r');
    try {
      const { entries, end, damage } = await readFrames(handle, cursor.end, bytesMax, segment.bytes);
      if (damage !== undefined) {
        options.onGap(damageOf(segment, cursor.end, damage, options));
        cursor.end = segment.bytes;
        return undefined;
      }
      const records = entries.flatMap(({ entry }) => (entry.kind === 'record' ? [entry] : []));
      const bytes = end - cursor.end;
      cursor.end = end;
      return records.length === 0 ? undefined : { records, bytes, segment: segment.n, end };
    } finally {
      await handle.close();
    }
  };

  return {
    tornBytes,
    append: (entry) => {
      const isFullOf = totalBytes() > options.bytesMax + 2 * options.segmentBytes;
      if (pendingBytes > PENDING_BYTES_MAX || (isFullOf && droppable() === undefined)) return false;
      put(entry);
      return true;
    },
    committed,
    restored: (stream) => checkpoints.get(stream),
    read: async (bytesMax) => {
      if (inFlight !== undefined) throw new Error('the last batch was not acknowledged');
      await dropping?.catch(() => undefined); // heard by who drops
      for (let segment = current(); segment; segment = current()) {
        if (segment.n !== cursor.segment) moveOn(segment.n - 1);
        if (cursor.end >= segment.bytes) {
          if (segment === active) return undefined;
          moveOn(segment.n);
          forgetRead(); // nothing is on its way: all of it was acknowledged
          continue;
        }
        // held while it is read: it cannot be dropped meanwhile
        inFlight = { records: [], bytes: 0, segment: segment.n, end: 0 };
        inFlight = await readSome(segment, bytesMax).catch((error: unknown) => {
          inFlight = undefined;
          throw error;
        });
        if (inFlight !== undefined) return inFlight;
      }
      return undefined;
    },
    waitForMore: (ms) =>
      new Promise((resolve) => {
        const segment = current();
        if (segment && (segment !== active || segment.n !== cursor.segment || cursor.end < segment.bytes))
          return resolve();
        const done = () => {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        wake = done;
      }),
    acknowledge: (batch) => {
      if (batch !== inFlight) throw new Error('not the batch on its way');
      inFlight = undefined;
      writeAcknowledged(directory, { segment: batch.segment, end: batch.end });
      forgetRead();
    },
    bytesWaiting: () =>
      segments.reduce(
        (sum, s) => sum + (s.n < cursor.segment ? 0 : s.bytes - (s.n === cursor.segment ? cursor.end : 0)),
        0,
      ) + (inFlight?.bytes ?? 0),
    close: async () => {
      try {
        await committed();
      } finally {
        await file.close();
        await unlock();
      }
    },
  };
}

// What a spool's files say when it is opened. Every segment begins with the checkpoints known then: only the last two are read whole, two
// because a power cut may have torn the beginning of the last.
async function recall(directory: string, checkpoints: Map<string, string>) {
  const segments: SegmentState[] = listSegments(directory);
  let tornBytes = 0;
  for (const [i, segment] of segments.entries()) {
    const path = segmentPath(directory, segment.n);
    if (i < segments.length - 2) {
      const opening = await openingOf(path);
      if (opening) segment.boot = opening;
      continue;
    }
    const { end } = await scanSegment(path, 0, (entry) => {
      if (entry.kind === 'opening') segment.boot = { id: entry.boot_id, uptimeS: entry.uptime_s };
      if (entry.kind === 'checkpoint') checkpoints.set(entry.stream, entry.state.toString());
    });
    if (segment === segments.at(-1) && end < segment.bytes) {
      tornBytes = segment.bytes - end;
      segment.bytes = end;
    }
  }
  return { segments, tornBytes };
}

async function openingOf(path: string): Promise<SegmentState['boot']> {
  const file = await open(path, 'r');
  try {
    const { entries } = await readFrames(file, 0, OPENING_BYTES, (await file.stat()).size);
    const first = entries[0]?.entry;
    return first?.kind === 'opening' ? { id: first.boot_id, uptimeS: first.uptime_s } : undefined;
  } finally {
    await file.close();
  }
}

function damageOf({ n, bytes }: SegmentState, from: number, damage: string, { source, now }: SpoolOptions): Gap {
  const ms = now().getTime();
  const detail = `segment ${n} of the spool cannot be read from byte ${from} on: ${damage}`;
  return { reason: 'spool-damaged', source, stream: '', fromMs: ms, toMs: ms, bytes: bytes - from, detail };
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

// Without fsync: what is not on disk after a power cut is sent once more.
function writeAcknowledged(directory: string, acknowledged: z.infer<typeof Acknowledged>): void {
  const draft = join(directory, 'acknowledged.draft');
  try {
    writeFileSync(draft, JSON.stringify(acknowledged), { mode: 0o600 });
    renameSync(draft, join(directory, 'acknowledged.json'));
  } catch {
    rmSync(draft, { force: true }); // the disk is full: sent once more after a restart, no more
  }
}

function readAcknowledged(directory: string): z.infer<typeof Acknowledged> | undefined {
  try {
    return Acknowledged.parse(JSON.parse(readFileSync(join(directory, 'acknowledged.json'), 'utf8')));
  } catch {
    return undefined; // none yet, or torn by a power cut: all there is is sent once more
  }
}

function keepReserve(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(RESERVE_BYTES, 1), { flag: 'wx', mode: 0o600 });
  } catch {
    // there already, or no room: tried again at the next drop
  }
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');
