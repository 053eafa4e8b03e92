// Bytes of a file to lines with their offsets: the first stage of an import. Memory is bounded by the longest line kept.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { createZstdReader, isZstd } from './zstd.ts';

export interface Line {
  /** Without its newline; a carriage return before it stays, for it was received. */
  bytes: Buffer;
  /** Offset of the first byte in the uncompressed stream. */
  offset: number;
  /** False for a piece of a line that was too long to hold; the pieces follow one another. */
  whole: boolean;
  /** A newline follows. False for the last line of a file without one, and for a piece that is not the last of its line. */
  ended: boolean;
}

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

/**
 * Lines of a stream, as many at once as a chunk ends; the last one may lack its newline. Empty lines come too: their bytes
 * are accounted for. Lines lie in the chunk they came in.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, lineBytesMax = LINE_BYTES_MAX): AsyncIterable<Line[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let offset = 0;
  let cut = false;
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let to = chunk.indexOf(10); to !== -1; to = chunk.indexOf(10, from)) {
      const bytes = restBytes === 0 ? chunk.subarray(from, to) : Buffer.concat([...rest, chunk.subarray(from, to)]);
      lines.push({ bytes, offset, whole: !cut, ended: true });
      offset += bytes.length + 1;
      rest = [];
      restBytes = 0;
      cut = false;
      from = to + 1;
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
    }
    if (restBytes > lineBytesMax) {
      lines.push({ bytes: Buffer.concat(rest), offset, whole: false, ended: false });
      offset += restBytes;
      rest = [];
      restBytes = 0;
      cut = true;
    }
    if (lines.length > 0) yield lines;
  }
  if (restBytes > 0) yield [{ bytes: Buffer.concat(rest), offset, whole: !cut, ended: false }];
}
