// The HTTPS server below the audit webhook and the receiver: node:https with bounds on all that a stranger can take, certificates that
// are read again when their files change, and an end that answers what it has begun.

import { constants, X509Certificate } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { followFiles } from './follow-files.ts';
import { HttpsSetupError } from './setup-error.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Authorities whose certificates clients may have. */
  clientCa?: string;
}

export interface HttpsServerOptions {
  host: string;
  /** 0: any. */
  port: number;
  tls: TlsFiles;
  handle: RequestListener;
  say: (text: string) => void;
  /** How often files of certificates are looked at. */
  filesEveryMs?: number;
  /** Between the first and the last byte of a request. */
  requestTimeoutMs?: number;
  connectionsMax?: number;
}

export interface HttpsServer {
  readonly port: number;
  connections(): number;
  /** From now on the connection is of somebody known, and no longer makes way for others. */
  trust(socket: Socket): void;
  /** Answers what has begun, not longer than `graceMs`. */
  close(graceMs: number): Promise<void>;
}

// An API server gives up a request after 30 s (k8s.io/apiserver, defaultRequestTimeout).
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
// How late a timeout may strike; 30 s by Node's default.
const LOOK_EVERY_MS = 1000;
// Go's clients leave a connection after 90 idle seconds; who closes first while the other sends breaks a request.
const KEEP_ALIVE_MS = 120_000;
// Ten API servers, each with the 25 idle connections that client-go keeps; a connection costs some 50 KB.
const CONNECTIONS_MAX = 256;
// A peer that lost its power says no farewell: TCP asks after it.
const TCP_KEEP_ALIVE_MS = 30_000;

/** @throws HttpsSetupError */
export async function openHttpsServer(options: HttpsServerOptions): Promise<HttpsServer> {
  const { host, port, tls, handle, say, filesEveryMs, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const paths = [tls.cert, tls.key, ...(tls.clientCa === undefined ? [] : [tls.clientCa])];
  let closing = false;
  let authority = '';
  // connections that were opened before the authority of clients changed: their certificates were checked against the former one
  let generation = 0;
  const born = new WeakMap<Socket, number>();
  const unanswered = new Set<ServerResponse>();
  /** Nothing more comes over connections that are open now. */
  const leaveConnections = () => {
    for (const response of unanswered) if (!response.headersSent) response.setHeader('connection', 'close');
    server.closeIdleConnections();
  };

  const files = followFiles(paths, toContext, {
    ...{ say, ...(filesEveryMs === undefined ? {} : { everyMs: filesEveryMs }) },
    onChange: (context) => {
      server.setSecureContext(context);
      if (String(context.ca) === authority) return;
      authority = String(context.ca);
      generation++;
      leaveConnections();
    },
  });
  authority = String(files.current().ca);
  const server = createServer(
    {
      ...files.current(),
      requestCert: tls.clientCa !== undefined,
      rejectUnauthorized: false, // a probe has no certificate: requests are judged, not connections (access.ts)
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      connectionsCheckingInterval: LOOK_EVERY_MS,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      noDelay: true,
    },
    (request, response) => {
      unanswered.add(response);
      response.once('close', () => unanswered.delete(response));
      if (closing || born.get(request.socket) !== generation) response.setHeader('connection', 'close');
      handle(request, response);
    },
  );
  // who waits for a "100 continue" is told only once its body is wanted: whoever reads the body does
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  const door = keepDoor(server, options.connectionsMax ?? CONNECTIONS_MAX);
  server.on('secureConnection', (socket) => born.set(socket, generation));
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBroken(error, socket));

  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  } catch (cause) {
    files.stop();
    throw new HttpsSetupError('address', `${host}:${port}: ${(cause as Error).message}`, { cause });
  }
  server.on('error', (error) => say(`${host}:${port}: ${error.message}`));
  return {
    port: (server.address() as AddressInfo).port,
    connections: door.count,
    trust: door.trust,
    close: (graceMs) => {
      closing = true;
      files.stop();
      const ended = end(server, graceMs);
      leaveConnections();
      door.dismiss(new Set(Array.from(unanswered, ({ req }) => req.socket)));
      return ended;
    },
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @throws Error when they are no certificate, its key and no authority */
function toContext([cert, key, ca]: Buffer[]): SecureContextOptions {
  const context: SecureContextOptions = {
    ...{ cert, key, ...(ca === undefined ? {} : { ca }) },
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  createSecureContext(context); // which takes an authority that is none, and then trusts nobody
  const authorities = ca?.toString('latin1').match(CERTIFICATE) ?? [];
  if (ca !== undefined && authorities.length === 0) throw new Error('the file of authorities holds no certificate');
  for (const authority of authorities) new X509Certificate(authority);
  return context;
}

/** The bound on connections. Where it is reached, the oldest of somebody unknown makes way: strangers lock nobody out. */
function keepDoor(server: Server, connectionsMax: number) {
  // a socket below TLS and the one above it are two objects: both have the address
  const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress}:${remotePort}`;
  const strangers = new Map<string, Socket>();
  let count = 0;
  server.on('connection', (duplex) => {
    const socket = duplex as Socket; // of a server that listens on an address
    const name = nameOf(socket);
    if (count >= connectionsMax) {
      const [oldest] = strangers;
      if (oldest === undefined) return socket.destroy();
      strangers.delete(oldest[0]);
      oldest[1].destroy();
    }
    count++;
    strangers.set(name, socket);
    socket.once('close', () => {
      count--;
      if (strangers.get(name) === socket) strangers.delete(name);
    });
    return undefined;
  });
  return {
    count: () => count,
    trust: (socket: Socket) => void strangers.delete(nameOf(socket)),
    /** Ends all of somebody unknown that have asked nothing yet. */
    dismiss: (asking: ReadonlySet<Socket>) => {
      const names = new Set(Array.from(asking, nameOf));
      for (const [name, socket] of strangers) if (!names.has(name)) socket.destroy();
    },
  };
}

const BROKEN: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = BROKEN[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function end(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
  });
}
