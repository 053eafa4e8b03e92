// Bytes of a file to lines with their offsets: the first stage of an import. Memory is bounded by the longest line kept.
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { createZstdReader, isZstd } from './zstd.ts';

/**
 * Lines that lie one after the other in the bytes they came in: line i from start(block, i) to ends[i]. Nothing is copied and
 * no line has an object of its own. Good until the next block is asked for.
 */
export interface LineBlock {
  bytes: Buffer;
  /** Of the first byte in the uncompressed stream. */
  offset: number;
  count: number;
  /** Where each line ends: its newline stands there; a carriage return before it stays, for it was received. */
  ends: Int32Array;
  /** False for a piece of a line that was too long to hold; the pieces follow one another, each a block of its own. */
  whole: boolean;
  /** A newline follows. False for the last line of a file without one, and for a piece that is not the last of its line. */
  ended: boolean;
}

export const start = ({ ends }: LineBlock, i: number): number => (i === 0 ? 0 : (ends[i - 1] as number) + 1);

// Five times the largest request an API server accepts (3 MB; an event holds request and response): what is longer is no log line of the three sources.
export const LINE_BYTES_MAX = 16 * 1024 * 1024;

const GZIP = Buffer.from([0x1f, 0x8b]);

/** A file that could not be read on: damaged, or the file system refuses. What was given before is good. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/**
 * Chunks of a file or of a stream that is open, uncompressed; gzip and zstd are recognised by their first bytes. `onRead` hears bytes of the file.
 * A chunk is good until the next one is asked for.
 * @throws ReadError
 */
export async function* readUncompressed(
  from: string | AsyncIterable<Buffer>,
  onRead: (bytes: number) => void,
): AsyncIterable<Buffer> {
  try {
    yield* uncompressed(typeof from === 'string' ? readFile(from) : from, onRead);
  } catch (cause) {
    // decompressors throw many things; whatever comes from reading is the file's fault
    throw new ReadError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

const CHUNK_BYTES = 1 << 20;

// Into one buffer, again and again: with one of its own for every chunk the collector of garbage never rests (a tenth of an import).
async function* readFile(path: string): AsyncIterable<Buffer> {
  const file = await open(path);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* uncompressed(file: AsyncIterable<Buffer>, onRead: (bytes: number) => void): AsyncIterable<Buffer> {
  const counted = (async function* () {
    for await (const chunk of file) {
      onRead(chunk.length);
      yield chunk;
    }
  })();
  const first = await counted.next();
  if (first.done) return;
  const all = (async function* () {
    try {
      yield first.value;
      yield* counted;
    } finally {
      await counted.return(undefined); // whoever stops at the first chunk closes the file, too
    }
  })();
  if (first.value.subarray(0, 2).equals(GZIP)) yield* gunzip(copies(all));
  else if (isZstd(first.value)) yield* unzstd(copies(all));
  else yield* all;
}

// decompressors keep what they are given
async function* copies(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const unzip = createGunzip();
  const fed = (async () => {
    for await (const chunk of chunks) {
      if (unzip.destroyed) return; // nobody reads on
      if (!unzip.write(chunk)) await new Promise((resolve) => unzip.once('drain', resolve).once('close', resolve));
    }
    unzip.end();
  })();
  fed.catch((error) => unzip.destroy(error));
  try {
    yield* unzip as AsyncIterable<Buffer>;
    await fed;
  } finally {
    unzip.destroy();
    await fed.catch(() => undefined); // told above; the file is closed when it ends
  }
}

async function* unzstd(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let out: Buffer[] = [];
  const reader = createZstdReader((bytes) => out.push(bytes));
  for await (const chunk of chunks) {
    let failure: unknown;
    try {
      reader.push(chunk);
    } catch (error) {
      failure = error;
    }
    const ready = out;
    out = [];
    yield* ready; // what stands before the damage
    if (failure !== undefined) throw failure;
  }
  reader.end();
}

const NEWLINE = 10;
const LINES_FIRST = 4096;

/** Lines of a stream, as many at once as lie in a chunk. Empty lines come too: their bytes are accounted for. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  lineBytesMax = LINE_BYTES_MAX,
): AsyncIterable<LineBlock> {
  let ends = new Int32Array(LINES_FIRST);
  const single = (bytes: Buffer, whole: boolean, ended: boolean): LineBlock => ({
    ...{ bytes, offset, whole, ended },
    ...{ count: 1, ends: Int32Array.of(bytes.length) },
  });
  // what earlier chunks hold of a line, copied: they are good no longer
  let rest: Buffer[] = [];
  let restBytes = 0;
  let offset = 0;
  let cut = false;
  const hold = (bytes: Buffer): void => {
    rest.push(Buffer.from(bytes));
    restBytes += bytes.length;
  };
  const held = (more: Buffer): Buffer => {
    const all = Buffer.concat([...rest, more]);
    rest = [];
    restBytes = 0;
    return all;
  };
  for await (const chunk of chunks) {
    let from = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end !== -1 && (restBytes > 0 || cut)) {
      const line = held(chunk.subarray(0, end));
      yield single(line, !cut, true);
      offset += line.length + 1;
      cut = false;
      from = end + 1;
      end = chunk.indexOf(NEWLINE, from);
    }
    const bytes = chunk.subarray(from);
    let count = 0;
    let begin = 0;
    for (; end !== -1; end = bytes.indexOf(NEWLINE, begin)) {
      if (count === 0) end -= from;
      if (count === ends.length) ends = grown(ends);
      ends[count++] = end;
      begin = end + 1;
    }
    if (count > 0) yield { bytes, offset, count, ends, whole: true, ended: true };
    offset += begin;
    if (begin < bytes.length) hold(bytes.subarray(begin));
    if (restBytes <= lineBytesMax) continue;
    const piece = held(Buffer.alloc(0));
    yield single(piece, false, false);
    offset += piece.length;
    cut = true;
  }
  if (restBytes > 0) yield single(held(Buffer.alloc(0)), !cut, false);
}

function grown(ends: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * ends.length);
  larger.set(ends);
  return larger;
}
