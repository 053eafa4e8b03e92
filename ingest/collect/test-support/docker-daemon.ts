// A server that answers like the Docker daemon on its unix socket: events with its memory of 256, inspect documents given by the test.
// Docker runs on no machine of these tests: this is the stand-in for it.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';

const REMEMBERED = 256;

interface Told {
  line: string;
  ns: bigint;
}

export function createDockerDaemon(socket: string) {
  const containers = new Map<string, string>();
  const images = new Map<string, string>();
  const asked: string[] = [];
  const open = new Set<ServerResponse>();
  let remembered: Told[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://docker');
    asked.push(url.pathname + url.search);
    if (url.pathname === '/events') return follow(url.searchParams.get('since'), response);
    const body = answerTo(url.pathname);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(body === undefined ? '{"message":"no such thing"}\n' : `${body}\n`);
  });

  function follow(since: string | null, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const [seconds = '0', fraction = ''] = (since ?? '0').split('.');
    const from = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    if (since !== null) for (const { line, ns } of remembered) if (ns >= from) response.write(`${line}\n`);
    open.add(response);
    response.on('close', () => open.delete(response));
  }

  function answerTo(path: string): string | undefined {
    if (path === '/_ping') return 'OK';
    if (path === '/containers/json')
      return JSON.stringify([...containers.keys()].map((Id) => ({ Id, Image: 'x', State: 'running' })));
    const [, kind, id = ''] = /^\/(containers|images)\/(.+)\/json$/.exec(path) ?? [];
    return (kind === 'images' ? images : containers).get(decodeURIComponent(id));
  }

  return {
    containers,
    images,
    /** Paths, in order. */
    asked,
    /** An event as the daemon writes it. */
    tell(line: string): void {
      const ns = BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0);
      remembered = [...remembered, { line, ns }].slice(-REMEMBERED);
      for (const response of open) response.write(`${line}\n`);
    },
    async start(): Promise<void> {
      server.listen(socket);
      await once(server, 'listening');
    },
    /** The connections end; what happened is still remembered. */
    drop(): void {
      for (const response of open) response.destroy();
    },
    /** As if killed: it remembers nothing. */
    async stop(): Promise<void> {
      remembered = [];
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(socket, { force: true });
    },
  };
}
