// An HTTPS server with a service behind it: who may come in by certificate, token or both, then the service.
import type { RequestListener } from 'node:http';
import { createAccess, requireAccess } from './access.ts';
import { type HttpsServer, openHttpsServer, type TlsFiles } from './https-server.ts';
import { createIntake, type Service } from './intake.ts';
import { followTokens } from './tokens.ts';

export interface IntakeServerOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Paths of PEM files, read again when they change. With `clientCa`, clients need a certificate of it. */
  tls: TlsFiles;
  /** Common or alternative names, one of which the certificate of a client must have; none: any of the authority. */
  clientNames?: readonly string[];
  /** Files of bearer tokens, one a line, read again when they change. With them and `clientCa`, clients need both. */
  tokenFiles?: readonly string[];
  /** Nobody is asked who he is: for tries on a loopback address. */
  insecureLoopback?: boolean;
  /** How often files are looked at. */
  filesEveryMs?: number;
  /** Between the first and the last byte of a request. */
  requestTimeoutMs?: number;
  connectionsMax?: number;
}

export interface IntakeServer {
  readonly port: number;
  /** `host:port`, as it stands in a URL. */
  readonly address: string;
  /** Answers what has begun, not longer than `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * @param open makes the service once the address is known
 * @throws HttpsSetupError
 */
export async function openIntake(
  options: IntakeServerOptions,
  say: (text: string) => void,
  open: (address: string) => Service,
): Promise<IntakeServer> {
  const { host, tls, insecureLoopback = false, tokenFiles = [], clientNames = [], filesEveryMs } = options;
  const following = { say, ...(filesEveryMs === undefined ? {} : { everyMs: filesEveryMs }) };
  const tokens = tokenFiles.length === 0 ? undefined : followTokens(tokenFiles, following);
  const rights = { certificates: tls.clientCa !== undefined, names: clientNames, ...(tokens ? { tokens } : {}) };
  let server: HttpsServer | undefined;
  try {
    requireAccess(rights, host, insecureLoopback);
    let handle: RequestListener = (_, response) => void response.destroy();
    server = await openHttpsServer({ ...options, say, handle: (request, response) => handle(request, response) });
    const { port, connections, trust, close } = server;
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const service = open(address);
    const metrics = () => ({ ...service.metrics(), connections: connections() });
    handle = createIntake({ ...service, metrics }, { access: createAccess(rights), onKnown: trust, say });
    return {
      ...{ port, address },
      close: async (graceMs) => {
        await close(graceMs);
        tokens?.stop();
      },
    };
  } catch (error) {
    tokens?.stop();
    await server?.close(0);
    throw error;
  }
}
