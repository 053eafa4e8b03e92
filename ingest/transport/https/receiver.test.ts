// Collectors to a store by way of a receiver: what was answered is in the store, once, and no body brings the receiver down.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../analytics/store/connect.ts';
import { type Store, StoreError } from '../../../analytics/store/store.ts';
import { createSender } from '../../collect/k8s-audit/test-support/post.ts';
import type { Delivery, DeliveryLoader } from '../../load/deliveries.ts';
import { createDeliveryLoader } from '../../load/delivery-loader.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import type { Sink } from '../sink.ts';
import { createHttpsSink, type HttpsSinkOptions } from './https-sink.ts';
import { FRAMES_TYPE, RECORDS_PATH } from './protocol.ts';
import type { ReceiverOptions } from './receiver.ts';
import { openReceiver, type ReceiverServer } from './receiver-server.ts';
import { createAuthority } from './test-support/certificates.ts';
import { eventOf, framesOf, recordOf } from './test-support/records.ts';
import { followBearer, generateToken } from './tokens.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-receiver-'));
const authority = createAuthority(directory);
const server = authority.issue('receiver', ['IP:127.0.0.1']);
const client = authority.issue('worker-1', ['DNS:worker-1']);
const TOKEN = generateToken();
const tokenFile = join(directory, 'token');
writeFileSync(tokenFile, TOKEN);

