// What becomes of a batch: its events as they came, byte for byte, on disk before the API server is answered.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { RecordEntry } from '../../spool/entry.ts';
import { batches, eventList, itemOf, RECORDINGS, recordedEvents } from './test-support/event-lists.ts';
import type { Sender } from './test-support/post.ts';
import { createGround } from './test-support/webhook-under-test.ts';

const ground = createGround();
afterAll(() => ground.clear());

const rawOf = (records: readonly RecordEntry[]) => records.map(({ raw }) => raw.toString('latin1'));
const text = (events: readonly (Buffer | string)[]) => events.map((event) => Buffer.from(event).toString('latin1'));

describe('the events of a batch', () => {
  it.each(RECORDINGS)('of the recording %s are records, byte for byte, whatever the batches', async (recording) => {
    const webhook = await ground.start();
    const events = recordedEvents(recording).map((event, i) => (i % 2 === 0 ? itemOf(event) : event));
    expect(events.length).toBeGreaterThan(500);
    const [random] = fc.sample(fc.infiniteStream(fc.integer({ min: 1, max: 400 })), 1);
    const sender = webhook.sender({ connections: 1 });
    for (const [i, batch] of batches(events, () => random?.next().value ?? 1).entries()) {
      const body = eventList(batch);
      const isZipped = i % 3 === 0;
      const headers = isZipped ? { 'content-encoding': 'gzip' } : {};
      const zipped = isZipped ? gzipSync(body) : body;
      expect(await sender.send(zipped, { ...headers, 'content-length': zipped.length })).toMatchObject({ status: 200 });
    }
    const records = await webhook.records();
    expect(rawOf(records)).toEqual(text(events));
    const [first] = records;
    expect(first?.meta).toMatchObject({
      ...{ source: 'k8s-audit', node: '', lines: 1, stream: `webhook:127.0.0.1:${webhook.port}` },
      attrs: { peer: '127.0.0.1', peer_name: 'kube-apiserver' },
    });
    expect(records.map(({ meta }) => meta.position)).toEqual(records.map((_, i) => i));
  });

  it.each([
    ['with white space', ' {"a" : [ 1 ] } ', '{"a":\t1}'],
    ['printed over lines', '{\n  "auditID": "1",\n  "x": {\r\n  }\n}', '{\n}'],
    ['with letters of all scripts', '{"s":"Ünïcödé ☃ 𝒳 \u2028 \\u0000"}', '{"ключ":"値"}'],
    ['with a key twice', '{"auditID":"1","auditID":"2"}', '{"items":[{"a":1}],"items":[{"b":2}],"kind":"Event"}'],
    ['with brackets in strings', '{"s":"]}[{\\"\\\\"}', '{"items":"]"}'],
    ['that are no objects', '17', '"text, ]"'],
  ])('%s stay as they are', async (_, a, b) => {
    const webhook = await ground.start();
    const body = eventList([Buffer.from(a), Buffer.from(b)]);
    expect(await webhook.sender().send(body)).toMatchObject({ status: 200 });
    const records = await webhook.records();
    // items of an item with a list are its own records: a document like that is an EventList, not an event
    const expected = b.startsWith('{"items":[') ? [a.trim(), '{"a":1}', '{"b":2}'] : [a.trim(), b.trim()];
    expect(rawOf(records)).toEqual(text(expected));
    expect(records[0]?.meta.lines).toBe(a.split('\n').length);
  });

  it('in bytes that are no UTF-8 stay as they are', async () => {
    const webhook = await ground.start();
    const event = Buffer.from([0x7b, 0x22, 0xff, 0xc3, 0x22, 0x3a, 0x31, 0x7d]);
    await webhook.sender().send(eventList([event]));
    expect(rawOf(await webhook.records())).toEqual(text([event]));
  });

  it('sent in many small chunks are the same', async () => {
    const webhook = await ground.start();
    const events = recordedEvents('quiet-day').slice(0, 20);
    const body = eventList(events);
    const parts: string[] = [];
    for (let at = 0; at < body.length; at += 997) {
      const part = body.subarray(at, at + 997).toString('latin1');
      parts.push(`${part.length.toString(16)}\r\n${part}\r\n`);
    }
    const answer = await speak(webhook.port, `${HEAD}Transfer-Encoding: chunked\r\n\r\n${parts.join('')}0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(rawOf(await webhook.records())).toEqual(text(events));
  });

  it('of many batches at once are counted, and counted on after a restart', async () => {
    const webhook = await ground.start();
    const sendMany = async (sender: Sender) => {
      const one = (i: number) => sender.send(eventList([Buffer.from(`{"auditID":"${i}"}`)]));
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => one(i)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    };
    await sendMany(webhook.sender({ connections: 20 }));
    await webhook.end();
    const again = await ground.start({ spool: webhook.spool, port: webhook.port });
    await sendMany(again.sender({ connections: 20 }));
    const records = await again.records();
    expect(records.map(({ meta }) => meta.position)).toEqual(Array.from({ length: 120 }, (_, i) => i));
    expect(new Set(rawOf(records)).size).toBe(60);
  });
});

describe('a body that is no EventList', () => {
  it.each([
    ['an empty list', '{"kind":"EventList","items":[]}', []],
    ['one event', '{"kind":"Event","auditID":"1"}', ['{"kind":"Event","auditID":"1"}']],
    ['text', 'upstream connect error\nreset', ['upstream connect error\nreset']],
    ['a list cut short', '{"items":[{"a":1},{"b":', ['{"a":1}', '{"b":']],
    ['a list, and text', '[{"a":1}]\noops', ['{"a":1}', 'oops']],
  ])('%s is kept, and answered 200: sent again it would be no better', async (_, body, expected) => {
    const webhook = await ground.start();
    expect(await webhook.sender().send(body)).toMatchObject({ status: 200 });
    expect(rawOf(await webhook.records())).toEqual(expected);
  });

  it('of ninety thousand pieces, more than the spool holds in memory, is taken at the speed of the disk', async () => {
    const webhook = await ground.start();
    expect(await webhook.sender().send(`[${'{},'.repeat(89_999)}{}]`)).toMatchObject({ status: 200 });
    expect(await webhook.records()).toHaveLength(90_000);
  });

  it('of more than a hundred thousand pieces is refused and told as a gap', async () => {
    const webhook = await ground.start();
    expect(await webhook.sender().send(`[${'{},'.repeat(100_001)}]`)).toMatchObject({ status: 413 });
    await webhook.end();
    expect(webhook.place.gaps).toMatchObject([{ reason: 'batch-refused', source: 'k8s-audit', bytes: 300_005 }]);
  });

  it.each([
    ['compressed otherwise', { 'content-encoding': 'br' }, 415],
    ['not compressed as it says', { 'content-encoding': 'gzip' }, 400],
  ])('%s is refused', async (_, headers, status) => {
    const webhook = await ground.start();
    const sender = webhook.sender();
    expect(await sender.send(eventList([Buffer.from('{}')]), headers)).toMatchObject({ status });
    expect(await sender.send(eventList([Buffer.from('{}')]))).toMatchObject({ status: 200 });
  });
});

describe('a body that is too large', () => {
  it('is refused with 413, its connection goes on, and one gap tells of all its tries', async () => {
    const webhook = await ground.start({ bodyBytesMax: 100_000 });
    const sender = webhook.sender({ connections: 1 });
    const body = eventList([Buffer.from(`{"s":"${'x'.repeat(200_000)}"}`)]);
    expect(await sender.send(body)).toMatchObject({ status: 413, text: 'a body of more than 100000 bytes' });
    const zipped = gzipSync(body);
    expect(zipped.length).toBeLessThan(1000);
    const headers = { 'content-encoding': 'gzip', 'content-length': zipped.length };
    expect(await sender.send(zipped, headers)).toMatchObject({ status: 413 });
    expect(await sender.send(eventList([Buffer.from('{}')]))).toMatchObject({ status: 200 });
    expect(rawOf(await webhook.records())).toEqual(['{}']);
    expect(webhook.place.gaps).toMatchObject([{ reason: 'batch-refused', bytes: body.length + zipped.length }]);
  });

  it('is not asked for, where the sender waits to be', async () => {
    const webhook = await ground.start({ bodyBytesMax: 100 });
    const ask = (bytes: number) => `${HEAD}Content-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`;
    expect(await speak(webhook.port, ask(101))).toMatch(/^HTTP\/1.1 413 /);
    expect(await speak(webhook.port, ask(2), 1000)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
  });

  it('may be ten times what is held at once, and a bomb costs no memory', async () => {
    const webhook = await ground.start({ inFlightBytesMax: 1 << 20, bodyBytesMax: 64 << 20 });
    const events = Array.from({ length: 400 }, (_, i) =>
      Buffer.from(`{"auditID":"${i}","s":"${'y'.repeat(100_000)}"}`),
    );
    const zipped = gzipSync(eventList(events));
    const headers = { 'content-encoding': 'gzip', 'content-length': zipped.length };
    expect(await webhook.sender().send(zipped, headers)).toMatchObject({ status: 200 });
    const bomb = gzipSync(Buffer.alloc(256 << 20, ' '));
    expect(bomb.length).toBeLessThan(1 << 20);
    const before = process.memoryUsage().rss;
    const bombHeaders = { 'content-encoding': 'gzip', 'content-length': bomb.length };
    expect(await webhook.sender().send(bomb, bombHeaders)).toMatchObject({ status: 413 });
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(60);
    expect(rawOf(await webhook.records())).toEqual(text(events));
  });
});

describe('where nothing can be written', () => {
  it.each(['emit', 'committed'] as const)('(%s) 503 says when to come again, until it can', async (broken) => {
    const webhook = await ground.start();
    const sender = webhook.sender();
    webhook.place.broken = broken;
    const body = eventList([Buffer.from('{"a":1}')]);
    expect(await sender.send(body)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(await sender.send('', {}, '/readyz', 'GET')).toMatchObject({ status: 503 });
    expect(await sender.send('', {}, '/healthz', 'GET')).toMatchObject({ status: 200 });
    webhook.place.broken = undefined;
    expect(await sender.send(body)).toMatchObject({ status: 200 });
    expect(await sender.send('', {}, '/readyz', 'GET')).toMatchObject({ status: 200 });
  });

  it('what is on its way is bounded: 503 to who would pass the bound', async () => {
    const webhook = await ground.start({ inFlightBytesMax: 300_000 });
    const event = (n: number) => Buffer.from(`{"s":"${'x'.repeat(n)}"}`);
    const slow = webhook.place.committed;
    let free: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      free = resolve;
    });
    webhook.place.committed = () => gate.then(() => slow());
    const sender = webhook.sender({ connections: 8 });
    const waiting = [1, 2].map(() => sender.send(eventList([event(150_000)])));
    const metric = async () => (await sender.send('', {}, '/metrics', 'GET')).text;
    await expect.poll(metric).toContain('in_flight_bytes 3000');
    expect(await sender.send(eventList([event(10)]))).toMatchObject({ status: 503 });
    free();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await sender.send(eventList([event(10)]))).toMatchObject({ status: 200 });
    expect(await metric()).toContain('in_flight_bytes 0');
  });

  it('a single event larger than all that may be on its way is refused, not waited for', async () => {
    const webhook = await ground.start({ inFlightBytesMax: 100_000 });
    const body = eventList([Buffer.from(`{"s":"${'x'.repeat(300_000)}"}`)]);
    expect(await webhook.sender().send(body)).toMatchObject({ status: 503 });
  });
});

describe('a sender', () => {
  it('that is slow is cut off, and others are answered meanwhile', async () => {
    const webhook = await ground.start({ requestTimeoutMs: 1500 });
    const started = performance.now();
    const slow = speak(webhook.port, `${HEAD}Content-Length: 1000\r\n\r\n{"items":[`, 20_000);
    const silent = speak(webhook.port, '', 20_000);
    expect(await webhook.sender().send(eventList([Buffer.from('{"a":1}')]))).toMatchObject({ status: 200 });
    expect(await slow).toMatch(/^(HTTP\/1.1 408 .*)?$/s);
    expect(performance.now() - started).toBeLessThan(6000);
    void silent.catch(() => undefined);
    const records = await webhook.records();
    expect(rawOf(records)).toEqual(['{"a":1}']);
  });

  it('that goes away amid a batch leaves only whole events behind', async () => {
    const webhook = await ground.start();
    await speak(webhook.port, `${HEAD}Content-Length: 1000\r\n\r\n{"items":[{"a":1},{"b":`, 300);
    await webhook.sender().send(eventList([Buffer.from('{"c":1}')]));
    const records = rawOf(await webhook.records());
    expect(records.filter((raw) => raw !== '{"a":1}')).toEqual(['{"c":1}']);
  });

  it('finds a batch at two paths, health and figures beside them, and nothing else', async () => {
    const webhook = await ground.start();
    const sender = webhook.sender();
    const body = eventList([Buffer.from('{"a":1}')]);
    expect(await sender.send(body, {}, '/')).toMatchObject({ status: 200 });
    expect(await sender.send(body, {}, '/k8s-audit?timeout=30s')).toMatchObject({ status: 200 });
    expect(await sender.send(body, {}, '/other')).toMatchObject({ status: 404 });
    expect(await sender.send('', {}, '/k8s-audit', 'GET')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await sender.send('')).toMatchObject({ status: 400, text: 'an empty body' });
    const { text: figures } = await sender.send('', {}, '/metrics', 'GET');
    expect(figures).toContain('vestige_audit_webhook_requests_total{status="200"} 2');
    expect(figures).toContain('vestige_audit_webhook_events_total 2');
    expect(figures).toContain('vestige_audit_webhook_connections 1');
  });

  it('that is being answered when the collector ends is answered', async () => {
    const webhook = await ground.start();
    const committed = webhook.place.committed;
    webhook.place.committed = async () => {
      await sleep(400);
      return committed();
    };
    const sender = webhook.sender();
    const waiting = sender.send(eventList([Buffer.from('{"a":1}')]));
    await sleep(150);
    webhook.place.end();
    expect(await waiting).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await expect(sender.send(eventList([]))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(rawOf(await webhook.records())).toEqual(['{"a":1}']);
  });

  it('is let in though strangers hold all connections', async () => {
    const webhook = await ground.start({ connectionsMax: 5 });
    const strangers = Array.from({ length: 12 }, () => speak(webhook.port, 'POST / HTTP/1.1\r\n', 30_000, false));
    await sleep(200);
    expect(await webhook.sender().send(eventList([Buffer.from('{"a":1}')]))).toMatchObject({ status: 200 });
    const { text: figures } = await webhook.sender({ connections: 1 }).send('', {}, '/metrics', 'GET');
    expect(Number(/connections (\d+)/.exec(figures)?.[1])).toBeLessThanOrEqual(5);
    await webhook.end();
    await Promise.all(strangers);
  });
});

const HEAD = 'POST /k8s-audit HTTP/1.1\r\nHost: webhook\r\n';

/** Says something over TLS, byte for byte; hears what comes until the connection ends, or for `ms` after which it is cut. */
function speak(port: number, said: string, ms = 5000, known = true): Promise<string> {
  const { cert, key } = ground.client;
  const own = known ? { cert: readFileSync(cert), key: readFileSync(key) } : {};
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(ground.authority.ca), ...own });
    let heard = '';
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(heard);
    };
    const timer = setTimeout(done, ms);
    socket.setEncoding('latin1').on('data', (part: string) => {
      heard += part;
      if (/^HTTP\/1.1 (?!100)/.test(heard)) done();
    });
    socket.once('error', done).once('close', done);
    socket.write(said, 'latin1');
  });
}
