// The loader against a real broker: what it gives to the store, and when it commits.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryLoader } from '../../../test/support/kafka/loaders.ts';
import { startLoading } from '../../../test/support/kafka/loading.ts';
import { entriesOf, entryOf, kafkaOf } from '../../../test/support/kafka/records.ts';
import { isAvailable } from '../../../test/support/kafka.ts';

describe.skipIf(!isAvailable() && !process.env['CI'])('a loader from Kafka', () => {
  let on: Awaited<ReturnType<typeof startLoading>>;
  beforeAll(async () => {
    on = await startLoading();
  });
  afterAll(() => on?.end());

  it('gives bytes and envelopes as the sink got them', async () => {
    const entries = [
      entryOf('{"kind":"Event"}', { attrs: { 'container-id': 'abc', ünï: 'cödé' }, node: 'n' }),
      entryOf(Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]), { position: 2 ** 52 }),
      entryOf(randomBytes(10 * 1024 * 1024), { lines: 5 }),
      entryOf(''),
      ...entriesOf(3000),
    ];
    await on.fill('whole.k8s-audit', entries);
    const loader = createMemoryLoader();
    const { stop } = on.run('whole.k8s-audit', loader);
    await on.until(() => loader.loaded.length).toBe(entries.length);
    const totals = await stop();
    expect(totals).toMatchObject({ messages: entries.length, tombstones: 0, lost: 0, odd: 0, rebalances: 1 });
    const seqs = new Map<string, number>();
    for (const { loader: name, seq } of loader.loaded) {
      expect(seq, name).toBe((seqs.get(name) ?? -1) + 1);
      seqs.set(name, seq);
    }
    expect([...seqs.keys()].every((name) => /^kafka:[\w-]+\/whole\.k8s-audit\/\d$/.test(name))).toBe(true);
    for (const { meta, raw } of entries) {
      const one = loader.loaded.find((delivery) => delivery.raw.equals(raw));
      const { source, cluster, node, collector, boot_id, received_at, stream, position, lines, attrs } = meta;
      const same = { source, cluster, node, collector, stream, position, lines, attrs };
      expect(one).toMatchObject({ ...same, bootId: boot_id, receivedAtUs: received_at });
    }
  });

  it('commits what is loaded, and nothing before it is', async () => {
    await on.fill('commits.k8s-audit', entriesOf(500));
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    let asked = 0;
    const first = on.run(
      'commits.k8s-audit',
      createMemoryLoader(() => {
        asked++;
        return held;
      }),
    );
    await on.until(() => asked).toBe(1);
    await sleep(500);
    expect(await on.committed('commits.k8s-audit')).toEqual({});
    const stopping = first.stop();
    await sleep(300);
    expect(await on.committed('commits.k8s-audit'), 'still loading').toEqual({});
    release();
    const totals = await stopping;
    expect(Object.values(await on.committed('commits.k8s-audit'))).toEqual([totals.messages]);
    await on.fill('commits.k8s-audit', entriesOf(10, 500));
    const loader = createMemoryLoader();
    const second = on.run('commits.k8s-audit', loader);
    await on.until(() => loader.loaded.length).toBe(510 - totals.messages);
    await sleep(200);
    expect(loader.loaded.length, 'nothing twice').toBe(510 - totals.messages);
    await second.stop();
    expect(Object.values(await on.committed('commits.k8s-audit'))).toEqual([510]);
  });

  it('goes on in the middle of what was sent as one', async () => {
    const topic = 'middle.k8s-audit';
    await on.createTopic(topic);
    await on.fill(topic, entriesOf(100));
    const admin = kafkaOf(on.broker.brokers).admin();
    await admin.connect();
    await admin.setOffsets({ groupId: `group-of-${topic}`, topic, partitions: [{ partition: 0, offset: '42' }] });
    await admin.disconnect();
    const loader = createMemoryLoader();
    const { stop, lost } = on.run(topic, loader);
    await on.until(() => on.committed(topic)).toEqual({ 0: 100 });
    expect((await stop()).messages).toBe(58);
    expect(loader.loaded.map(({ seq }) => seq)).toEqual(Array.from({ length: 58 }, (_, i) => 42 + i));
    expect(lost).toEqual([]);
  });

  it('reads topics of others: raw lines, plain or packed with gzip', async () => {
    const codecs = ['uncompressed', 'gzip'];
    const lines = Array.from({ length: 500 }, (_, i) => `type=SYSCALL msg=audit(1.${i}:${i}): ${'x'.repeat(i)}`);
    const producer = kafkaOf(on.broker.brokers).producer();
    await producer.connect();
    for (const codec of codecs) {
      await on.createTopic(`lines-${codec}`, 1, { 'compression.type': codec });
      const messages = lines.map((value, i) => ({
        ...{ value, timestamp: String(1_700_000_000_000 + i), key: i % 2 ? 'eu/node-1' : 'no key of ours' },
        headers: { 'x-request': '1' },
      }));
      await producer.send({ topic: `lines-${codec}`, messages });
    }
    await producer.disconnect();
    const loader = createMemoryLoader();
    const topics = codecs.map((codec) => ({ topic: `lines-${codec}`, source: 'auditd' as const }));
    const { stop } = on.run('lines', loader, { topics });
    await on.until(() => loader.loaded.length).toBe(codecs.length * lines.length);
    expect((await stop()).odd).toBe(0);
    for (const codec of codecs) {
      const own = loader.loaded.filter((delivery) => delivery.loader.includes(`lines-${codec}`));
      expect(own.map(({ raw }) => String(raw))).toEqual(lines);
      const said = { source: 'auditd', collector: '', bootId: '', lines: 0, attrs: {}, stream: `lines-${codec}-0` };
      expect(own[0]).toMatchObject({ ...said, cluster: 'default', node: '', position: 0, receivedAtUs: 1.7e15 });
      expect(own[1]).toMatchObject({ ...said, cluster: 'eu', node: 'node-1', position: 1 });
    }
  });

  it('takes any header, any key and no value without falling', async () => {
    await on.createTopic('hostile.k8s-audit');
    const producer = kafkaOf(on.broker.brokers).producer();
    await producer.connect();
    const vestige = [
      '',
      'no json',
      Buffer.from([0xff, 0]),
      '{"source":"martian"}',
      'x'.repeat(100_000),
      JSON.stringify({ ...entryOf('').meta, position: 1e300 }),
      JSON.stringify({ ...entryOf('').meta, attrs: { a: { b: 1 } } }),
    ];
    await producer.send({
      topic: 'hostile.k8s-audit',
      messages: [
        ...vestige.map((header, i) => ({
          key: Buffer.from([0xff, 0x2f, 0]),
          value: `odd ${i}`,
          headers: { vestige: header },
        })),
        { value: 'twice', headers: { vestige: ['{}', '{}'] } },
        { key: 'a/b/c', value: null },
        {
          key: 'x'.repeat(3000),
          value: 'plain',
          headers: Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`h${i}`, ''])),
        },
      ],
    });
    await producer.disconnect();
    const loader = createMemoryLoader();
    const { stop } = on.run('hostile.k8s-audit', loader);
    await on.until(() => loader.loaded.length).toBe(vestige.length + 2);
    expect(await stop()).toMatchObject({ tombstones: 1, odd: vestige.length + 1 });
    expect(Object.values(await on.committed('hostile.k8s-audit'))).toEqual([vestige.length + 3]);
    for (const delivery of loader.loaded)
      expect(delivery).toMatchObject({ source: '', lines: 0, attrs: {}, bootId: '' });
  });

  it('loads what transactions committed, and nothing of those given up', async () => {
    await on.createTopic('transactions.k8s-audit');
    const producer = kafkaOf(on.broker.brokers).producer({
      transactionalId: 't',
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const topic = 'transactions.k8s-audit';
    for (let i = 0; i < 6; i++) {
      const transaction = await producer.transaction();
      const value = i % 2 ? `given up ${i}` : `committed ${i}`;
      await transaction.send({ topic, messages: [{ value }, { value }] });
      await (i % 2 ? transaction.abort() : transaction.commit());
    }
    await producer.disconnect();
    const loader = createMemoryLoader();
    const { stop, lost } = on.run(topic, loader);
    await on.until(() => on.committed(topic)).toEqual({ 0: 18 });
    await stop();
    expect([...new Set(loader.loaded.map(({ raw }) => String(raw)))]).toEqual([0, 2, 4].map((i) => `committed ${i}`));
    expect(loader.loaded.map(({ seq }) => seq)).toEqual([0, 1, 6, 7, 12, 13]);
    expect(lost).toEqual([]);
  });

  it('tells what was deleted before it was read, and goes on after it', async () => {
    const topic = 'retention.k8s-audit';
    await on.createTopic(topic);
    await on.fill(topic, entriesOf(100));
    const deleteUpTo = async (offset: string) => {
      const admin = kafkaOf(on.broker.brokers).admin();
      await admin.connect();
      await admin.fetchTopicOffsets(topic); // kafkajs knows of no topic before
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
      await admin.disconnect();
    };
    let isHeld = true;
    onTestFinished(() => {
      isHeld = false;
    });
    const loader = createMemoryLoader(async () => {
      while (isHeld) await sleep(20);
    });
    // so small that the second half is not fetched while the first one is loaded
    const limits = {
      batchMessagesMax: 10,
      batchWaitMs: 50,
      sessionMs: 6_000,
      rebalanceMs: 10_000,
      partitionBytesMax: 1,
    };
    const first = on.run(topic, loader, { limits });
    await on.fill(topic, entriesOf(100, 100));
    await on.fill(topic, entriesOf(100, 200));
    await sleep(500);
    await deleteUpTo('250');
    isHeld = false;
    await on.until(() => loader.loaded.some(({ seq }) => seq === 299)).toBe(true);
    const totals = await first.stop();
    expect(first.lost).toEqual([{ topic, partition: 0, from: expect.any(Number), to: 250 }]);
    const [{ from } = { from: -1 }] = first.lost;
    const all = [...Array(from).keys(), ...Array.from({ length: 50 }, (_, i) => 250 + i)];
    expect(loader.loaded.map(({ seq }) => seq)).toEqual(all);
    expect(totals.lost).toBe(250 - from);
    // and what was deleted while nobody was there
    await on.fill(topic, entriesOf(20, 300));
    await deleteUpTo('310');
    const later = createMemoryLoader();
    const second = on.run(topic, later);
    await on.until(() => later.loaded.length).toBe(10);
    await second.stop();
    expect(second.lost).toEqual([{ topic, partition: 0, from: 300, to: 310 }]);
  });

  it('begins again when the topic was made anew', async () => {
    const topic = 'anew.k8s-audit';
    await on.createTopic(topic);
    await on.fill(topic, entriesOf(50));
    const loader = createMemoryLoader();
    const { stop, lost } = on.run(topic, loader);
    await on.until(() => on.committed(topic)).toEqual({ 0: 50 });
    const admin = kafkaOf(on.broker.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await sleep(500);
    await on.createTopic(topic);
    await on.fill(topic, entriesOf(5, 50));
    await on.until(() => loader.loaded.length).toBe(55);
    await stop();
    expect(lost.length).toBeLessThanOrEqual(1);
    expect(await on.committed(topic)).toEqual({ 0: 5 });
  });

  it('waits for a topic that is missing, and reads the others meanwhile', async () => {
    await on.fill('there.k8s-audit', entriesOf(5));
    const loader = createMemoryLoader();
    const topics = [{ topic: 'there.k8s-audit' }, { topic: 'comes.k8s-audit' }];
    const { stop, said } = on.run('missing', loader, { topics });
    await on.until(() => loader.loaded.length).toBe(5);
    expect(said).toEqual(['no topic comes.k8s-audit yet']);
    await on.fill('comes.k8s-audit', entriesOf(7, 5));
    await on.until(() => loader.loaded.length, 30_000).toBe(12);
    await stop();
  });
});