let store: Store;
let real: DeliveryLoader;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
  real = await createDeliveryLoader(store);
});
afterAll(async () => {
  await real.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const loads: (readonly Delivery[])[] = [];
const said: string[] = [];
/** The real one, told of; `before` may fail or wait. */
const loaderThat = (
  before: (batch: readonly Delivery[]) => Promise<void> | void = () => undefined,
): DeliveryLoader => ({
  load: async (batch) => {
    await before(batch);
    loads.push(batch);
    return real.load(batch);
  },
  close: async () => undefined,
});

async function receive(options: Partial<ReceiverOptions> = {}): Promise<ReceiverServer> {
  loads.splice(0);
  said.splice(0);
  const receiver = await openReceiver({
    ...{ host: '127.0.0.1', port: 0, tls: server, tokenFiles: [tokenFile] },
    ...{ loader: loaderThat(), say: (text) => void said.push(text), ...options },
  });
  open.push(receiver);
  return receiver;
}

function sinkTo({ port }: { port: number }, options: Partial<HttpsSinkOptions> = {}): Sink {
  const sink = createHttpsSink(`https://127.0.0.1:${port}?ca=${authority.ca}`, {
    ...{ token: () => TOKEN, say: () => undefined, ...options },
  });
  open.push(sink);
  return sink;
}

let n = 0;
const some = (count: number, more: Partial<RecordEntry['meta']> = {}): RecordEntry[] =>
  Array.from({ length: count }, () => recordOf(eventOf(`e-${++n}`), { position: n, ...more }));
const ids = (records: readonly RecordEntry[]) => records.map(({ raw }) => raw.toString());
const stored = async (cluster: string): Promise<Record<string, unknown>[]> =>
  store.rows(
    `SELECT toString(raw) AS raw, node, collector, boot_id, stream, position, lines, attrs, loader, seq, source,
       toUnixTimestamp64Micro(received_at) AS at FROM records FINAL WHERE cluster = {cluster:String} ORDER BY seq`,
    { cluster },
  );

describe('what a sink sends', () => {
  it('is in the store when it is answered, with all of its envelope', async () => {
    const receiver = await receive();
    const records = [
      recordOf(eventOf('whole'), { cluster: 'whole', attrs: { peer: '10.0.0.1', 'ü"': '\n' } }),
      recordOf('type=LOGIN msg=audit(1795439390.632:9): pid=7', { cluster: 'whole', source: 'auditd', node: 'w-1' }),
    ];
    await sinkTo(receiver).send(records);
    const rows = await stored('whole');
    expect(rows.map(({ raw }) => raw)).toEqual(ids(records));
    expect(rows[0]).toMatchObject({
      ...{ source: 'k8s-audit', node: '', collector: 'k8s-audit@cp-1', boot_id: 'boot-1', stream: 'webhook:cp-1:8443' },
      ...{ position: 7, lines: 1, at: 1_795_000_000_123_456, seq: 1, attrs: { peer: '10.0.0.1', 'ü"': '\n' } },
    });
    expect(rows[0]?.['loader']).toMatch(/^receiver-[0-9a-f-]{36}$/);
    expect(rows[1]).toMatchObject({ source: 'auditd', node: 'w-1', seq: 2 });
  });

  it('comes of many collectors at once and goes in few loads, each answered for its own', async () => {
    const receiver = await receive();
    const sinks = [1, 2, 3, 4, 5].map(() => sinkTo(receiver));
    const sent = await Promise.all(
      sinks.map(async (sink, i) => {
        const batches = [some(20 + i, { cluster: 'many' }), some(10, { cluster: 'many' })];
        for (const batch of batches) await sink.send(batch);
        return batches.flat();
      }),
    );
    expect((await stored('many')).map(({ raw }) => raw).sort()).toEqual(ids(sent.flat()).sort());
    expect(loads.length).toBeLessThan(6);
    const seqs = loads.flat().map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  });

  it('again is a duplicate and nothing else', async () => {
    const receiver = await receive();
    const sender = createSender({ port: receiver.port, ca: authority.ca, token: TOKEN });
    const body = framesOf(some(30, { cluster: 'again' }));
    const headers = { 'content-type': FRAMES_TYPE };
    const answers = [await sender.send(body, headers, RECORDS_PATH), await sender.send(body, headers, RECORDS_PATH)];
    sender.close();
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual([
      { received: 30, records: 30, duplicates: 0, dead_letters: 0 },
      { received: 30, records: 0, duplicates: 30, dead_letters: 0 },
    ]);
    expect((await stored('again')).length).toBe(30);
  });

  it('waits for one load at a time, and no longer than for that', async () => {
    let loading = 0;
    const most: number[] = [];
    const loader = loaderThat(async () => {
      most.push(++loading);
      await sleep(50);
      loading--;
    });
    const receiver = await receive({ loader, batchBytesMax: 10_000 });
    const sinks = Array.from({ length: 6 }, () => sinkTo(receiver));
    await Promise.all(sinks.map((sink) => sink.send(some(20, { cluster: 'one' }))));
    expect(Math.max(...most)).toBe(1);
    expect(most.length, 'and no load is larger than it may be').toBeGreaterThanOrEqual(3);
    expect((await stored('one')).length).toBe(120);
  });
});

describe('a store that is away', () => {
  it('is told as such; the sink comes again when it was told to, and all is there once', async () => {
    let away = true;
    const loader = loaderThat(() => {
      if (away) throw new StoreError('unreachable' as never, 'connect ECONNREFUSED');
    });
    const receiver = await receive({ loader, gatherMs: 20 });
    const sinks = [sinkTo(receiver), sinkTo(receiver)];
    const batches = sinks.map(() => some(10, { cluster: 'away' }));
    const failures = await Promise.allSettled(sinks.map((sink, i) => sink.send(batches[i] as RecordEntry[])));
    for (const failure of failures)
      expect(failure).toMatchObject({ status: 'rejected', reason: { name: 'SinkError', code: 'unavailable' } });
    expect(said.filter((text) => text.includes('ECONNREFUSED')).length, 'said once').toBe(1);
    away = false;
    const start = performance.now();
    await Promise.all(sinks.map((sink, i) => sink.send(batches[i] as RecordEntry[])));
    expect(performance.now() - start, 'Retry-After is kept').toBeGreaterThan(700);
    expect((await stored('away')).map(({ raw }) => raw).sort()).toEqual(ids(batches.flat()).sort());
  });

  it('for one body only does not hold up the others', async () => {
    const loader = loaderThat((batch) => {
      if (batch.some(({ stream }) => stream === 'too much')) throw new Error('memory limit exceeded');
    });
    const receiver = await receive({ loader });
    const [bad, ...good] = [1, 2, 3].map(() => sinkTo(receiver));
    const stuck = some(5, { cluster: 'stuck', stream: 'too much' });
    const batches = good.map(() => some(5, { cluster: 'stuck' }));
    const tries = async (sink: Sink, batch: RecordEntry[]): Promise<number> => {
      for (let i = 1; ; i++)
        if (
          await sink.send(batch).then(
            () => true,
            () => i === 5,
          )
        )
          return i;
    };
    const tried = await Promise.all([
      tries(bad as Sink, stuck),
      ...good.map((sink, i) => tries(sink, batches[i] as RecordEntry[])),
    ]);
    expect(tried[0]).toBe(5);
    expect(tried.slice(1).every((times) => times < 5)).toBe(true);
    expect((await stored('stuck')).length).toBe(10);
  });
});

describe('a body', () => {
  const post = async (receiver: ReceiverServer, body: Buffer, headers: Record<string, string> = {}) => {
    const sender = createSender({ port: receiver.port, ca: authority.ca, token: TOKEN });
    try {
      return await sender.send(body, { 'content-type': FRAMES_TYPE, ...headers }, RECORDS_PATH);
    } finally {
      sender.close();
    }
  };
  const good = framesOf(some(50, { cluster: 'hostile' }));
  const wrong = Buffer.from(good);
  wrong.writeUInt8(wrong.readUInt8(good.length - 3) ^ 1, good.length - 3);
  const gzip = { 'content-encoding': 'gzip' };

  it.each([
    ['that ends within a frame', good.subarray(0, -5), {}, 400],
    ['with a wrong checksum at its end', wrong, {}, 400],
    ['that says gzip and is none', good, gzip, 400],
    ['whose gzip is cut short', gzipSync(good).subarray(0, -20), gzip, 400],
    ['with half a frame in good gzip', gzipSync(good.subarray(0, -5)), gzip, 400],
    ['of another type', good, { 'content-type': 'application/json' }, 415],
    ['in another encoding', good, { 'content-encoding': 'zstd' }, 415],
    ['that is too large', Buffer.alloc(2 << 20), {}, 413],
    ['that is a bomb', gzipSync(Buffer.alloc(200 << 20)), gzip, 400],
    ['that inflates beyond measure', gzipSync(framesOf([recordOf(Buffer.alloc(8 << 20))])), gzip, 413],
    [
      'with an envelope of all the bytes it can have',
      framesOf([recordOf('', { stream: 's'.repeat(65_000) })]),
      {},
      200,
    ],
    ['of nothing', Buffer.alloc(0), {}, 200],
  ])('%s is answered as it should be, and nothing of it is loaded unless all is', async (_, body, headers, status) => {
    const receiver = await receive({ bodyBytesMax: 1 << 20 });
    expect(await post(receiver, body, headers)).toMatchObject({ status });
    expect(await stored('hostile')).toEqual([]);
    expect(loads.length).toBe(status === 200 && body.length > 0 ? 1 : 0);
  });

  it('with many envelopes of all the bytes they can have is loaded all the same', async () => {
    const receiver = await receive();
    const streams = Array.from({ length: 12 }, (_, i) => `${i}-${'ü'.repeat(32_000)}`);
    const records = streams.map((stream) =>
      recordOf(eventOf(`huge-${stream.length}-${stream.slice(0, 3)}`), { cluster: 'huge', stream }),
    );
    await sinkTo(receiver).send(records);
    expect((await stored('huge')).length).toBe(12);
  });

  it('compressed or not is the same', async () => {
    const receiver = await receive();
    const records = some(100, { cluster: 'gzip' });
    const zipped = gzipSync(framesOf(records));
    expect(await post(receiver, zipped, gzip)).toMatchObject({ status: 200 });
    const { text } = await post(receiver, framesOf(records));
    expect(JSON.parse(text)).toMatchObject({ received: 100, records: 0, duplicates: 100 });
  });

  it('beyond what may be on its way is answered 503, until there is room', async () => {
    let free: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      free = resolve;
    });
    const receiver = await receive({ loader: loaderThat(() => gate), inFlightBytesMax: 200_000, gatherMs: 0 });
    const first = post(receiver, framesOf([recordOf(Buffer.alloc(150_000, 'a'))]));
    await expect
      .poll(() => post(receiver, framesOf([recordOf(Buffer.alloc(150_000, 'b'))])))
      .toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
      });
    const zipped = gzipSync(framesOf([recordOf(Buffer.alloc(150_000, 'b'))]));
    expect(await post(receiver, zipped, gzip)).toMatchObject({ status: 503 });
    free();
    expect(await first).toMatchObject({ status: 200 });
    expect(await post(receiver, framesOf(some(1)))).toMatchObject({ status: 200 });
  });

  it('whose sender went away while it waited is not loaded', async () => {
    let free: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      free = resolve;
    });
    const receiver = await receive({ loader: loaderThat(() => gate), gatherMs: 0 });
    const first = sinkTo(receiver).send(some(1, { cluster: 'gone' }));
    await sleep(100); // it is being loaded
    const impatient = sinkTo(receiver, { timeoutMs: 200 });
    await expect(impatient.send(some(1, { cluster: 'gone' }))).rejects.toMatchObject({ code: 'unavailable' });
    await sleep(100);
    free();
    await first;
    const { text } = await createSender({ port: receiver.port, ca: authority.ca }).send('', {}, '/metrics', 'GET');
    expect(text).toContain('waiting_bodies 0');
    expect(text).toContain('in_flight_bytes 0');
    expect((await stored('gone')).length).toBe(1);
  });

  it('that is being loaded when the receiver ends is answered', async () => {
    const receiver = await receive({ loader: loaderThat(() => sleep(300)) });
    const sending = sinkTo(receiver).send(some(3, { cluster: 'end' }));
    await sleep(150);
    await receiver.close();
    await sending;
    expect((await stored('end')).length).toBe(3);
  });
});

