// One file of a log, open: read on from an offset, with its identity as far as it is known. It stays the same file whatever it is called.
import { fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readUncompressed } from '../../frame/lines.ts';
import { fingerprintOf, readHead, readHeadOf } from './fingerprint.ts';
import type { KnownFile, LogFile } from './log-family.ts';

// One read: some 300 audit events. Large enough that a backlog is read at the speed of the disk, small enough to be held in memory twice.
export const READ_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

export interface OpenLog {
  /** `dev:inode` */
  readonly id: string;
  readonly compressed: boolean;
  /** Of the next byte. */
  offset(): number;
  isEmpty(): boolean;
  known(): KnownFile;
  /** What follows, at most some READ_BYTES; empty at the end. Good until the next read. @throws ReadError of a damaged compressed file */
  read(): Promise<Buffer>;
  /** Whether other bytes stand where those that were read stood: it was truncated, and written anew perhaps. */
  isTruncated(): boolean;
  close(): Promise<void>;
}

/** Undefined when another file has that name by now. @throws the file system's error */
export async function openLog(file: LogFile, offset: number): Promise<OpenLog | undefined> {
  const handle = await open(file.path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  const { dev, ino } = fstatSync(handle.fd, { bigint: true });
  if (`${dev}:${ino}` === file.id)
    return file.compressed ? openCompressed(handle, file, offset) : openPlain(handle, file, offset);
  await handle.close();
  return undefined;
}

function openPlain(handle: FileHandle, { id }: LogFile, from: number): OpenLog {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let offset = from;
  let head = readHeadOf(handle.fd);
  let fingerprint = fingerprintOf(head);
  let changedMs = -1;
  let checkedBytes = -1;
  let truncated = fstatSync(handle.fd).size < from;

  /** Whether the bytes read so far are still those of the file. */
  const isSame = (end: number): boolean => {
    const { size, mtimeMs } = fstatSync(handle.fd);
    if (size < end) return false;
    if (mtimeMs === changedMs && end === checkedBytes) return true;
    changedMs = mtimeMs;
    checkedBytes = end;
    const now = readHeadOf(handle.fd);
    if (now.length < head.length || !now.subarray(0, head.length).equals(head)) return false;
    if (now.length > head.length) {
      head = now;
      fingerprint = fingerprintOf(head);
    }
    return true;
  };
  return {
    id,
    compressed: false,
    offset: () => offset,
    isEmpty: () => fstatSync(handle.fd).size === 0,
    known: () => ({ id, head: fingerprint }),
    read: async () => {
      if (truncated) return NOTHING;
      // not by another thread: what was just written lies in memory, and waking a thread would cost more than reading it
      const bytesRead = readSync(handle.fd, buffer, 0, READ_BYTES, offset);
      // what was read before the file was truncated is good, and it was before if the file ends short of it
      const end = offset + bytesRead;
      truncated = !isSame(end);
      if (truncated && fstatSync(handle.fd).size >= end) return NOTHING;
      offset = end;
      return buffer.subarray(0, bytesRead);
    },
    isTruncated: () => truncated,
    close: () => handle.close(),
  };
}

// A rotated log that was compressed: nobody writes to it.
function openCompressed(handle: FileHandle, { id, path }: LogFile, from: number): OpenLog {
  const known = { id, head: fingerprintOf(readHead(path, true)) };
  let open = true;
  const compressed = async function* () {
    while (open) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  };
  const chunks = readUncompressed(compressed(), () => undefined)[Symbol.asyncIterator]();
  let offset = from;
  let at = 0;
  return {
    id,
    compressed: true,
    offset: () => offset,
    isEmpty: () => false,
    known: () => known,
    read: async () => {
      for (;;) {
        const { done, value: chunk = NOTHING } = await chunks.next();
        if (done) return NOTHING;
        const skip = Math.max(0, offset - at);
        at += chunk.length;
        if (chunk.length <= skip) continue;
        offset = at;
        return chunk.subarray(skip);
      }
    },
    isTruncated: () => false,
    close: async () => {
      open = false;
      await handle.close();
    },
  };
}
