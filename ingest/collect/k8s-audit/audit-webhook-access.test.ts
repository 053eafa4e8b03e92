// Who may send audit events: certificates and tokens, right ones and wrong ones, and both replaced while the webhook runs.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, type Issued } from '../../transport/https/test-support/certificates.ts';
import { generateToken } from '../../transport/https/tokens.ts';
import { createAuditWebhook } from './audit-webhook.ts';
import { eventList } from './test-support/event-lists.ts';
import { createGround } from './test-support/webhook-under-test.ts';

const ground = createGround();
const { authority, server, client, directory } = ground;
afterAll(() => ground.clear());

const EVENT = '{"auditID":"1"}';
const BODY = eventList([Buffer.from(EVENT)]);
const FILES = { filesEveryMs: 50 };

let files = 0;
const fileWith = (content: string | Buffer) => {
  const path = join(directory, `file-${++files}`);
  writeFileSync(path, content);
  return path;
};

describe('a client certificate', () => {
  let stranger: Issued;
  let expired: Issued;
  let forServers: Issued;
  beforeAll(() => {
    stranger = createAuthority(directory, 'another').issue('kube-apiserver', ['DNS:kube-apiserver']);
    expired = authority.issue('kube-apiserver', ['DNS:kube-apiserver'], { expired: true });
    forServers = authority.issue('web', ['DNS:web'], { usage: 'serverAuth' });
  });

  it.each([
    ['that is missing', () => undefined],
    ['of another authority', () => stranger],
    ['that has expired', () => expired],
    ['for servers', () => forServers],
  ])('%s is answered 401, and nothing is kept', async (_, other) => {
    const webhook = await ground.start();
    const own = other();
    const sender = webhook.sender(own === undefined ? {} : { client: own });
    const bad = own === undefined ? webhook.sender({ client: undefined as never }) : sender;
    const answer = await bad.send(BODY);
    expect(answer).toMatchObject({ status: 401, headers: { connection: 'close', 'www-authenticate': 'Bearer' } });
    expect((await bad.send('', {}, '/metrics', 'GET')).text).toContain('refused_total{reason="certificate"} 1');
    expect(await webhook.records()).toEqual([]);
    expect(webhook.place.gaps).toEqual([]);
  });

  it('must have a name that is allowed, common or alternative', async () => {
    const webhook = await ground.start({ clientNames: ['kube-apiserver', 'spiffe://cluster/apiserver'] });
    expect(await webhook.sender().send(BODY)).toMatchObject({ status: 200 });
    const byUri = authority.issue('some-pod', ['DNS:pod', 'URI:spiffe://cluster/apiserver']);
    expect(await webhook.sender({ client: byUri }).send(BODY)).toMatchObject({ status: 200 });
    const byNone = authority.issue('kubelet', ['DNS:node-1', 'URI:spiffe://cluster/kubelet']);
    expect(await webhook.sender({ client: byNone }).send(BODY)).toMatchObject({ status: 403 });
    const byTrick = authority.issue('trick', ['URI:http://a, DNS:kube-apiserver, x']);
    expect(await webhook.sender({ client: byTrick }).send(BODY)).toMatchObject({ status: 403 });
    expect((await webhook.records()).length).toBe(2);
  });

  it('is not asked for by probes', async () => {
    const webhook = await ground.start();
    const probe = webhook.sender({ client: undefined as never });
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect(await probe.send('', {}, path, 'GET'), path).toMatchObject({ status: 200 });
  });
});

