// Deliveries that come again: the same messages of Kafka produced once more in another order, in other batches, to other partitions; a second
// collector of the same logs with a spool of its own; two loaders of one group at once, and one of another group. Each record counts once, in
// records and in the typed tables; receipts tell of each delivery. VESTIGE_FAULTS=full: ten times as much.
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaMessage } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaOf, readTopics } from '../support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { createRandom } from '../support/random.ts';
import { createGround, digestOf, following, isFull } from './ground.ts';
import { createAuditLog, createK8sLog } from './pipeline/sources.ts';
import { allThere, gapsOf, reckon, storeAt, typedRows } from './reckoning.ts';

const TICKS = isFull ? 2_000 : 150;
const COPIES = 2;
const LOADED_MS_MAX = isFull ? 600_000 : 200_000;
const SOURCES = ['k8s-audit', 'auditd', 'collector'];
const TOPICS = SOURCES.map((source) => `vestige.${source}`);
const random = createRandom();

interface Sent {
  topic: string;
  message: KafkaMessage;
}

function shuffled<T>(all: readonly T[]): T[] {
  const out = [...all];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.between(0, i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

describe.skipIf(!isAvailable() && !process.env['CI'])(`the same records again (seed ${random.seed})`, () => {
  const ground = createGround('delivery');
  const { at, program } = ground;
  const store = storeAt(`embedded:${at('store')}`);
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  }, 180_000);
  afterAll(async () => {
    await ground.remove();
    await broker?.remove();
  });

  const k8s = createK8sLog(at('logs/audit.log'), random, () => isFollowed);
  const auditd = createAuditLog(at('auditd/audit.log'), random, () => isFollowed);
  let isFollowed = false;

  async function makeAll(): Promise<void> {
    for (let i = 0; i < TICKS; i++) {
      await k8s.tick();
      await auditd.tick();
      if (i === 0) await following(['k-1/k8s-audit', 'k-2/k8s-audit', 'a-1/auditd', 'a-2/auditd'].map(at));
      isFollowed = true;
      await sleep(5);
    }
  }
  /** Once more, anyhow. */
  async function sendAgain(messages: readonly Sent[]): Promise<void> {
    const producer = kafkaOf(broker.brokers).producer();
    await producer.connect();
    for (const left = shuffled(messages); left.length > 0; ) {
      const topics = new Map<string, Sent[]>();
      for (const one of left.splice(0, random.between(1, 400)))
        topics.set(one.topic, [...(topics.get(one.topic) ?? []), one]);
      const topicMessages = [...topics].map(([topic, ofTopic]) => ({
        topic,
        messages: ofTopic.map(({ message: { key, value, headers = {} } }) => ({
          ...{ key, value, headers, partition: random.between(0, 6) },
        })),
      }));
      await producer.sendBatch({ topicMessages, acks: -1 });
    }
    await producer.disconnect();
  }
  /** Whether a group has committed the ends of all partitions. */
  async function hasLoadedAll(groupId: string): Promise<boolean> {
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    try {
      const committed = await admin.fetchOffsets({ groupId, topics: TOPICS });
      for (const { topic, partitions } of committed) {
        const of = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
        for (const { partition, high } of await admin.fetchTopicOffsets(topic))
          if (Number(high) > Math.max(0, of.get(partition) ?? 0)) return false;
      }
      return true;
    } finally {
      await admin.disconnect();
    }
  }

  it(
    'count once, and every delivery has its receipt',
    async () => {
      const kafka = `kafka://${broker.brokers[0]}`;
      const collect = (spool: string, kind: string, log: string) =>
        program(
          `${kind} (${spool})`,
          ...['collect', kind, '--log', at(log), '--to', kafka, '--spool', at(spool)],
          ...['--cluster', 'c', '--node', 'worker-1'],
        );
      const load = (name: string, ...args: string[]) =>
        program(name, '--store', store.location, 'load', '--from', kafka, ...args);
      const up = program('up', '--store', store.location, 'up', '--port', '0');
      const collectors = [
        ...[collect('k-1', 'k8s-audit', 'logs/audit.log'), collect('k-2', 'k8s-audit', 'logs/audit.log')],
        ...[collect('a-1', 'auditd', 'auditd/audit.log'), collect('a-2', 'auditd', 'auditd/audit.log')],
      ];
      // they gather other batches of the same messages
      const loaders = [load('one'), load('two', '--batch-bytes', '400000'), load('other', '--group', 'other')];
      for (const one of [up, ...collectors]) one.start();
      await makeAll();
      const all = new Set([...k8s.digests, ...auditd.digests]);
      const inTopics = async () =>
        new Set((await readTopics(broker.brokers, TOPICS)).map(({ message }) => digestOf(message.value ?? '')));
      await ground.until(async () => {
        const there = await inTopics().catch(() => new Set()); // topics that are just being made have no leader
        return [...all].every((digest) => there.has(digest));
      }, 'all records are in Kafka');
      for (const one of collectors) await one.stop();

      const firstSent = await readTopics(broker.brokers, TOPICS);
      for (const one of loaders) one.start();
      for (let i = 0; i < COPIES; i++) await sendAgain(firstSent);
      const sent = await readTopics(broker.brokers, TOPICS);
      expect(sent.length).toBe((1 + COPIES) * firstSent.length);
      expect(sent.length, 'of two collectors').toBeGreaterThanOrEqual((1 + COPIES) * 2 * all.size);

      for (const group of ['vestige', 'other'])
        await ground.until(() => hasLoadedAll(group), `group ${group} has loaded every message`, LOADED_MS_MAX);
      for (const one of [...loaders, up]) await one.stop();

      expect(await reckon(store, all), ground.told()).toEqual(allThere(all));
      expect(await typedRows(store)).toEqual({ k8s: k8s.digests.size, auditd: auditd.digests.size, united: 0 });
      const delivered = new Map<string, number>();
      for (const { message } of sent) {
        const digest = digestOf(message.value ?? '');
        delivered.set(digest, (delivered.get(digest) ?? 0) + 1);
      }
      const receipts = await store.ask('SELECT lower(hex(digest)) AS d, count() AS n FROM receipts FINAL GROUP BY d');
      expect(new Map(receipts.map(({ d, n }) => [String(d), Number(n)])), 'a receipt each').toEqual(delivered);
      const firsts =
        'SELECT count() AS n FROM records FINAL WHERE (digest, loader, seq) NOT IN (SELECT digest, loader, seq FROM receipts)';
      expect(await store.ask(firsts), 'a record names the delivery it came by').toEqual([{ n: 0 }]);
      expect(await gapsOf(store)).toEqual([]);
      const twice = loaders.map((one) => /(\d+) new records, (\d+) already there/.exec(one.said())?.slice(1).join('/'));
      console.info(
        `seed ${random.seed}: ${all.size} records in ${sent.length} messages, new/already there by loader: ${twice.join(', ')}; 0 lost, 0 doubled`,
      );
    },
    isFull ? 900_000 : 300_000,
  );
});
