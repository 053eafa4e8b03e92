// The body of a request as bounded chunks, inflated where it came compressed. Nothing here holds a body: whoever reads it says how much
// is kept, and a slow reader slows the sender.
import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';

type BodyErrorCode =
  /** An encoding we do not read. */
  | 'encoding'
  /** Longer than may be, compressed or inflated. */
  | 'too-large'
  /** The compressed bytes do not inflate. */
  | 'damaged'
  /** The sender went away, or was too slow. */
  | 'gone';

export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly code: BodyErrorCode;
  constructor(code: BodyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

// A chunk of TLS is 16 KiB; inflated, steps larger than zlib's own cost fewer turns of the loop, and bound what a bomb yields at once.
const INFLATED_CHUNK_BYTES = 64 * 1024;

/** What a header says; undefined for a body sent in chunks. */
export function declaredBytes(request: IncomingMessage): number | undefined {
  const text = request.headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

export function isCompressed(request: IncomingMessage): boolean {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return false;
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  throw new BodyError('encoding', `content-encoding ${encoding} is not read: gzip or none`);
}

/**
 * May be left before its end: the request then is as it was, and its rest is to be drained or its connection closed.
 * @param begin called when nothing speaks against the body so far
 * @throws BodyError
 */
export async function* readBody(
  request: IncomingMessage,
  bytesMax: number,
  begin: () => void = () => undefined,
): AsyncGenerator<Buffer> {
  const tooLarge = () => new BodyError('too-large', `a body of more than ${bytesMax} bytes`);
  const compressed = isCompressed(request);
  if ((declaredBytes(request) ?? 0) > bytesMax) throw tooLarge();
  begin();
  let bytes = 0;
  for await (const chunk of compressed ? inflate(request) : chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    yield chunk;
  }
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new BodyError('gone', (cause as Error).message, { cause });
  }
}

async function* inflate(request: IncomingMessage): AsyncGenerator<Buffer> {
  const unzip = createGunzip({ chunkSize: INFLATED_CHUNK_BYTES });
  let gone: unknown;
  const leave = () => {
    if (request.complete) return;
    gone = new Error('aborted');
    unzip.destroy();
  };
  const fail = (cause: unknown) => {
    gone = cause;
    unzip.destroy();
  };
  request.once('close', leave).once('error', fail);
  request.pipe(unzip);
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (cause) {
    if (gone !== undefined) throw new BodyError('gone', (gone as Error).message, { cause: gone });
    throw new BodyError('damaged', `not gzip: ${(cause as Error).message}`, { cause });
  } finally {
    request.off('close', leave).off('error', fail).unpipe(unzip);
    unzip.destroy();
  }
}

/** Reads what is still coming and drops it, so that an early answer is read and not lost in a reset; not for ever, and not all of it. */
export function drain(request: IncomingMessage, bytesMax: number, msMax: number): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = bytesMax;
    const done = () => {
      clearTimeout(timer);
      request.off('data', count).off('end', done).off('close', done).off('error', done);
      request.on('error', () => undefined);
      resolve();
    };
    const count = (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) done();
    };
    const timer = setTimeout(done, msMax);
    request.on('data', count).once('end', done).once('close', done).once('error', done).resume();
  });
}
