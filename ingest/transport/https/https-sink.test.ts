// What a sink makes of answers, and of ends that give none: whether the same batch goes again, in halves, or an operator has to do something.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Sink } from '../sink.ts';
import { createHttpsSink, type HttpsSinkOptions } from './https-sink.ts';
import { parseSinkAddress } from './sink-address.ts';
import { createAuthority, type Issued } from './test-support/certificates.ts';
import { framesOf, recordOf } from './test-support/records.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-sink-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const authority = createAuthority(directory);
const good = authority.issue('receiver', ['IP:127.0.0.1']);
const BATCH = [recordOf('{"a":1}'), recordOf('{"b":2}')];

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

async function listen(server: TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const bodyOf = async (request: AsyncIterable<Buffer>): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
};

/** Somebody at the other end who answers as told. */
async function answering(listener: RequestListener, own: Issued | 'http' = good): Promise<number> {
  const server =
    own === 'http'
      ? createHttp(listener)
      : createHttps({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, listener);
  const port = await listen(server);
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return port;
}
const saying =
  (status: number, text = '', headers: Record<string, string> = {}): RequestListener =>
  async (request, response) => {
    await bodyOf(request);
    response.writeHead(status, headers).end(text);
  };
const RECEIVED = JSON.stringify({ received: 2, records: 2, duplicates: 0, dead_letters: 0 });

function sinkTo(port: number, options: Partial<HttpsSinkOptions> & { ca?: string } = {}): Sink {
  const { ca = authority.ca, ...rest } = options;
  const sink = createHttpsSink(`https://127.0.0.1:${port}?ca=${ca}`, { say: () => undefined, ...rest });
  open.push(() => void sink.close());
  return sink;
}

describe('a sink', () => {
  it('sends frames, compressed, and who it is', async () => {
    let heard: { body: Buffer; headers: unknown; path: string | undefined } | undefined;
    const port = await answering(async (request, response) => {
      heard = { body: await bodyOf(request), headers: request.headers, path: request.url };
      response.end(RECEIVED);
    });
    const sink = sinkTo(port, { token: () => 'secret-of-the-node' });
    await sink.send(BATCH);
    expect(gunzipSync(heard?.body as Buffer)).toEqual(framesOf(BATCH));
    expect(heard).toMatchObject({
      path: '/api/v1/records',
      headers: { authorization: 'Bearer secret-of-the-node', 'content-type': 'application/vnd.vestige.frames' },
    });
    expect(sink.address).toBe(`https://127.0.0.1:${port}`);
  });

  it('to this host sends plain frames', async () => {
    let body: Buffer | undefined;
    const port = await answering(async (request, response) => {
      body = await bodyOf(request);
      response.end(RECEIVED);
    }, 'http');
    const sink = createHttpsSink(`http://localhost:${port}`, { say: () => undefined });
    await sink.send(BATCH);
    await sink.close();
    expect(body).toEqual(framesOf(BATCH));
  });

  it.each([
    [413, 'too-large'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [302, 'refused'],
    [415, 'refused'],
    [400, 'unavailable'],
    [408, 'unavailable'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
  ])('takes %i for %s', async (status, code) => {
    const port = await answering(saying(status, 'why'));
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ name: 'SinkError', code, message: /why/ });
  });

  it.each([
    ['a page', '<html>Welcome</html>'],
    ['nothing', ''],
    ['fewer records than were sent', '{"received":1,"records":1}'],
  ])('does not take a 200 with %s for the records being in the store', async (_, text) => {
    const port = await answering(saying(200, text));
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ code: 'refused' });
  });

  it('waits as long as it is told before it asks again, and no longer', async () => {
    const at: number[] = [];
    const port = await answering(async (request, response) => {
      await bodyOf(request);
      at.push(performance.now());
      if (at.length === 1) response.writeHead(503, { 'retry-after': '1' }).end();
      else response.end(RECEIVED);
    });
    const sink = sinkTo(port);
    await expect(sink.send(BATCH)).rejects.toMatchObject({ code: 'unavailable' });
    await sink.send(BATCH);
    await sink.send(BATCH);
    const [first, second, third] = at as [number, number, number];
    expect(second - first).toBeGreaterThan(950);
    expect(second - first).toBeLessThan(3000);
    expect(third - second).toBeLessThan(900);
  });
});

