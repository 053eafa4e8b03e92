// The sink that delivers to a receiver: a batch is the body of one request, its frames those of the spool, and is safe when the answer
// says how many records are in the store.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { encodeEntry } from '../../spool/entry.ts';
import { type Sink, SinkError } from '../sink.ts';
import { type Followed, followFiles } from './follow-files.ts';
import { FRAMES_TYPE } from './protocol.ts';
import { parseSinkAddress, type SinkAddress } from './sink-address.ts';

export interface HttpsSinkOptions {
  /** The bearer token at this moment; undefined when there is none. */
  token?: () => string | undefined;
  say: (text: string) => void;
  /** How often files of certificates are looked at. */
  filesEveryMs?: number;
  timeoutMs?: number;
}

// Connecting, sending, a load, and the load before it; then the batch is sent again.
const TIMEOUT_MS = 60_000;
// A receiver that asks for more is asked before that whether it still wants it.
const RETRY_AFTER_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 64 * 1024;
// Audit records shrink to a tenth at the first level, for 3 to 5 ms of processor time a megabyte; the sixth costs twice that for a quarter less.
const GZIP_LEVEL = 1;

const Received = z.object({ received: z.number() });
const compress = promisify(gzip) as (bytes: Buffer, options: { level: number }) => Promise<Buffer>;

interface Answered {
  status: number;
  retryAfterMs: number;
  text: string;
}

/** @throws HttpsSetupError when the address is none, or a file cannot be read */
export function createHttpsSink(address: string, options: HttpsSinkOptions): Sink {
  const to = parseSinkAddress(address);
  const agents = followAgent(to, options);
  const { token = () => undefined, timeoutMs = TIMEOUT_MS } = options;
  // on this host bytes cost less than compressing them
  const isPlain = to.url.protocol === 'http:';
  let notBefore = 0;
  const stop = new AbortController();

  return {
    address: to.shown,
    send: async (batch) => {
      if (batch.length === 0) return;
      const waitMs = notBefore - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
      const frames = Buffer.concat(batch.map(encodeEntry));
      const body = isPlain ? frames : await compress(frames, { level: GZIP_LEVEL });
      const bearer = token();
      const headers: OutgoingHttpHeaders = {
        ...{ 'content-type': FRAMES_TYPE, 'content-length': body.length },
        ...(isPlain ? {} : { 'content-encoding': 'gzip' }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      };
      const answered = await post(to.url, agents.current(), { headers, body, timeoutMs, signal: stop.signal });
      notBefore = performance.now() + answered.retryAfterMs;
      judge(answered, batch.length);
    },
    close: async () => {
      stop.abort();
      agents.stop();
      agents.current().destroy();
    },
  };
}

/** @throws SinkError unless the answer says that the store has them all */
function judge({ status, text }: Answered, records: number): void {
  const told = `answered ${status}: ${text.slice(0, 200)}`;
  if (status === 413) throw new SinkError('too-large', told);
  // what is not 200 and not the receiver's own trouble is somebody else, or somebody who does not know us
  if (status !== 200) throw new SinkError(status >= 500 || MENDS_ITSELF.has(status) ? 'unavailable' : 'refused', told);
  if (receivedOf(text) !== records)
    throw new SinkError('refused', `answered 200, but not as a receiver of Vestige does: ${text.slice(0, 200)}`);
}

/** Damaged on the way, too slow, too many. */
const MENDS_ITSELF: ReadonlySet<number> = new Set([400, 408, 425, 429]);

function receivedOf(text: string): number | undefined {
  try {
    return Received.parse(JSON.parse(text)).received;
  } catch {
    return undefined;
  }
}

function followAgent({ url, files }: SinkAddress, { say, filesEveryMs }: HttpsSinkOptions): Followed<HttpAgent> {
  const settings = { keepAlive: true, maxSockets: 4 };
  if (url.protocol === 'http:') {
    const agent = new HttpAgent(settings);
    return { current: () => agent, stop: () => undefined };
  }
  const names = (['ca', 'cert', 'key'] as const).filter((name) => files[name] !== undefined);
  const paths = names.map((name) => files[name] as string);
  const toAgent = (contents: Buffer[]) => {
    const given = Object.fromEntries(names.map((name, i) => [name, contents[i]]));
    return new HttpsAgent({ ...settings, ...given, minVersion: 'TLSv1.2' });
  };
  // the former one's connections end when they were idle for long enough; what is on its way there is finished
  return followFiles(paths, toAgent, { say, ...(filesEveryMs === undefined ? {} : { everyMs: filesEveryMs }) });
}

interface Sending {
  headers: OutgoingHttpHeaders;
  body: Buffer;
  timeoutMs: number;
  signal: AbortSignal;
}

/** @throws SinkError */
async function post(url: URL, agent: HttpAgent, sending: Sending): Promise<Answered> {
  for (let again = false; ; again = true) {
    try {
      return await postOnce(url, agent, sending);
    } catch (error) {
      // the other end closed a kept connection at the moment we used it
      if (error instanceof StaleConnection && !again) continue;
      const cause = error instanceof StaleConnection ? error.cause : error;
      throw new SinkError(isOfTrust(cause) ? 'refused' : 'unavailable', (cause as Error).message, { cause });
    }
  }
}

class StaleConnection extends Error {}

function postOnce(url: URL, agent: HttpAgent, { headers, body, timeoutMs, signal }: Sending): Promise<Answered> {
  const ask = url.protocol === 'http:' ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    const request = ask(url, { method: 'POST', agent, headers, signal }, (response) => {
      read(response).then(resolve, reject);
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once('close', () => clearTimeout(timer));
    request.once('error', (cause: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
      reject(isStale ? new StaleConnection(cause.message, { cause }) : cause);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Answered> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    parts.push(chunk);
  }
  const seconds = Number(response.headers['retry-after'] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, RETRY_AFTER_MS_MAX) : 0;
  return { status: response.statusCode ?? 0, retryAfterMs, text: Buffer.concat(parts).toString() };
}

// Codes of OpenSSL for a chain that is not to be trusted (Node: "X509 certificate error codes"), EPROTO where no TLS is spoken, and what begins the codes of Node for a
// wrong name, and of OpenSSL for an alert: the other end does not trust us.
const UNTRUSTED: ReadonlySet<string> = new Set([
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'INVALID_CA', 'INVALID_PURPOSE', 'HOSTNAME_MISMATCH'],
  ...['PATH_LENGTH_EXCEEDED', 'EPROTO'],
]);

function isOfTrust(cause: unknown): boolean {
  const code = String((cause as NodeJS.ErrnoException)?.code ?? '');
  return UNTRUSTED.has(code) || /^(CERT_|ERR_TLS_CERT|ERR_SSL_)/.test(code);
}
