// vestige up: the store, the API and the page in one process, until it is told to stop.
import { type Command, InvalidArgumentError } from 'commander';
import type { Store } from '../../analytics/store/store.ts';
import { createDeliveryLoader } from '../../ingest/load/delivery-loader.ts';
import { openReceiver } from '../../ingest/transport/https/receiver-server.ts';
import { HttpsSetupError } from '../../ingest/transport/https/setup-error.ts';
import { createApi } from '../../web/api/create-api.ts';
import { type ApiServer, openServer } from '../../web/api/server.ts';
import { CommandError, type Context, EXIT } from '../context.ts';

const PORT_DEFAULT = 8420;
// enough for a few investigations side by side on one machine
const PORTS_TRIED = 20;
const loopback = ['127.0.0.1', '::1', 'localhost'];

interface Options {
  port?: number;
  host: string;
  receive?: { host: string; port: number };
  tlsCert?: string;
  tlsKey?: string;
  clientCa?: string;
  tokenFile?: string[];
}

export function registerUp(program: Command, context: Context): void {
  program
    .command('up')
    .description('serve the page and its API from the store, on this machine only')
    .option('--port <number>', `port (default: ${PORT_DEFAULT} or the next that is free; 0: any)`, parsePort)
    .option('--host <address>', 'loopback address to listen on', '127.0.0.1')
    .option(
      '--receive <host:port>',
      'take records of collectors here, over HTTPS (collect --to https://...)',
      parseAddress,
    )
    .option('--tls-cert <file>', 'certificate of the receiver, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--client-ca <file>', 'collectors must have a certificate of this authority')
    .option('--token-file <file...>', 'collectors must have one of these bearer tokens, one a line')
    .addHelpText(
      'after',
      `
Examples:
  vestige up
  vestige --store embedded:./case-42 up --port 9000
  vestige up --receive :8443 --tls-cert tls.crt --tls-key tls.key --token-file tokens`,
    )
    .action(async (options: Options) => {
      await context.withStore('vestige up', async (store) => {
        const receiver = await receive(store, context, options);
        const { closed } = await serve(store, context, options);
        await closed;
        await receiver?.close();
      });
    });
}

/** Takes records of collectors into the store, where it was asked for. */
async function receive(
  store: Store,
  context: Context,
  options: Options,
): Promise<{ close(): Promise<void> } | undefined> {
  const { receive: at, tlsCert: cert, tlsKey: key, clientCa, tokenFile } = options;
  if (at === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new CommandError(EXIT.usage, '--receive needs --tls-cert and --tls-key: evidence travels over https');
  const loader = await createDeliveryLoader(store);
  try {
    const server = await openReceiver({
      ...at,
      tls: { cert, key, ...(clientCa === undefined ? {} : { clientCa }) },
      ...(tokenFile === undefined ? {} : { tokenFiles: tokenFile }),
      loader,
      say: (text) => context.say(`vestige: ${text}`),
    });
    context.stdout.write(`Collectors send to ${new URL(server.url).origin}\n`);
    return {
      close: async () => {
        await server.close();
        await loader.close();
      },
    };
  } catch (error) {
    await loader.close();
    if (error instanceof HttpsSetupError) throw new CommandError(EXIT.usage, error.message);
    throw error;
  }
}

/** Serves until context.stop; resolves once the page answers, `closed` once it no longer does. */
export async function serve(
  store: Store,
  context: Context,
  { port, host }: { port?: number; host: string },
): Promise<{ url: string; closed: Promise<void> }> {
  if (!loopback.includes(host)) {
    throw new CommandError(EXIT.usage, `--host ${host}: the page has no password and is served on loopback only`);
  }
  const api = createApi({
    now: context.now,
    store,
    pageDirectory: context.pageDirectory,
    say: (text) => context.say(`vestige: ${text}`),
  });
  const listen = (at: number) => openServer(api, { host, port: at });
  const server = port === undefined ? await listenNear(listen, context) : await listenAt(listen, port);
  context.stdout.write(`Vestige is at ${server.url}\n`);
  const closed = stopped(context.stop).then(() => server.close());
  return { url: server.url, closed };
}

async function listenAt(listen: (port: number) => Promise<ApiServer>, port: number): Promise<ApiServer> {
  try {
    return await listen(port);
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new CommandError(EXIT.failed, `port ${port} is in use; without --port a free one is found`);
  }
}

async function listenNear(listen: (port: number) => Promise<ApiServer>, context: Context): Promise<ApiServer> {
  for (let port = PORT_DEFAULT; port < PORT_DEFAULT + PORTS_TRIED; port++) {
    try {
      return await listen(port);
    } catch (error) {
      if (!isTaken(error)) throw error;
      context.say(`vestige: port ${port} is in use, trying ${port + 1}`);
    }
  }
  throw new CommandError(EXIT.failed, `no free port from ${PORT_DEFAULT} on; name one with --port`);
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function parseAddress(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (port === '') throw new InvalidArgumentError('host:port, or :port for all addresses');
  return { host: host === '' ? '0.0.0.0' : host.replace(/^\[|\]$/g, ''), port: parsePort(port) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new InvalidArgumentError('a number from 0 to 65535');
  return port;
}
