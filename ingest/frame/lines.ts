// Bytes of a file to lines with their offsets: the first stage of an import. Memory is bounded by the longest line kept.
import { createReadStream } from 'node:fs';
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
 * @throws ReadError
 */
export async function* readUncompressed(
  from: string | AsyncIterable<Buffer>,
  onRead: (bytes: number) => void,
): AsyncIterable<Buffer> {
  try {
    const bytes = typeof from === 'string' ? createReadStream(from, { highWaterMark: 1 << 20 }) : from;
    yield* uncompressed(bytes, onRead);
  } catch (cause) {
    // decompressors throw many things; whatever comes from reading is the file's fault
    throw new ReadError(cause instanceof Error ? cause.message : String(cause), { cause });
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
    yield first.value;
    yield* counted;
  })();
  if (first.value.subarray(0, 2).equals(GZIP)) yield* gunzip(all);
  else if (isZstd(first.value)) yield* unzstd(all);
  else yield* all;
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const unzip = createGunzip();
  const fed = (async () => {
    for await (const chunk of chunks) {
      if (!unzip.write(chunk)) await new Promise((resolve) => unzip.once('drain', resolve).once('close', resolve));
    }
    unzip.end();
  })();
  fed.catch((error) => unzip.destroy(error));
  yield* unzip as AsyncIterable<Buffer>;
  await fed;
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

/** Lines of a stream, as many at once as a chunk ends. Empty lines come too: their bytes are accounted for. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  lineBytesMax = LINE_BYTES_MAX,
): AsyncIterable<LineBlock> {
  let ends = new Int32Array(LINES_FIRST);
  const single = (bytes: Buffer, offset: number, whole: boolean, ended: boolean): LineBlock => ({
    ...{ bytes, offset, whole, ended },
    ...{ count: 1, ends: Int32Array.of(bytes.length) },
  });
  let rest: Buffer[] = [];
  let restBytes = 0;
  let offset = 0;
  let cut = false;
  for await (const chunk of chunks) {
    const first = chunk.indexOf(NEWLINE);
    if (first === -1) {
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes <= lineBytesMax) continue;
      yield single(Buffer.concat(rest), offset, false, false);
      offset += restBytes;
      rest = [];
      restBytes = 0;
      cut = true;
      continue;
    }
    let bytes = restBytes === 0 ? chunk : Buffer.concat([...rest, chunk]);
    let end = restBytes + first;
    if (cut) {
      yield single(bytes.subarray(0, end), offset, false, true);
      offset += end + 1;
      bytes = bytes.subarray(end + 1);
      end = bytes.indexOf(NEWLINE);
      cut = false;
    }
    let count = 0;
    let from = 0;
    for (; end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      if (count === ends.length) ends = grown(ends);
      ends[count++] = end;
      from = end + 1;
    }
    if (count > 0) yield { bytes, offset, count, ends, whole: true, ended: true };
    offset += from;
    rest = from < bytes.length ? [bytes.subarray(from)] : [];
    restBytes = bytes.length - from;
    if (restBytes <= lineBytesMax) continue;
    yield single(rest[0] as Buffer, offset, false, false);
    offset += restBytes;
    rest = [];
    restBytes = 0;
    cut = true;
  }
  if (restBytes > 0) yield single(Buffer.concat(rest), offset, !cut, false);
}

function grown(ends: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * ends.length);
  larger.set(ends);
  return larger;
}
