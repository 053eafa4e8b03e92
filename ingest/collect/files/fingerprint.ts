// Which file it is, told by its first bytes: names move on at every rotation, inodes are given again, compressed files are others altogether.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { createZstdReader, isZstd } from '../../frame/zstd.ts';

/** Lines of the three sources begin with a time or an id of their own: what differs differs here. */
export const HEAD_BYTES = 1024;
/** From here on a head alone says that two files are one; shorter ones only confirm an inode. */
export const SURE_BYTES = 64;
// Compressed bytes that hold the first HEAD_BYTES for certain, as logs are compressed.
const COMPRESSED_HEAD_BYTES = 16 * 1024;
// a zstd block is at most so large and decodes as a whole
const ZSTD_HEAD_BYTES = 192 * 1024;

export interface Fingerprint {
  /** So many first bytes of the file; fewer than HEAD_BYTES while it has no more. */
  bytes: number;
  /** SHA-256 of them, half of it, in hex. */
  sha256: string;
}

export const fingerprintOf = (head: Buffer): Fingerprint => ({
  bytes: head.length,
  sha256: createHash('sha256').update(head).digest('hex').slice(0, 32),
});

/** Whether a file that begins with `head` can be the one of the fingerprint, grown since. */
export const isOf = (head: Buffer, { bytes, sha256 }: Fingerprint): boolean =>
  head.length >= bytes && fingerprintOf(head.subarray(0, bytes)).sha256 === sha256;

/** The first bytes of a file, decompressed. Empty where it cannot be read: then it is no file one knows. */
export function readHead(path: string, compressed: boolean): Buffer {
  try {
    return compressed ? decompressedHead(readFirst(path, ZSTD_HEAD_BYTES)) : readFirst(path, HEAD_BYTES);
  } catch {
    return Buffer.alloc(0); // renamed or removed meanwhile, not yet whole, damaged
  }
}

function readFirst(path: string, bytes: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    return readHeadOf(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

export function readHeadOf(fd: number, bytes = HEAD_BYTES): Buffer {
  const head = Buffer.alloc(bytes);
  return head.subarray(0, readSync(fd, head, 0, bytes, 0));
}

function decompressedHead(bytes: Buffer): Buffer {
  if (!isZstd(bytes)) {
    const flush = { finishFlush: constants.Z_SYNC_FLUSH }; // the end is missing, and that is no error
    return gunzipSync(bytes.subarray(0, COMPRESSED_HEAD_BYTES), flush).subarray(0, HEAD_BYTES);
  }
  const out: Buffer[] = [];
  createZstdReader((content) => out.push(content)).push(bytes);
  return Buffer.concat(out).subarray(0, HEAD_BYTES);
}
