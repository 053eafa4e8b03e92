// The loader against a real broker: what it gives to the store, and when it commits.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryLoader } from '../../../test/support/kafka/loaders.ts';
import { entriesOf, entryOf, kafkaOf } from '../../../test/support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../../../test/support/kafka.ts';
import type { DeliveryLoader } from '../../load/deliveries.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { parseKafkaAddress } from './kafka-address.ts';
import { createKafkaSink } from './kafka-sink.ts';
import { type KafkaLoaderOptions, LOADER_LIMITS, runKafkaLoader, type Totals } from './kafka-source.ts';
import type { LostOffsets } from './membership.ts';

const isFull = process.env['VESTIGE_FAULTS'] === 'full';

describe.skipIf(!isAvailable() && !process.env['CI'])('a loader from Kafka', () => {
  let broker: Broker;
  const running = new Set<{ stop: () => Promise<Totals> }>();
  const address = (prefix = 'vestige.') => parseKafkaAddress(`kafka://${broker.brokers}/${prefix}`);

  async function fill(topic: string, entries: readonly RecordEntry[]): Promise<void> {
    const sink = createKafkaSink({ address: address(topic.replace('k8s-audit', '')) });
    await sink.send(entries);
    await sink.close();
  }
  function run(topic: string, loader: DeliveryLoader, more: Partial<KafkaLoaderOptions> = {}) {
    const stopping = new AbortController();
    const said: string[] = [];
    const lost: LostOffsets[] = [];
    const ended = runKafkaLoader({
      ...{ address: address(), topics: [{ topic }], groupId: `group-of-${topic}`, loader },
      ...{ stop: stopping.signal, say: (text: string) => said.push(text) },
      limits: { batchWaitMs: 50, sessionMs: 6_000, rebalanceMs: 10_000, ...more.limits },
      onLost: (one) => lost.push(one),
      ...more,
    });
    const stop = async () => {
      running.delete(handle);
      stopping.abort();
      return await ended;
    };
    const handle = { stop, said, lost };
    running.add(handle);
    return handle;
  }
  async function committed(topic: string): Promise<Record<number, number>> {
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    const [answer] = await admin.fetchOffsets({ groupId: `group-of-${topic}`, topics: [topic] });
    await admin.disconnect();
    const offsets = answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]);
    return Object.fromEntries((offsets ?? []).filter(([, offset]) => Number(offset) >= 0));
  }
  async function createTopic(topic: string, partitions = 1, config: Record<string, string> = {}): Promise<void> {
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] });
    await admin.disconnect();
  }
  const until = (what: () => unknown, timeout = 20_000) => expect.poll(what, { timeout, interval: 20 });

  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(async () => {
    for (const one of running) await one.stop();
    await broker?.remove();
  });

  it('gives bytes and envelopes as the sink got them', async () => {
    const entries = [
      entryOf('{"kind":"Event"}', { attrs: { 'container-id': 'abc', ünï: 'cödé' }, node: 'n' }),
      entryOf(Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]), { position: 2 ** 52 }),
      entryOf(randomBytes(10 * 1024 * 1024), { lines: 5 }),
      entryOf(''),
      ...entriesOf(3000),
    ];
    await fill('whole.k8s-audit', entries);
    const loader = createMemoryLoader();
    const { stop } = run('whole.k8s-audit', loader);
    await until(() => loader.loaded.length).toBe(entries.length);
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
    await fill('commits.k8s-audit', entriesOf(500));
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    let asked = 0;
    const first = run(
      'commits.k8s-audit',
      createMemoryLoader(() => {
        asked++;
        return held;
      }),
    );
    await until(() => asked).toBe(1);
    await sleep(500);
    expect(await committed('commits.k8s-audit')).toEqual({});
    const stopping = first.stop();
    await sleep(300);
    expect(await committed('commits.k8s-audit'), 'still loading').toEqual({});
    release();
    const totals = await stopping;
    expect(Object.values(await committed('commits.k8s-audit'))).toEqual([totals.messages]);
    await fill('commits.k8s-audit', entriesOf(10, 500));
    const loader = createMemoryLoader();
    const second = run('commits.k8s-audit', loader);
    await until(() => loader.loaded.length).toBe(510 - totals.messages);
    await sleep(200);
    expect(loader.loaded.length, 'nothing twice').toBe(510 - totals.messages);
    await second.stop();
    expect(Object.values(await committed('commits.k8s-audit'))).toEqual([510]);
  });

  it('reads topics of others: raw lines, plain or packed with gzip', async () => {
    const codecs = ['uncompressed', 'gzip'];
    const lines = Array.from({ length: 500 }, (_, i) => `type=SYSCALL msg=audit(1.${i}:${i}): ${'x'.repeat(i)}`);
    const producer = kafkaOf(broker.brokers).producer();
    await producer.connect();
    for (const codec of codecs) {
      await createTopic(`lines-${codec}`, 1, { 'compression.type': codec });
      const messages = lines.map((value, i) => ({
        ...{ value, timestamp: String(1_700_000_000_000 + i), key: i % 2 ? 'eu/node-1' : 'no key of ours' },
        headers: { 'x-request': '1' },
      }));
      await producer.send({ topic: `lines-${codec}`, messages });
    }
    await producer.disconnect();
    const loader = createMemoryLoader();
    const topics = codecs.map((codec) => ({ topic: `lines-${codec}`, source: 'auditd' as const }));
    const { stop } = run('lines', loader, { topics });
    await until(() => loader.loaded.length).toBe(codecs.length * lines.length);
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
    await createTopic('hostile.k8s-audit');
    const producer = kafkaOf(broker.brokers).producer();
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
    const { stop } = run('hostile.k8s-audit', loader);
    await until(() => loader.loaded.length).toBe(vestige.length + 2);
    expect(await stop()).toMatchObject({ tombstones: 1, odd: vestige.length + 1 });
    expect(Object.values(await committed('hostile.k8s-audit'))).toEqual([vestige.length + 3]);
    for (const delivery of loader.loaded)
      expect(delivery).toMatchObject({ source: '', lines: 0, attrs: {}, bootId: '' });
  });

  it('loads what transactions committed, and nothing of those given up', async () => {
    await createTopic('transactions.k8s-audit');
    const producer = kafkaOf(broker.brokers).producer({
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
    const { stop, lost } = run(topic, loader);
    await until(() => committed(topic)).toEqual({ 0: 18 });
    await stop();
    expect([...new Set(loader.loaded.map(({ raw }) => String(raw)))]).toEqual([0, 2, 4].map((i) => `committed ${i}`));
    expect(loader.loaded.map(({ seq }) => seq)).toEqual([0, 1, 6, 7, 12, 13]);
    expect(lost).toEqual([]);
  });

  it('tells what was deleted before it was read, and goes on after it', async () => {
    const topic = 'retention.k8s-audit';
    await createTopic(topic);
    await fill(topic, entriesOf(100));
    const deleteUpTo = async (offset: string) => {
      const admin = kafkaOf(broker.brokers).admin();
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
    const first = run(topic, loader, { limits });
    await fill(topic, entriesOf(100, 100));
    await fill(topic, entriesOf(100, 200));
    await sleep(500);
    await deleteUpTo('250');
    isHeld = false;
    await until(() => loader.loaded.some(({ seq }) => seq === 299)).toBe(true);
    const totals = await first.stop();
    expect(first.lost).toEqual([{ topic, partition: 0, from: expect.any(Number), to: 250 }]);
    const [{ from } = { from: -1 }] = first.lost;
    const all = [...Array(from).keys(), ...Array.from({ length: 50 }, (_, i) => 250 + i)];
    expect(loader.loaded.map(({ seq }) => seq)).toEqual(all);
    expect(totals.lost).toBe(250 - from);
    // and what was deleted while nobody was there
    await fill(topic, entriesOf(20, 300));
    await deleteUpTo('310');
    const later = createMemoryLoader();
    const second = run(topic, later);
    await until(() => later.loaded.length).toBe(10);
    await second.stop();
    expect(second.lost).toEqual([{ topic, partition: 0, from: 300, to: 310 }]);
  });

  it('begins again when the topic was made anew', async () => {
    const topic = 'anew.k8s-audit';
    await createTopic(topic);
    await fill(topic, entriesOf(50));
    const loader = createMemoryLoader();
    const { stop, lost } = run(topic, loader);
    await until(() => committed(topic)).toEqual({ 0: 50 });
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await sleep(500);
    await createTopic(topic);
    await fill(topic, entriesOf(5, 50));
    await until(() => loader.loaded.length).toBe(55);
    await stop();
    expect(lost.length).toBeLessThanOrEqual(1);
    expect(await committed(topic)).toEqual({ 0: 5 });
  });

  it('waits for a topic that is missing, and reads the others meanwhile', async () => {
    await fill('there.k8s-audit', entriesOf(5));
    const loader = createMemoryLoader();
    const topics = [{ topic: 'there.k8s-audit' }, { topic: 'comes.k8s-audit' }];
    const { stop, said } = run('missing', loader, { topics });
    await until(() => loader.loaded.length).toBe(5);
    expect(said).toEqual(['no topic comes.k8s-audit yet']);
    await fill('comes.k8s-audit', entriesOf(7, 5));
    await until(() => loader.loaded.length, 30_000).toBe(12);
    await stop();
  });

  it(`keeps its place in the group while a load takes ${isFull ? 45 : 9} s`, async () => {
    await fill('slow.k8s-audit', entriesOf(50));
    let loads = 0;
    const slow = createMemoryLoader(() => (++loads === 1 ? sleep(isFull ? 45_000 : 9_000) : undefined));
    const limits = { sessionMs: isFull ? 10_000 : 6_000, rebalanceMs: 10_000, batchWaitMs: 50 };
    const { stop } = run('slow.k8s-audit', slow, { limits });
    await until(() => Object.keys(slow.loaded).length, 60_000).toBe(50);
    await fill('slow.k8s-audit', entriesOf(50, 50));
    await until(() => slow.loaded.length).toBe(100);
    expect(await stop()).toMatchObject({ rebalances: 1, messages: 100 });
    expect(Object.values(await committed('slow.k8s-audit'))).toEqual([100]);
  });

  it('waits for a store that is away, and commits nothing meanwhile', async () => {
    await fill('away.k8s-audit', entriesOf(100));
    let isAway = true;
    const loader = createMemoryLoader(() => {
      if (isAway) throw Object.assign(new Error('connect ECONNREFUSED'), { retriable: true });
    });
    const { stop, said } = run('away.k8s-audit', loader);
    await until(() => said.length).toBe(1);
    await sleep(2500);
    expect(await committed('away.k8s-audit')).toEqual({});
    isAway = false;
    await until(async () => Object.values(await committed('away.k8s-audit'))).toEqual([100]);
    await stop();
    expect(loader.loaded.length).toBe(100);
    expect(said.map((text) => text.slice(0, 30))).toEqual([
      'the store takes no records: co',
      'the store takes records again',
    ]);
  });

  it('holds two batches and no more while the store stands still', async () => {
    await createTopic('pressure.k8s-audit', 3);
    await fill(
      'pressure.k8s-audit',
      entriesOf(20_000).map((entry, i) => ({ ...entry, meta: { ...entry.meta, node: `${i % 9}` } })),
    );
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    const seen: number[] = [];
    const loader = createMemoryLoader((batch) => {
      seen.push(batch.length);
      return held;
    });
    const batchBytesMax = 1024 * 1024;
    const { stop } = run('pressure.k8s-audit', loader, {
      limits: { batchBytesMax, sessionMs: 6_000, rebalanceMs: 10_000 },
    });
    await until(() => seen.length).toBe(1);
    await sleep(1500);
    release();
    await until(() => loader.loaded.length).toBe(20_000);
    await stop();
    // a batch is full once it is over its bytes: by one message at most
    const bytes = loader.batches.map((batch) => batch.reduce((sum, { raw }) => sum + raw.length, 0));
    expect(Math.max(...bytes)).toBeLessThan(batchBytesMax + 2_000);
    expect(LOADER_LIMITS.batchBytesMax).toBe(32 * 1024 * 1024);
  });
});
