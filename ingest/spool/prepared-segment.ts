// The next segment of a spool, made before it is needed: a file of zeros that are on disk, so that what is written over them changes no size
// and no map of blocks. Then fdatasync waits for those bytes alone, not for the journal of the file system with all that others wrote
// (docs/decisions/0015-prepared-segments.md).
import { rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { segmentPath } from './segments.ts';
import { syncDirectory, writeAll } from './spool-files.ts';

export interface PreparedSegment {
  /** Makes the file of segment `n` in the background; tried once for each `n`. */
  begin(n: number): void;
  /** What is being made goes, and its room with it. @returns whether anything was */
  stop(): Promise<boolean>;
  /** The file of segment `n`, once it is made. */
  ready(n: number): FileHandle | undefined;
  /** It is in use now. */
  taken(): void;
  /** What nobody took goes. */
  close(): Promise<void>;
}

// On disk one after the other: what is committed meanwhile waits for one of them at most. A MiB took 3.8 ms (p90), this 1.2; the file half as long again.
const PIECE_BYTES = 256 * 1024;

export function createPreparedSegment(directory: string, segmentBytes: number): PreparedSegment {
  let stopping = new AbortController();
  let last = 0;
  let making: Promise<void> | undefined;
  let made: FileHandle | undefined;
  return {
    begin: (n) => {
      if (n === last || making !== undefined || made !== undefined) return;
      last = n;
      making = make(segmentPath(directory, n), segmentBytes, stopping.signal).then((file) => {
        made = file;
        making = undefined;
      });
    },
    stop: async () => {
      if (making === undefined) return false;
      stopping.abort();
      await making;
      stopping = new AbortController();
      return made === undefined;
    },
    ready: (n) => (n === last ? made : undefined),
    taken: () => {
      made = undefined;
    },
    close: async () => {
      stopping.abort();
      await making;
      if (made === undefined) return;
      await made.close();
      rmSync(segmentPath(directory, last), { force: true });
    },
  };
}

/** Undefined when there is no room for it, or when it is told to stop: then nothing of it is left. */
async function make(path: string, bytes: number, stop: AbortSignal): Promise<FileHandle | undefined> {
  const zeros = Buffer.alloc(PIECE_BYTES);
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'wx', 0o600);
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      stop.throwIfAborted();
      await writeAll(file, zeros.subarray(0, bytes - at), at);
      await file.datasync();
    }
    await syncDirectory(path);
    stop.throwIfAborted();
    return file;
  } catch {
    await file?.close();
    if (file !== undefined) rmSync(path, { force: true });
    return undefined;
  }
}