describe('a bearer token', () => {
  const tls = { ...server };

  it.each([
    ['none', {}],
    ['another one', { authorization: `Bearer ${generateToken()}` }],
    ['the right one as a password', { authorization: 'Basic %TOKEN%' }],
    ['half of the right one', { authorization: 'Bearer %HALF%' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s is answered 401', async (_, headers) => {
    const token = generateToken();
    const webhook = await ground.start({ tls, tokenFiles: [fileWith(`# of the API server\n\n${token}\n`)] });
    const filled = Object.fromEntries(
      Object.entries(headers).map(([k, v]) => [k, v.replace('%TOKEN%', token).replace('%HALF%', token.slice(0, 20))]),
    );
    expect(await webhook.sender({ client: undefined as never }).send(BODY, filled)).toMatchObject({ status: 401 });
    expect(await webhook.sender({ client: undefined as never, token }).send(BODY)).toMatchObject({ status: 200 });
    expect((await webhook.records()).length).toBe(1);
  });

  it('is one of several, and is replaced without a restart', async () => {
    const [old, next, other] = [generateToken(), generateToken(), generateToken()];
    const path = fileWith(old);
    const webhook = await ground.start({ tls, tokenFiles: [path, fileWith(other)], ...FILES });
    const status = async (token: string) =>
      (await webhook.sender({ client: undefined as never, token }).send(BODY)).status;
    expect([await status(old), await status(other), await status(next)]).toEqual([200, 200, 401]);
    writeFileSync(path, `${old}\n${next}\n`);
    await expect.poll(() => status(next)).toBe(200);
    expect(await status(old)).toBe(200);
    writeFileSync(path, next);
    await expect.poll(() => status(old)).toBe(401);
    // what is no token leaves the former one in force
    writeFileSync(path, '');
    await expect.poll(() => webhook.place.said.join('\n')).toContain('holds no token');
    expect([await status(next), await status(other)]).toEqual([200, 200]);
  });

  it('and a certificate are both needed where both are asked for', async () => {
    const token = generateToken();
    const webhook = await ground.start({ tokenFiles: [fileWith(token)] });
    expect(await webhook.sender().send(BODY)).toMatchObject({ status: 401, text: 'a bearer token is needed' });
    expect(await webhook.sender({ client: undefined as never, token }).send(BODY)).toMatchObject({ status: 401 });
    expect(await webhook.sender({ token }).send(BODY)).toMatchObject({ status: 200 });
  });
});

describe('certificates replaced while the webhook runs', () => {
  /** Names of the server's certificates that a new connection sees. */
  const serverName = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(authority.ca) }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });

  it('or not, speak HTTP/1.1 with clients that would rather speak HTTP/2, as those of Go would', async () => {
    const webhook = await ground.start();
    const protocol = await new Promise((resolve, reject) => {
      const offered = { ca: readFileSync(authority.ca), ALPNProtocols: ['h2', 'http/1.1'] };
      const socket = connect({ host: '127.0.0.1', port: webhook.port, ...offered }, () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.once('error', reject);
    });
    expect(protocol).toBe('http/1.1');
  });

  it('serve new connections, and open ones go on', async () => {
    const cert = fileWith(readFileSync(server.cert));
    const key = fileWith(readFileSync(server.key));
    const webhook = await ground.start({ tls: { cert, key, clientCa: authority.ca }, ...FILES });
    const sender = webhook.sender({ connections: 1 });
    expect(await sender.send(BODY)).toMatchObject({ status: 200 });
    expect(await serverName(webhook.port)).toBe('webhook');
    const renewed = authority.issue('webhook-renewed', ['IP:127.0.0.1']);
    copyFileSync(renewed.cert, cert); // and its key comes later
    await expect.poll(() => webhook.place.said.join('\n')).toContain('stays in force');
    expect(await serverName(webhook.port)).toBe('webhook');
    copyFileSync(renewed.key, key);
    await expect.poll(() => serverName(webhook.port)).toBe('webhook-renewed');
    expect(await sender.send(BODY)).toMatchObject({ status: 200 });
    expect((await sender.send('', {}, '/metrics', 'GET')).text).toContain('connections 1\n');
  });

  it('of clients: who was let in by the former authority is not any more, on no connection', async () => {
    const clientCa = fileWith(readFileSync(authority.ca));
    const webhook = await ground.start({ tls: { ...server, clientCa }, ...FILES });
    const sender = webhook.sender({ connections: 1 });
    expect(await sender.send(BODY)).toMatchObject({ status: 200 });
    const next = createAuthority(directory, 'next');
    copyFileSync(next.ca, clientCa);
    await expect.poll(() => webhook.place.said.join('\n')).toContain('read again');
    // the agent resumes its TLS session where it can
    expect(await sender.send(BODY)).toMatchObject({ status: 401 });
    const renewed = next.issue('kube-apiserver', ['DNS:kube-apiserver']);
    expect(await webhook.sender({ client: renewed }).send(BODY)).toMatchObject({ status: 200 });
    expect((await webhook.records()).length).toBe(2);
  });
});

describe('the webhook does not start', () => {
  const collect = (options: Partial<Parameters<typeof createAuditWebhook>[0]>) =>
    createAuditWebhook({ host: '127.0.0.1', port: 0, tls: server, ...options })(undefined as never);
  const place = { say: () => undefined } as never;
  const start = (options: Partial<Parameters<typeof createAuditWebhook>[0]>) =>
    createAuditWebhook({ host: '127.0.0.1', port: 0, tls: server, ...options })(place);

  it('where anybody could write', async () => {
    await expect(collect({})).rejects.toMatchObject({ code: 'no-authentication' });
    await expect(collect({ insecureLoopback: true, host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'no-authentication',
    });
    await expect(collect({ clientNames: ['a'] })).rejects.toMatchObject({ code: 'no-authentication' });
  });

  it('but on loopback it does, when it is told that this is a try', async () => {
    const webhook = await ground.start({ tls: server, insecureLoopback: true });
    expect(await webhook.sender({ client: undefined as never }).send(BODY)).toMatchObject({ status: 200 });
  });

  it.each([
    ['a token that a person made up', () => ({ tokenFiles: [fileWith('secret')] }), /fewer than 16/],
    ['no token in the file of tokens', () => ({ tokenFiles: [fileWith('# none\n')] }), /no token/],
    ['no such file', () => ({ tokenFiles: ['/nowhere/token'] }), /ENOENT/],
    ['a key of another certificate', () => ({ tls: { ...server, key: client.key, clientCa: authority.ca } }), /key/],
    ['an authority that is none', () => ({ tls: { ...server, clientCa: fileWith('nothing') } }), /no certificate/],
  ])('with %s', async (_, options, message) => {
    const failure = start(options());
    await expect(failure).rejects.toMatchObject({ name: 'HttpsSetupError', code: 'file' });
    await expect(failure).rejects.toThrow(message);
  });

  it('on a port that another one has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start({ port, insecureLoopback: true })).rejects.toMatchObject({ code: 'address' });
    other.close();
  });
});
