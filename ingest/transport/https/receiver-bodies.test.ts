// Whatever a body is, the receiver answers it, takes all of it or nothing, and goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSender } from '../../collect/k8s-audit/test-support/post.ts';
import { FRAMES_TYPE, RECORDS_PATH } from './protocol.ts';
import type { ReceiverServer } from './receiver-server.ts';
import { openReceiverGround, type ReceiverGround, someRecords } from './test-support/receiver-under-test.ts';
import { eventOf, framesOf, recordOf } from './test-support/records.ts';

let ground: ReceiverGround;
beforeAll(async () => {
  ground = await openReceiverGround();
});
afterEach(() => ground.closeUsed());
afterAll(() => ground.clear());

describe('a body', () => {
  const post = async (receiver: ReceiverServer, body: Buffer, headers: Record<string, string> = {}) => {
    const sender = createSender({ port: receiver.port, ca: ground.authority.ca, token: ground.token });
    try {
      return await sender.send(body, { 'content-type': FRAMES_TYPE, ...headers }, RECORDS_PATH);
    } finally {
      sender.close();
    }
  };
  const good = framesOf(someRecords(50, { cluster: 'hostile' }));
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
    const receiver = await ground.receive({ bodyBytesMax: 1 << 20 });
    expect(await post(receiver, body, headers)).toMatchObject({ status });
    expect(await ground.stored('hostile')).toEqual([]);
    expect(ground.loads.length).toBe(status === 200 && body.length > 0 ? 1 : 0);
  });

  it('with many envelopes of all the bytes they can have is loaded all the same', async () => {
    const receiver = await ground.receive();
    const streams = Array.from({ length: 12 }, (_, i) => `${i}-${'ü'.repeat(32_000)}`);
    const records = streams.map((stream) =>
      recordOf(eventOf(`huge-${stream.length}-${stream.slice(0, 3)}`), { cluster: 'huge', stream }),
    );
    await ground.sinkTo(receiver).send(records);
    expect((await ground.stored('huge')).length).toBe(12);
  });

  it('compressed or not is the same', async () => {
    const receiver = await ground.receive();
    const records = someRecords(100, { cluster: 'gzip' });
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
    const receiver = await ground.receive({
      loader: ground.loaderThat(() => gate),
      inFlightBytesMax: 200_000,
      gatherMs: 0,
    });
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
    expect(await post(receiver, framesOf(someRecords(1)))).toMatchObject({ status: 200 });
  });

  it('whose sender went away while it waited is not loaded', async () => {
    let free: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      free = resolve;
    });
    const receiver = await ground.receive({ loader: ground.loaderThat(() => gate), gatherMs: 0 });
    const first = ground.sinkTo(receiver).send(someRecords(1, { cluster: 'gone' }));
    await sleep(100); // it is being loaded
    const impatient = ground.sinkTo(receiver, { timeoutMs: 200 });
    await expect(impatient.send(someRecords(1, { cluster: 'gone' }))).rejects.toMatchObject({ code: 'unavailable' });
    await sleep(100);
    free();
    await first;
    const { text } = await createSender({ port: receiver.port, ca: ground.authority.ca }).send(
      '',
      {},
      '/metrics',
      'GET',
    );
    expect(text).toContain('waiting_bodies 0');
    expect(text).toContain('in_flight_bytes 0');
    expect((await ground.stored('gone')).length).toBe(1);
  });

  it('that is being loaded when the receiver ends is answered', async () => {
    const receiver = await ground.receive({ loader: ground.loaderThat(() => sleep(300)) });
    const sending = ground.sinkTo(receiver).send(someRecords(3, { cluster: 'end' }));
    await sleep(150);
    await receiver.close();
    await sending;
    expect((await ground.stored('end')).length).toBe(3);
  });
});