describe('an end that gives no answer', () => {
  it('where nobody listens is unavailable', async () => {
    const server = createTcp();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ code: 'unavailable', message: /ECONNREFUSED/ });
  });

  it('that is silent is unavailable after a while: at the handshake, at the answer, within the answer', async () => {
    const mute = createTcp(() => undefined);
    const mutePort = await listen(mute);
    open.push(() => mute.close());
    const silent = await answering(() => undefined);
    const stuck = await answering(async (_, response) => void response.writeHead(200).write('{"rec'));
    for (const port of [mutePort, silent, stuck]) {
      const start = performance.now();
      const sink = sinkTo(port, { timeoutMs: 300 });
      await expect(sink.send(BATCH)).rejects.toMatchObject({ code: 'unavailable' });
      expect(performance.now() - start).toBeLessThan(3000);
      await sink.close();
    }
  });

  it('that closed a kept connection meanwhile is asked once more over a new one', async () => {
    let requests = 0;
    const port = await answering(async (request, response) => {
      requests++;
      if (requests === 2) return request.socket.destroy(); // as if it had closed while we sent
      await bodyOf(request);
      return response.end(RECEIVED);
    });
    const sink = sinkTo(port);
    await sink.send(BATCH);
    await sink.send(BATCH);
    expect(requests).toBe(3);
  });

  it('that always breaks off is unavailable', async () => {
    const port = await answering((request) => request.socket.destroy());
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('that never stops answering is not listened to for ever', async () => {
    const port = await answering(async (request, response) => {
      await bodyOf(request);
      response.end(Buffer.alloc(1 << 20));
    });
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ code: 'unavailable', message: /answer of more/ });
  });
});

describe('a certificate', () => {
  it.each([
    ['of another authority', () => createAuthority(directory, 'other').issue('receiver', ['IP:127.0.0.1'])],
    ['for another name', () => authority.issue('elsewhere', ['DNS:elsewhere'])],
    ['that has expired', () => authority.issue('receiver', ['IP:127.0.0.1'], { expired: true })],
    ['for clients', () => authority.issue('client', ['IP:127.0.0.1'], { usage: 'clientAuth' })],
  ])('%s is refused, and no record goes there', async (_, issue) => {
    let requests = 0;
    const port = await answering((__, response) => {
      requests++;
      response.end(RECEIVED);
    }, issue());
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({ code: 'refused' });
    expect(requests).toBe(0);
  });

  it('is asked for by an end that speaks no TLS, in vain', async () => {
    const port = await answering(saying(200, RECEIVED), 'http');
    await expect(sinkTo(port).send(BATCH)).rejects.toMatchObject({
      code: expect.stringMatching(/refused|unavailable/),
    });
  });

  it('of an authority that comes later is trusted from then on, without a restart', async () => {
    const other = createAuthority(directory, 'later');
    const port = await answering(saying(200, RECEIVED), other.issue('receiver', ['IP:127.0.0.1']));
    const ca = join(directory, 'trusted.crt');
    copyFileSync(authority.ca, ca);
    const sink = sinkTo(port, { ca, filesEveryMs: 50 });
    await expect(sink.send(BATCH)).rejects.toMatchObject({ code: 'refused' });
    copyFileSync(other.ca, ca);
    await expect.poll(() => sink.send(BATCH).then(() => 'taken', String)).toBe('taken');
  });
});

describe('an address', () => {
  it.each([
    ['https://vestige:9443', 'https://vestige:9443/api/v1/records', 'https://vestige:9443'],
    ['https://gate/vestige/', 'https://gate/vestige/api/v1/records', 'https://gate/vestige'],
    ['https://vestige/api/v1/records', 'https://vestige/api/v1/records', 'https://vestige'],
    ['http://127.0.0.1:80', 'http://127.0.0.1/api/v1/records', 'http://127.0.0.1'],
    ['http://[::1]:81', 'http://[::1]:81/api/v1/records', 'http://[::1]:81'],
  ])('%s leads to the receiver there', (text, url, shown) => {
    expect(parseSinkAddress(text)).toMatchObject({ url: { href: url }, shown });
  });

  it('names the files of whom to trust and who we are', () => {
    expect(parseSinkAddress('https://v:1?ca=/a%20b.crt&cert=c&key=k').files).toEqual({
      ...{ ca: '/a b.crt', cert: 'c', key: 'k' },
    });
  });

  it.each([
    'http://vestige:9443',
    'https://user:secret@vestige',
    'https://vestige?cert=c',
    'https://vestige?insecure=1',
    'http://localhost?ca=c',
    'ftp://vestige',
    'vestige:9443',
    '',
  ])('"%s" is refused', (text) => {
    expect(() => parseSinkAddress(text)).toThrow(expect.objectContaining({ code: 'address' }));
    expect(() => parseSinkAddress(text)).not.toThrow(/secret/);
  });
});
