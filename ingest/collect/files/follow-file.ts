// Follows a log through whatever is done to it: rotated (renamed and made anew), truncated, deleted, not there yet, compressed afterwards. Gives
// its bytes in the order they were written, each once, and says where some are missing. After a restart it goes on where a position says.
import { ReadError } from '../../frame/lines.ts';
import type { Gap } from '../../spool/gap.ts';
import { type FilePosition, locate } from './file-position.ts';
import { fileAt, isSameFamily, type KnownFile, knownOf, listFamily, newerThan } from './log-family.ts';
import { type OpenLog, openLog, READ_BYTES } from './open-log.ts';
import { createPauses } from './pauses.ts';

export type FollowEvent =
  /** Bytes of another file follow; `file` is its `dev:inode`. */
  | { kind: 'opened'; file: string; offset: number }
  /** Good until the next event is asked for. */
  | { kind: 'bytes'; bytes: Buffer; offset: number }
  /** All that is there was read; comes again with every look, several times a second. */
  | { kind: 'idle' }
  /** Nothing more comes of this file: what has no newline at its end never gets one. */
  | { kind: 'ended' }
  | { kind: 'gap'; gap: Pick<Gap, 'reason' | 'fromMs' | 'toMs' | 'detail'> };

export interface FollowOptions {
  /** Of the live file. */
  path: string;
  /** Where to go on; without it the live file is read from its start. */
  from: FilePosition | undefined;
  stop: AbortSignal;
  now: () => Date;
  /** A line for people. */
  say: (text: string) => void;
}

export interface FileFollower {
  /** To be read once. Ends at `stop`. */
  events(): AsyncGenerator<FollowEvent, void>;
  /** Where to go on when all before `offset` of the present file is done with. */
  positionAt(offset: number): FilePosition;
}

// A writer that was told to open its log anew may still write to the old one: what it does in the next moment is waited for.
const QUIET_MS = 300;
// As long as the new file is empty there is nothing else to do than wait for the old one, but its last line must not wait for ever.
const QUIET_MS_MAX = 10_000;
// How often a file that lines still come from is looked for under its name.
const LOOK_MS = 200;
// A file that was the live one so shortly ago cannot have been rotated away twice.
const SURE_MS = 1_000;
// Renaming a thousand files takes some milliseconds; a second is beyond doubt.
const LOOKS_MAX = 5;
const MOVED_MAX = 20;
const ERROR_PAUSE_MS = 1_000;

interface Current {
  log: OpenLog;
  /** Its name in envelopes. */
  file: string;
  before: KnownFile | undefined;
  damaged: boolean;
  seenLiveMs: number;
  lookedMs: number;
  grownMs: number;
}

/** The file that comes next, held open: rotation may remove it before its turn. */
interface Next {
  log: OpenLog;
  live: boolean;
  /** Whether files between may have gone unseen. */
  unsure: boolean;
  noticedMs: number;
}

