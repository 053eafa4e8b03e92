// One membership in the consumer group: connected, subscribed, fetching into a gatherer until it fails or is closed. kafkajs survives what
// passes by itself; what it does not survive ends the membership, and a new one begins (kafka-source.ts).
import { type Admin, type Batch, type Consumer, type EachBatchPayload, Kafka, type KafkaMessage } from 'kafkajs';
import { putBatch } from './batch-deliveries.ts';
import { calmKafkajs } from './calm-kafkajs.ts';
import type { Gatherer } from './gatherer.ts';
import { useGzip } from './gzip.ts';
import { toKafkaConfig } from './kafka-address.ts';
import type { KafkaLoaderOptions, LoaderLimits, LostOffsets, Totals } from './loader-options.ts';
import { type Origin, putMessage } from './to-delivery.ts';
import { takeWholeBatches, wholeOf } from './whole-batches.ts';

interface MembershipOptions extends KafkaLoaderOptions {
  limits: LoaderLimits;
  gatherer: Gatherer;
  totals: Totals;
  sayOnce: (text: string) => void;
  onLost: (lost: LostOffsets) => void;
}

export interface Membership {
  /** Aborted when it is over. */
  readonly failed: AbortSignal;
  failure(): Error | undefined;
  /** Fetching goes on, where it stood still because the batch was full. */
  resume(): void;
  /** Commits, and forgets, the ends of partitions that are ours; keeps them when the group does not take them now. */
  commit(ends: Map<string, number>): Promise<void>;
  /** Messages still to be fetched. */
  lag(): number;
  /** Leaves the group. */
  close(): Promise<void>;
}

// A member is asked for a sign of life so often within its session.
const HEARTBEATS_PER_SESSION = 6;
const CLOSE_MS_MAX = 5_000;
const LOOK_FOR_TOPICS_MS = 5_000;

