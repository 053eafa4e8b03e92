// A spool drained into Kafka: one message a record, its bytes as value, its envelope as header, acknowledged by all replicas in sync.
import { CompressionTypes, type ICustomPartitioner, Kafka, Partitioners, type Producer } from 'kafkajs';
import type { RecordEntry } from '../../spool/entry.ts';
import { type Sink, SinkError } from '../sink.ts';
import { calmKafkajs } from './calm-kafkajs.ts';
import { toSinkError } from './errors.ts';
import { useGzip } from './gzip.ts';
import { headersOf, keyOf } from './header.ts';
import { describe, type KafkaAddress, toKafkaConfig } from './kafka-address.ts';
import { ensureTopics, type TopicSettings, topicOf } from './topics.ts';
import { NO_TIMESTAMP, type RecordMessage, sendWholeRequests } from './whole-requests.ts';

export interface KafkaSinkOptions {
  address: KafkaAddress;
  /** Of topics that have to be made. */
  topics?: TopicSettings;
  /** How long a batch is tried before `send` rejects. */
  sendMsMax?: number;
}

// Whoever sends tries again; it wants to hear within half a minute that nothing goes.
const SEND_MS_MAX = 30_000;
// How long a broker waits for its replicas.
const ACKNOWLEDGE_MS_MAX = 10_000;
// Topics that were made by others take batches of 1 MiB; ours are smaller even when they do not pack.
const REQUEST_BYTES_MAX = 900_000;
const MESSAGE_BYTES_MORE = 400; // envelope, key, lengths
const CLOSE_MS_MAX = 3_000;
const RETRIES = 4;

interface Link {
  kafka: Kafka;
  producer: Producer;
  /** Partitions that messages were given to since it was last emptied: `topic/partition`. */
  chosen: Set<string>;
  /** Those that are there for certain. */
  topics: Set<string>;
}

export function createKafkaSink(options: KafkaSinkOptions): Sink {
  const { address, sendMsMax = SEND_MS_MAX } = options;
  let link: Promise<Link> | undefined;
  // After a failure nobody knows what the broker has of a producer's sequence: the next batch goes by a new producer, and what is then in the
  // topic twice the loader finds.
  const drop = () => {
    const dropped = link;
    link = undefined;
    void dropped?.then(({ producer }) => producer.disconnect()).catch(() => undefined); // it may wait for answers that never come
  };
  const sendNow = async (batch: readonly RecordEntry[]): Promise<void> => {
    link ??= openLink(address);
    const { kafka, producer, topics, chosen } = await link;
    const missing = [...new Set(batch.map(({ meta }) => topicOf(address.topicPrefix, meta.source)))].filter(
      (t) => !topics.has(t),
    );
    if (missing.length > 0) await ensureTopics(kafka, missing, options.topics);
    for (const topic of missing) topics.add(topic);
    const compression = address.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
    for (const topicMessages of requestsOf(batch, address.topicPrefix)) {
      chosen.clear();
      const stored = await producer.sendBatch({ acks: -1, timeout: ACKNOWLEDGE_MS_MAX, compression, topicMessages });
      for (const { topicName, partition } of stored) chosen.delete(`${topicName}/${partition}`);
      if (chosen.size > 0)
        throw new SinkError('unavailable', `Kafka did not say that ${[...chosen].join(', ')} stored it`);
    }
  };
  let before: Promise<unknown> = Promise.resolve();
  return {
    address: describe(address),
    // one after the other, so that records of a node stay in order
    send: async (batch) => {
      const sent = before.then(() => within(sendMsMax, sendNow(batch)));
      before = sent.catch(() => undefined);
      try {
        await sent;
      } catch (error) {
        drop();
        throw toSinkError(error);
      }
    },
    close: async () => {
      const closing = link?.then(({ producer }) => producer.disconnect());
      link = undefined;
      // a connection that cannot be closed is left to the end of the process
      if (closing) await within(CLOSE_MS_MAX, closing).catch(() => undefined);
    },
  };
}

async function openLink(address: KafkaAddress): Promise<Link> {
  calmKafkajs();
  useGzip();
  sendWholeRequests();
  const chosen = new Set<string>();
  const kafka = new Kafka(toKafkaConfig(address));
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => noting(Partitioners.DefaultPartitioner(), chosen),
    retry: { retries: RETRIES },
  });
  await producer.connect();
  return { kafka, producer, chosen, topics: new Set() };
}

// kafkajs 2.2.4 tries again only brokers that have not answered yet (producer/sendMessages.js). A partition that moved meanwhile to one that
// has is sent to nobody, and the whole is reported as done: 60 of 37,400 records were lost that way in a test that kills brokers. So what
// was to be stored is compared with what it says was stored.
function noting(partitioner: Partitioner, chosen: Set<string>): Partitioner {
  // kafkajs hashes a key with numbers of any length: 4 us a message
  let last: { topic: string; key: unknown; partitions: number; partition: number } | undefined;
  return (args) => {
    const { topic, partitionMetadata, message } = args;
    const partitions = partitionMetadata.length;
    if (last === undefined || last.key !== message.key || last.topic !== topic || last.partitions !== partitions)
      last = { topic, key: message.key, partitions, partition: partitioner(args) };
    chosen.add(`${topic}/${last.partition}`);
    return last.partition;
  };
}

type Partitioner = ReturnType<ICustomPartitioner>;

/** Messages by topic, as many in a request as any topic takes; one that is larger goes alone. */
function* requestsOf(
  batch: readonly RecordEntry[],
  prefix: string,
): Iterable<{ topic: string; messages: RecordMessage[] }[]> {
  let topics = new Map<string, RecordMessage[]>();
  let bytes = 0;
  for (const entry of batch) {
    const { meta, raw } = entry;
    if (bytes > 0 && bytes + raw.length + MESSAGE_BYTES_MORE > REQUEST_BYTES_MAX) {
      yield [...topics].map(([topic, messages]) => ({ topic, messages }));
      topics = new Map();
      bytes = 0;
    }
    const topic = topicOf(prefix, meta.source);
    const messages = topics.get(topic) ?? [];
    topics.set(topic, messages);
    const message = { key: keyOf(meta), value: raw, headers: headersOf(entry), timestamp: NO_TIMESTAMP } as const;
    messages.push({ ...message, isRecord: true });
    bytes += raw.length + MESSAGE_BYTES_MORE;
  }
  if (bytes > 0) yield [...topics].map(([topic, messages]) => ({ topic, messages }));
}

/** @throws SinkError when it takes longer; what it does then is nobody's any more */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new SinkError('unavailable', `no answer of Kafka within ${ms / 1000} s`)), ms);
  });
  promise.catch(() => undefined); // heard here, or by nobody
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
