// A listening socket for the API and the page, on loopback.
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

export interface ApiServer {
  /** With a trailing slash. */
  url: string;
  close(): Promise<void>;
}

/** @throws the error of listen (EADDRINUSE, EACCES) */
export async function openServer(api: Hono, { host, port }: { host: string; port: number }): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: api.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${chosen}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // browsers keep connections open; what is being answered is answered within moments or not at all
        if ('closeIdleConnections' in server) server.closeIdleConnections();
        if ('closeAllConnections' in server) setTimeout(() => server.closeAllConnections(), 500).unref();
      }),
  };
}
