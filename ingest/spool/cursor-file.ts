// How far the sink has a spool: one small file, written over itself at every acknowledgement, ten times a second. Not on the way of anything: an
// open file of a disk that is busy may take a while to be written, and the collector answers others meanwhile.
import { constants, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';

/** What lies before it is in the sink. */
export interface Cursor {
  segment: number;
  end: number;
}
const Cursor = z.object({ segment: z.number().int(), end: z.number().int(), check: z.number() });

export interface CursorFile {
  /** Without fsync: what is not on disk after a crash is sent once more. Of several the latest is written. */
  write(cursor: Cursor): void;
  /** The latest is written. */
  close(): Promise<void>;
}

// A new file and its new name, each time, would take longer than a batch takes.
const FLAGS = constants.O_WRONLY | constants.O_CREAT;
const BYTES = 96;
const cursorPath = (directory: string): string => join(directory, 'acknowledged.json');
/** Of one that a power cut has mixed with the one before it is another. */
const checkOf = ({ segment, end }: Cursor): number => crc32(`${segment}/${end}`);

export function createCursorFile(directory: string): CursorFile {
  let file: FileHandle | undefined;
  let next: Cursor | undefined;
  let writing: Promise<void> | undefined;
  const writeAll = async (): Promise<void> => {
    for (let cursor = next; cursor !== undefined; cursor = next) {
      next = undefined;
      const { segment, end } = cursor;
      const text = JSON.stringify({ segment, end, check: checkOf(cursor) });
      try {
        file ??= await open(cursorPath(directory), FLAGS, 0o600);
        await file.write(text.padEnd(BYTES), 0);
      } catch {
        // the disk is full: sent once more after a restart, no more
      }
    }
    writing = undefined;
  };
  return {
    write: (cursor) => {
      next = cursor;
      writing ??= writeAll();
    },
    close: async () => {
      await writing;
      await file?.close();
    },
  };
}

export function readCursor(directory: string): Cursor {
  try {
    const { segment, end, check } = Cursor.parse(JSON.parse(readFileSync(cursorPath(directory), 'utf8')));
    if (check === checkOf({ segment, end })) return { segment, end };
  } catch {
    // none yet
  }
  return { segment: 0, end: 0 }; // or torn by a power cut: all there is is sent once more
}
