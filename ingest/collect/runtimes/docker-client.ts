// The Docker Engine API over its unix socket, with Node's own HTTP: answers and lines of the stream of events byte for byte.
// Specification: https://docs.docker.com/reference/api/engine/
import { type IncomingMessage, request } from 'node:http';
import { LINE_BYTES_MAX } from '../../frame/lines.ts';

/** A look-up takes some milliseconds; a daemon that removes many containers answers after seconds. */
const ANSWER_MS_MAX = 30_000;
const NEWLINE = 0x0a;

type DockerErrorCode =
  /** What was asked for is not there (any more). */
  | 'not-found'
  /** The daemon ended what should go on. */
  | 'unavailable'
  /** It answers with another error. */
  | 'refused'
  /** Longer than a record may be. */
  | 'too-large';

export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly code: DockerErrorCode;
  readonly retriable: boolean;
  constructor(code: DockerErrorCode, message: string) {
    super(message);
    this.code = code;
    this.retriable = code === 'unavailable';
  }
}

export interface DockerClient {
  /** The body of an answer, without the newline at its end. @throws DockerError, or Node's error of the connection */
  get(path: string): Promise<Buffer>;
  /**
   * Hands on each line in the moment it comes; never resolves.
   * @throws DockerError when the daemon ends the stream, or Node's error of the connection
   */
  follow(path: string, onOpen: () => void, onLine: (line: Buffer) => void, signal: AbortSignal): Promise<never>;
}

/** @param closed ends all that goes on */
export function createDockerClient(socketPath: string, closed: AbortSignal): DockerClient {
  const ask = (path: string, signal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((done, failed) => {
      request({ socketPath, path, headers: { host: 'docker' }, agent: false, signal }, (answer) => {
        if (answer.statusCode === 200) return done(answer);
        answer.destroy();
        const code = answer.statusCode === 404 ? 'not-found' : 'refused';
        failed(new DockerError(code, `${path}: HTTP ${answer.statusCode}`));
      })
        .on('error', failed)
        .end();
    });
  return {
    async get(path) {
      const late = new AbortController();
      const abort = () => late.abort();
      const timer = setTimeout(abort, ANSWER_MS_MAX);
      closed.addEventListener('abort', abort);
      if (closed.aborted) abort();
      try {
        return await bodyOf(await ask(path, late.signal), path);
      } finally {
        clearTimeout(timer);
        closed.removeEventListener('abort', abort);
      }
    },
    async follow(path, onOpen, onLine, signal) {
      const answer = await ask(path, AbortSignal.any([signal, closed]));
      onOpen();
      const cut = createLineCutter(onLine);
      await new Promise((done, failed) => {
        answer.on('data', cut).on('end', done).on('error', failed);
      });
      throw new DockerError('unavailable', `${path}: the stream of events has ended`);
    },
  };
}

async function bodyOf(answer: AsyncIterable<Buffer>, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes > LINE_BYTES_MAX) throw new DockerError('too-large', `${path}: more than ${LINE_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return body.at(-1) === NEWLINE ? body.subarray(0, -1) : body;
}

/** What is longer than a record may be is handed on in pieces. */
export function createLineCutter(onLine: (line: Buffer) => void, lineBytesMax = LINE_BYTES_MAX) {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const give = (end: Buffer) => {
    const line = heldBytes === 0 ? end : Buffer.concat([...held, end]);
    held = [];
    heldBytes = 0;
    if (line.length > 0) onLine(line);
  };
  return (chunk: Buffer): void => {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      give(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from === chunk.length) return;
    held.push(chunk.subarray(from));
    heldBytes += chunk.length - from;
    if (heldBytes >= lineBytesMax) give(Buffer.alloc(0));
  };
}