/** @throws whatever kafkajs, or the address, says */
export async function openMembership(options: MembershipOptions): Promise<Membership> {
  const { groupId, limits, totals, gatherer } = options;
  calmKafkajs();
  useGzip();
  takeWholeBatches();
  const kafka = new Kafka(toKafkaConfig(options.address));
  const admin = kafka.admin();
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: limits.sessionMs,
    rebalanceTimeout: limits.rebalanceMs,
    heartbeatInterval: Math.floor(limits.sessionMs / HEARTBEATS_PER_SESSION),
    maxBytes: limits.fetchBytesMax,
    maxBytesPerPartition: limits.partitionBytesMax,
    maxWaitTimeInMs: limits.fetchWaitMs,
    allowAutoTopicCreation: false,
    // what ends it is met by a new membership
    retry: { restartOnFailure: async () => false },
  });
  const failed = new AbortController();
  let failure: Error | undefined;
  const assigned = new Set<string>();
  let fetched: ReturnType<typeof createFetched> | undefined;
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    failure = payload.error;
    failed.abort();
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    totals.rebalances++;
    assigned.clear();
    for (const [topic, partitions] of Object.entries(payload.memberAssignment))
      for (const partition of partitions) assigned.add(`${topic}/${partition}`);
    gatherer.keepOnly((partition) => assigned.has(partition));
    fetched?.forget();
  });
  const closeAll = async () => {
    const closing = Promise.allSettled([consumer.disconnect(), admin.disconnect()]);
    // an answer that never comes must not hold up whoever tries again
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, CLOSE_MS_MAX).unref())]);
  };
  try {
    await admin.connect();
    const { clusterId } = await admin.describeCluster();
    await consumer.connect();
    const missing = await missingTopics(admin, options.topics);
    const topics = options.topics.filter(({ topic }) => !missing.includes(topic));
    if (topics.length === 0) throw new Error(`no topic ${missing.join(', ')} yet`);
    for (const topic of missing) options.sayOnce(`no topic ${topic} yet`);
    await consumer.subscribe({ topics: topics.map(({ topic }) => topic), fromBeginning: true });
    const taking = createFetched({ ...options, topics, clusterId, consumer, admin });
    // before it is run: kafkajs commits where it begins anew
    await taking.readCommitted();
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: taking.take,
    });
    fetched = taking;
    const looking = setInterval(async () => {
      const still = await missingTopics(admin, options.topics).catch(() => missing);
      if (still.length === missing.length) return;
      failure = new Error('another topic is there');
      failed.abort();
    }, LOOK_FOR_TOPICS_MS);
    if (missing.length === 0) clearInterval(looking);
    return {
      failed: failed.signal,
      failure: () => failure,
      resume: () => consumer.resume(topics.map(({ topic }) => ({ topic }))),
      commit: async (ends) => {
        for (const partition of ends.keys()) if (!assigned.has(partition)) ends.delete(partition);
        if (ends.size === 0) return;
        const offered = [...ends];
        try {
          await consumer.commitOffsets(offered.map(([name, end]) => ({ ...placeOf(name), offset: String(end) })));
        } catch {
          return; // in the middle of a rebalance: offered again
        }
        for (const [name, end] of offered) if (ends.get(name) === end) ends.delete(name);
      },
      lag: () => [...taking.lags].reduce((sum, [name, lag]) => sum + (assigned.has(name) ? lag : 0), 0),
      close: async () => {
        clearInterval(looking);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function missingTopics(admin: Admin, topics: KafkaLoaderOptions['topics']): Promise<string[]> {
  const there = new Set(await admin.listTopics());
  return topics.map(({ topic }) => topic).filter((topic) => !there.has(topic));
}

function placeOf(name: string): { topic: string; partition: number } {
  const cut = name.lastIndexOf('/');
  return { topic: name.slice(0, cut), partition: Number(name.slice(cut + 1)) };
}

/** What the consumer hands over goes to the gatherer; a full one stops the fetching of all topics. */
function createFetched(deps: MembershipOptions & { clusterId: string; consumer: Consumer; admin: Admin }) {
  const { gatherer, totals, consumer } = deps;
  const lags = new Map<string, number>();
  const expected = new Map<string, number>();
  const sources = new Map(deps.topics.map(({ topic, source = '' }) => [topic, source] as const));
  const readCommitted = async () => {
    for (const { topic, partitions } of await deps.admin.fetchOffsets({
      groupId: deps.groupId,
      topics: deps.topics.map((one) => one.topic),
    }))
      for (const { partition, offset } of partitions)
        if (Number(offset) >= 0) expected.set(`${topic}/${partition}`, Number(offset));
  };
  return {
    lags,
    readCommitted,
    /** Partitions were with others meanwhile: where these are is asked anew. */
    forget: () => {
      expected.clear();
      readCommitted().catch(() => undefined); // then a loss is not told; the next membership asks again
    },
    take: async ({ batch, resolveOffset, isRunning, isStale }: EachBatchPayload): Promise<void> => {
      const { topic, partition, messages } = batch;
      const name = `${topic}/${partition}`;
      const source = sources.get(topic) ?? '';
      const origin: Origin = { loader: `kafka:${deps.clusterId}/${name}`, topic, partition, source };
      const from = fetchedFrom(batch);
      if (messages[0]) await tellLost(deps, origin, expected.get(name), firstOffset(messages[0], from));
      if (!isRunning() || isStale()) return;
      let end = 0;
      for (const message of messages) {
        // what does not fit is fetched again
        if (gatherer.isFull()) break;
        end = Number(message.offset) + 1;
        gatherer.add(name, end, (table) => {
          const whole = wholeOf(message);
          const { odd, tombstones } = whole ? putBatch(whole, from, origin, table) : putMessage(message, origin, table);
          totals.odd += odd;
          totals.tombstones += tombstones;
        });
      }
      if (!gatherer.isFull()) {
        // control records of transactions have offsets too
        end = Number(batch.lastOffset()) + 1;
        gatherer.add(name, end);
      }
      if (end > 0) {
        expected.set(name, end);
        lags.set(name, Number(batch.highWatermark) - end);
        resolveOffset(String(end - 1));
      }
      if (gatherer.isFull()) consumer.pause(deps.topics.map((one) => ({ topic: one.topic })));
    },
  };
}

/** Where a fetch began: what kafkajs drops below it is in a batch that is taken as a whole. It is not among what kafkajs declares. */
const fetchedFrom = (batch: Batch): number => Number((batch as { fetchedOffset?: string }).fetchedOffset ?? 0);

const firstOffset = (message: KafkaMessage, from: number): number =>
  Math.max(from, wholeOf(message)?.firstOffset ?? Number(message.offset));

// Offsets are passed over for many reasons; lost are those below the first one that is still there.
async function tellLost(
  { admin, onLost }: MembershipOptions & { admin: Admin },
  { topic, partition }: Origin,
  expected: number | undefined,
  first: number,
): Promise<void> {
  if (expected === undefined || expected >= first) return;
  const low = (await admin.fetchTopicOffsets(topic)).find((one) => one.partition === partition)?.low;
  const to = Math.min(first, Number(low ?? 0));
  if (to > expected) onLost({ topic, partition, from: expected, to });
}