describe('a collector', () => {
  it('without the token is told so; with the next one it goes on, and nothing restarts', async () => {
    const own = join(directory, 'own-token');
    writeFileSync(own, generateToken());
    const receiver = await receive();
    const token = followBearer(own, { say: () => undefined, everyMs: 50 });
    open.push({ close: async () => token.stop() });
    const sink = sinkTo(receiver, { token: token.current });
    const batch = some(1, { cluster: 'token' });
    await expect(sink.send(batch)).rejects.toMatchObject({ code: 'refused', message: /401/ });
    await expect(sinkTo(receiver, { token: () => undefined }).send(batch)).rejects.toMatchObject({ code: 'refused' });
    writeFileSync(own, TOKEN);
    await expect.poll(() => sink.send(batch).then(() => 'taken', String)).toBe('taken');
  });

  it('may show a certificate instead, and one of its name', async () => {
    const options = { tls: { ...server, clientCa: authority.ca }, tokenFiles: [], clientNames: ['worker-1'] };
    const receiver = await receive(options as Partial<ReceiverOptions>);
    const to = (own: { cert: string; key: string }) =>
      createHttpsSink(`https://127.0.0.1:${receiver.port}?ca=${authority.ca}&cert=${own.cert}&key=${own.key}`, {
        say: () => undefined,
      });
    const other = to(authority.issue('worker-2', ['DNS:worker-2']));
    const mine = to(client);
    open.push(other, mine);
    await mine.send(some(1, { cluster: 'named' }));
    await expect(other.send(some(1, { cluster: 'named' }))).rejects.toMatchObject({ code: 'refused', message: /403/ });
    expect((await stored('named')).length).toBe(1);
  });
});
