// The reading end of a spool: batches in order, one on its way at a time, each kept until it is acknowledged.
import { open, rm } from 'node:fs/promises';
import { type Cursor, createCursorFile } from './cursor-file.ts';
import type { RecordEntry } from './entry.ts';
import type { Gap } from './gap.ts';
import { readFrames, segmentPath } from './segments.ts';
import { holdsCheckpoints, type SegmentState } from './spool-files.ts';

export interface Batch {
  readonly records: readonly RecordEntry[];
  readonly bytes: number;
  /** Where it ends. */
  readonly segment: number;
  readonly end: number;
}

interface Dependencies {
  directory: string;
  /** Oldest first; the last one is being written. Those that were read are taken out. */
  segments: SegmentState[];
  cursor: Cursor;
  source: Gap['source'];
  now: () => Date;
  onGap: (gap: Gap) => void;
}

export interface Reader {
  read(bytesMax: number): Promise<Batch | undefined>;
  acknowledge(batch: Batch): void;
  waitForMore(ms: number): Promise<void>;
  /** Something was committed. */
  wake(): void;
  bytesWaiting(): number;
  /** Whether records of the segment are on their way. */
  holds(segment: SegmentState): boolean;
  /** Up to where the segment was read; undefined when all of it was. */
  readUpTo(segment: SegmentState): number | undefined;
  /** Nothing is read until it is over; then the segment is gone. */
  without(segment: SegmentState, drop: () => Promise<void>): Promise<void>;
  /** What was acknowledged is written. */
  close(): Promise<void>;
}

export function createReader(deps: Dependencies): Reader {
  const { directory, segments, cursor } = deps;
  let inFlight: Batch | undefined;
  let dropping: Promise<void> | undefined;
  let wake: (() => void) | undefined;
  const cursorFile = createCursorFile(directory);
  let removing: Promise<void> = Promise.resolve();

  const active = () => segments.at(-1);
  const current = (): SegmentState | undefined => segments.find((s) => s.n >= cursor.segment);
  // to the segment after `n`: what comes before it is in the sink, or gone
  const moveOn = (n: number): void => {
    cursor.segment = n + 1;
    cursor.end = 0;
  };
  const forgetRead = (): void => {
    for (let first = segments[0]; first && first !== active() && first.n < cursor.segment; first = segments[0]) {
      if (holdsCheckpoints(first, segments)) return;
      const path = segmentPath(directory, first.n);
      // a large file takes a while to go; one that stays behind goes after the next start
      removing = removing.then(() => rm(path, { force: true })).catch(() => undefined);
      segments.shift();
    }
  };
  const readSome = async (segment: SegmentState, bytesMax: number): Promise<Batch | undefined> => {
    const handle = await open(segmentPath(directory, segment.n), 'r');
    try {
      const { entries, end, damage } = await readFrames(handle, cursor.end, bytesMax, segment.bytes);
      if (damage !== undefined) {
        deps.onGap(damageOf(segment, cursor.end, damage, deps));
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
  const waitingIn = (s: SegmentState): number =>
    s.n < cursor.segment ? 0 : s.bytes - (s.n === cursor.segment ? cursor.end : 0);

  return {
    read: async (bytesMax) => {
      if (inFlight !== undefined) throw new Error('the last batch was not acknowledged');
      await dropping?.catch(() => undefined); // heard by who drops
      for (let segment = current(); segment; segment = current()) {
        if (segment.n !== cursor.segment) moveOn(segment.n - 1);
        if (cursor.end >= segment.bytes) {
          if (segment === active()) return undefined;
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
    acknowledge: (batch) => {
      if (batch !== inFlight) throw new Error('not the batch on its way');
      inFlight = undefined;
      cursorFile.write({ segment: batch.segment, end: batch.end });
      forgetRead();
    },
    waitForMore: (ms) =>
      new Promise((resolve) => {
        if (segments.some((s) => waitingIn(s) > 0)) return resolve();
        const done = () => {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        wake = done;
      }),
    wake: () => wake?.(),
    bytesWaiting: () => segments.reduce((sum, s) => sum + waitingIn(s), 0) + (inFlight?.bytes ?? 0),
    holds: ({ n }) => inFlight?.segment === n,
    readUpTo: ({ n }) => (n < cursor.segment ? undefined : n === cursor.segment ? cursor.end : 0),
    without: (segment, drop) => {
      const over = async () => {
        await drop();
        if (cursor.segment === segment.n) moveOn(segment.n);
      };
      dropping = over().finally(() => {
        dropping = undefined;
      });
      return dropping;
    },
    close: async () => {
      await removing;
      await cursorFile.close();
    },
  };
}

function damageOf({ n, bytes }: SegmentState, from: number, damage: string, { source, now }: Dependencies): Gap {
  const ms = now().getTime();
  const detail = `segment ${n} of the spool cannot be read from byte ${from} on: ${damage}`;
  return { reason: 'spool-damaged', source, stream: '', fromMs: ms, toMs: ms, bytes: bytes - from, detail };
}
