// How a request with evidence is met, the same for the audit webhook and the receiver: is there such a path, who sends, may he, is the
// body one that can be read; then it is taken, and answered once it is safe. Beside it the paths for probes and for Prometheus.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Access, Peer } from './access.ts';
import { BodyError, declaredBytes, drain, readBody } from './body.ts';

/** What becomes of a request. */
export interface Answer {
  status: 200 | 400 | 413 | 503;
  /** For the person who reads the sender's log; of a 200 a document. */
  text?: string;
}

/** What stands behind the door: the webhook, or the receiver. */
export interface Service {
  /** Of its metrics: `vestige_NAME_...`. */
  name: string;
  paths: readonly string[];
  /** What bodies must be, when they must be anything. */
  contentType?: string;
  bodyBytesMax: number;
  /** Called for a request of somebody known, once. What it throws is answered 500, BodyError as it should be. */
  take: (body: AsyncIterable<Buffer>, peer: Peer, request: IncomingMessage) => Promise<Answer>;
  /** Told when a body is refused for its size. */
  onTooLarge?: (declared: number | undefined) => void;
  /** Why nothing can be taken at the moment. */
  trouble: () => string | undefined;
  /** Further lines of /metrics, by what stands behind `vestige_NAME_`. */
  metrics: () => Readonly<Record<string, number>>;
}

export interface IntakeOptions {
  access: Access;
  /** Heard of the connection of every request that is let in. */
  onKnown: (socket: Socket) => void;
  say: (text: string) => void;
}

// client-go waits that long and sends again up to ten times, before its webhook backs off for ten seconds and more.
const RETRY_AFTER_SECONDS = '1';
// Of a body that is not wanted: as much as a careless sender has on its way, and of one we know, all that it may have meant to send.
const DRAINED_BYTES_MAX = { stranger: 1 << 20, known: 64 << 20 };
const DRAIN_MS_MAX = 5000;
// A stranger who knocks on and on gets a line a minute.
const SAY_EVERY_MS = 60_000;

export function createIntake(service: Service, { access, onKnown, say }: IntakeOptions): RequestListener {
  const { name, paths, contentType, bodyBytesMax, take, trouble } = service;
  const answered = new Map<number, number>();
  const refused = createRefusalLog(name, say);

  const answer = (response: ServerResponse, status: number, text = '', headers: Record<string, string> = {}) => {
    if (response.destroyed || response.headersSent) return;
    answered.set(status, (answered.get(status) ?? 0) + 1);
    const type = text.startsWith('{') ? 'application/json' : 'text/plain; charset=utf-8';
    const retry = status === 503 ? { 'retry-after': RETRY_AFTER_SECONDS } : {};
    response.writeHead(status, {
      ...{ 'content-type': type, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' },
      ...{ ...retry, ...headers },
    });
    response.end(text);
  };
  /** Of a request whose body, if any, is not wanted. @param known whether it comes from somebody we know */
  const refuse = async (
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    text: string,
    { known = false, headers = {} }: { known?: boolean; headers?: Record<string, string> } = {},
  ) => {
    const hasBody = !isWaiting(request) && (declaredBytes(request) !== 0 || 'transfer-encoding' in request.headers);
    if (hasBody) await drain(request, known ? DRAINED_BYTES_MAX.known : DRAINED_BYTES_MAX.stranger, DRAIN_MS_MAX);
    if (!known || !request.complete) response.setHeader('connection', 'close');
    answer(response, status, text, headers);
  };

  const post = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const admission = access(request);
    if (!admission.admitted) {
      refused(request, admission.reason);
      const headers: Record<string, string> = admission.status === 401 ? { 'www-authenticate': 'Bearer' } : {};
      return refuse(request, response, admission.status, admission.detail, { headers });
    }
    onKnown(request.socket);
    if (contentType !== undefined && request.headers['content-type'] !== contentType)
      return refuse(request, response, 415, `a body of type ${contentType}`, { known: true });
    try {
      const begin = () => (isWaiting(request) ? response.writeContinue() : undefined);
      const { status, text = '' } = await take(readBody(request, bodyBytesMax, begin), admission.peer, request);
      if (request.complete) return answer(response, status, text);
      return await refuse(request, response, status, text, { known: true });
    } catch (error) {
      const { status, text } = statusOf(error);
      if (status === 413) service.onTooLarge?.(declaredBytes(request));
      if (status === 500) say(`${name}: ${text}`);
      return refuse(request, response, status, text, { known: true });
    }
  };
  const metrics = (): string => {
    const lines = [`# TYPE vestige_${name}_requests_total counter`];
    for (const [status, n] of answered) lines.push(`vestige_${name}_requests_total{status="${status}"} ${n}`);
    for (const [reason, n] of refused.counts) lines.push(`vestige_${name}_refused_total{reason="${reason}"} ${n}`);
    for (const [metric, n] of Object.entries(service.metrics())) lines.push(`vestige_${name}_${metric} ${n}`);
    return `${lines.join('\n')}\n`;
  };
  const get = (path: string, response: ServerResponse): boolean => {
    if (path === '/healthz') answer(response, 200, 'ok');
    else if (path === '/readyz') answer(response, trouble() === undefined ? 200 : 503, trouble() ?? 'ok');
    else if (path === '/metrics') answer(response, 200, metrics());
    else return false;
    return true;
  };
  const meet = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    if (request.method === 'GET' && get(path, response)) return;
    if (!paths.includes(path)) return refuse(request, response, 404, 'there is nothing here');
    if (request.method === 'POST') return post(request, response);
    return refuse(request, response, 405, 'POST', { headers: { allow: 'POST' } });
  };
  return (request, response) => {
    request.on('error', () => undefined); // a sender that goes away is no failure of ours
    response.on('error', () => undefined);
    meet(request, response).catch((error: unknown) => {
      say(`${name}: ${String(error)}`);
      request.socket.destroy();
    });
  };
}

const isWaiting = (request: IncomingMessage): boolean =>
  request.headers.expect?.toLowerCase() === '100-continue' && !request.readableDidRead;

function statusOf(error: unknown): { status: number; text: string } {
  if (!(error instanceof BodyError)) return { status: 500, text: String(error) };
  const status = { encoding: 415, 'too-large': 413, damaged: 400, gone: 400 }[error.code];
  return { status, text: error.message };
}

/** Counts by reason, and tells of the first of each minute. */
function createRefusalLog(name: string, say: (text: string) => void) {
  const counts = new Map<string, number>();
  let saidAt = Number.NEGATIVE_INFINITY;
  const note = (request: IncomingMessage, reason: string) => {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const now = performance.now();
    if (now - saidAt < SAY_EVERY_MS) return;
    saidAt = now;
    const so = [...counts].map(([why, n]) => `${n} for their ${why}`).join(', ');
    say(`${name}: requests refused so far: ${so}; the last from ${request.socket.remoteAddress}`);
  };
  return Object.assign(note, { counts });
}