export function followFile({ path, from, stop, now, say }: FollowOptions): FileFollower {
  const pauses = createPauses(stop);
  let position = from;
  let current: Current | undefined;
  let next: Next | undefined;
  let looks = 0;
  let readMs = from?.read_ms ?? now().getTime();
  let announced = '';
  let trouble = '';

  const gapOf = (reason: Gap['reason'], detail: string): FollowEvent => ({
    kind: 'gap',
    gap: { reason, fromMs: readMs, toMs: now().getTime(), detail },
  });
  const positionOf = ({ log, file, before }: Current, offset: number): FilePosition => ({
    ...{ file, known: log.known(), offset, read_ms: readMs },
    ...(before === undefined ? {} : { before }),
  });
  function* enter(log: OpenLog, file: string, before: KnownFile | undefined, live: boolean): Generator<FollowEvent> {
    const at = performance.now();
    const never = Number.NEGATIVE_INFINITY;
    current = { log, file, before, damaged: false, seenLiveMs: live ? at : never, lookedMs: never, grownMs: at };
    looks = 0;
    const place = `${file} ${log.offset()}`;
    if (announced !== place) yield { kind: 'opened', file, offset: log.offset() };
    announced = '';
  }

  async function* beginLive(): AsyncGenerator<FollowEvent, void> {
    const family = listFamily(path);
    const live = family.at(-1);
    const log = live?.live ? await openLog(live, 0) : undefined;
    if (log === undefined) return yield* idle();
    const older = family.at(-2);
    yield* enter(log, log.id, older && knownOf(older), true);
  }
  async function* beginAt(at: FilePosition): AsyncGenerator<FollowEvent, void> {
    const located = await locate(path, at);
    switch (located.status) {
      case 'found':
        if (located.copied) yield gapOf('log-truncated', COPIED);
        return yield* enter(located.log, at.file, at.before, false);
      case 'shorter':
        yield { kind: 'ended' };
        yield gapOf('log-truncated', `it has less than the ${at.offset} bytes that were read of it`);
        return yield* enter(located.log, located.log.id, at.before, true);
      case 'gone': {
        if (++looks < LOOKS_MAX) return yield* idle();
        const first = await openNewer(at.known, at.before);
        if (first === undefined) return yield* idle();
        yield { kind: 'ended' };
        yield located.truncated
          ? gapOf('log-truncated', 'other bytes stand where those that were read stood')
          : gapOf('log-lost', `the file that was read up to byte ${at.offset} is gone`);
        return yield* enter(first.log, first.log.id, at.before, first.live);
      }
      default:
        yield* idle();
    }
  }
  async function* idle(): AsyncGenerator<FollowEvent, void> {
    yield { kind: 'idle' };
    await pauses.wait(path);
  }

  async function* step(at: Current): AsyncGenerator<FollowEvent, void> {
    const hadNext = next !== undefined;
    const bytes = at.damaged ? NOTHING : await at.log.read();
    readMs = now().getTime();
    if (bytes.length > 0) {
      at.grownMs = performance.now();
      const isAll = bytes.length < READ_BYTES && !at.log.compressed;
      yield { kind: 'bytes', bytes, offset: at.log.offset() - bytes.length };
      if (at.grownMs - at.lookedMs > LOOK_MS) await look(at);
      if (!isAll || next) return;
      yield { kind: 'idle' };
      return await pauses.rest();
    }
    if (at.log.isTruncated()) return yield* leaveTruncated(at);
    if (next && hadNext && isDone(at, next)) return yield* turn(at, next, at.log.known());
    await look(at);
    // of a file that is finished the end is read once more, at once
    if (next && !hadNext && !next.live) return;
    yield* idle();
  }
  /** Whether the file is still the live one; else the one that comes after it is opened. */
  async function look(at: Current): Promise<void> {
    at.lookedMs = performance.now();
    if (next) return;
    const live = at.log.compressed ? undefined : fileAt(path);
    if (live?.id === at.log.id) at.seenLiveMs = at.lookedMs;
    else next = await openNewer(at.log.known(), at.before, at.lookedMs - at.seenLiveMs > SURE_MS);
  }
  async function openNewer(known: KnownFile, before: KnownFile | undefined, late = false): Promise<Next | undefined> {
    for (let i = 0; i < MOVED_MAX; i++) {
      const family = listFamily(path);
      const { files, after } = newerThan(family, known, before);
      const [first] = files;
      if (first === undefined) return undefined;
      const log = await openLog(first, 0);
      // a rotation between listing and opening would have passed over a file
      const still = log && isSameFamily(family, listFamily(path));
      if (still) return { log, live: first.live, unsure: late && after === 'unknown', noticedMs: performance.now() };
      await log?.close();
    }
    return undefined;
  }
  function isDone(at: Current, { live, log, noticedMs }: Next): boolean {
    if (at.log.compressed || at.damaged || !live) return true;
    const quietMs = performance.now() - Math.max(at.grownMs, noticedMs);
    return quietMs >= (log.isEmpty() ? QUIET_MS_MAX : QUIET_MS);
  }
  async function* turn(at: Current, to: Next, before: KnownFile | undefined): AsyncGenerator<FollowEvent, void> {
    yield { kind: 'ended' };
    if (to.unsure) yield gapOf('log-lost', 'it was rotated away faster than it was read: files between may be missing');
    next = undefined;
    await at.log.close();
    yield* enter(to.log, to.log.id, before, to.live);
  }
  // its inode is held open: nobody else can have got it
  async function* leaveTruncated(at: Current): AsyncGenerator<FollowEvent, void> {
    const copy = await locate(path, positionOf(at, at.log.offset()));
    if (copy.status === 'found') {
      yield gapOf('log-truncated', COPIED);
      await at.log.close();
      current = { ...at, log: copy.log };
      return;
    }
    if (copy.status === 'moving') return yield* idle();
    const first =
      copy.status === 'shorter'
        ? { log: copy.log, live: true, noticedMs: 0 }
        : (next ?? (await openNewer(at.log.known(), at.before)));
    if (first === undefined) return yield* idle();
    yield gapOf('log-truncated', `before byte ${at.log.offset()} was read on`);
    yield* turn(at, { ...first, unsure: false }, at.before);
  }

  async function* afterError(error: unknown): AsyncGenerator<FollowEvent, void> {
    if (error instanceof ReadError && current?.log.compressed) {
      current.damaged = true;
      yield gapOf('log-lost', `a rotated file cannot be read on from byte ${current.log.offset()}: ${error.message}`);
      return;
    }
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (trouble !== code) say(`${path}: ${message}; tried again every second`);
    trouble = code;
    await letGo();
    const until = performance.now() + ERROR_PAUSE_MS;
    while (performance.now() < until && !stop.aborted) yield* idle();
  }
  /** Closes all there is; what was read is found again. */
  async function letGo(): Promise<void> {
    if (current) {
      position = positionOf(current, current.log.offset());
      announced = `${current.file} ${current.log.offset()}`;
    }
    const open = [current?.log, next?.log];
    current = undefined;
    next = undefined;
    for (const log of open) await log?.close().catch(() => undefined);
  }

  async function* events(): AsyncGenerator<FollowEvent, void> {
    try {
      while (!stop.aborted) {
        try {
          yield* current ? step(current) : position ? beginAt(position) : beginLive();
          if (current) trouble = '';
        } catch (error) {
          yield* afterError(error);
        }
      }
    } finally {
      pauses.close();
      await letGo();
    }
  }
  return {
    events,
    positionAt: (offset) => {
      if (current) return positionOf(current, offset);
      if (position) return { ...position, offset };
      throw new Error('no file was opened yet');
    },
  };
}

const NOTHING = Buffer.alloc(0);
const COPIED = 'it was copied and truncated: what was written between the two is missing';
