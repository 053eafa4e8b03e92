// Records as a spool gives them, all different and found again by their digest; what a topic holds, read by kafkajs's own consumer; a sink
// that is fed as a spool feeds it.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import type { RecordEntry } from '../../../ingest/spool/entry.ts';
import type { RecordMeta } from '../../../ingest/spool/record-meta.ts';
import { type Sink, SinkError } from '../../../ingest/transport/sink.ts';

const META: RecordMeta = {
  ...{ source: 'k8s-audit', cluster: 'prod', node: '', collector: 'vestige/test', boot_id: 'b0' },
  ...{ received_at: 1_732_617_330_854_321, stream: '/var/log/kubernetes/audit.log', position: 0, lines: 1, attrs: {} },
};

export const digestOf = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex');

export const entryOf = (raw: Buffer | string, meta: Partial<RecordMeta> = {}): RecordEntry => ({
  kind: 'record',
  meta: { ...META, ...meta },
  raw: Buffer.isBuffer(raw) ? raw : Buffer.from(raw),
});

/** Of about 1 KB each. `from` makes them different from those of other calls. */
export function entriesOf(count: number, from = 0, meta: Partial<RecordMeta> = {}): RecordEntry[] {
  const filler = 'abcdefghij'.repeat(90);
  return Array.from({ length: count }, (_, i) =>
    entryOf(`{"kind":"Event","auditID":"${from + i}","filler":"${filler}"}`, { position: (from + i) * 1024, ...meta }),
  );
}

export const kafkaOf = (brokers: readonly string[]): Kafka =>
  new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 20, maxRetryTime: 1000 } });

export interface Found {
  topic: string;
  partition: number;
  message: KafkaMessage;
}

// A broker that was away leads its partitions again a moment after it answers.
const LEADS_WITHIN_MS = 30_000;

async function offsetsOf(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  const until = Date.now() + LEADS_WITHIN_MS;
  for (;;) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      if (!(error as { retriable?: boolean }).retriable || Date.now() > until) throw error;
      await sleep(200);
    }
  }
}

/** All that topics hold now, by a consumer that is not the one under test. */
export async function readTopics(brokers: readonly string[], topics: readonly string[]): Promise<Found[]> {
  const kafka = kafkaOf(brokers);
  const admin = kafka.admin();
  await admin.connect();
  const left = new Map<string, number>();
  for (const topic of topics) {
    for (const { partition, low, high } of await offsetsOf(admin, topic)) {
      if (Number(high) > Number(low)) left.set(`${topic}/${partition}`, Number(high));
    }
  }
  await admin.disconnect();
  const found: Found[] = [];
  if (left.size === 0) return found;
  const consumer = kafka.consumer({
    groupId: `reading-${Math.random()}`,
    maxWaitTimeInMs: 100,
    maxBytes: 64e6,
    maxBytesPerPartition: 32e6,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await new Promise<void>((done, failed) => {
    const eachBatch = async ({ batch: { topic, partition, messages } }: { batch: BatchOf }) => {
      for (const message of messages) {
        found.push({ topic, partition, message });
        if (Number(message.offset) + 1 >= (left.get(`${topic}/${partition}`) ?? 0))
          left.delete(`${topic}/${partition}`);
      }
      if (left.size === 0) done();
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(failed);
  });
  await consumer.disconnect();
  return found;
}
interface BatchOf {
  topic: string;
  partition: number;
  messages: KafkaMessage[];
}

/** Sends as a spool is drained: the same batch again until it is taken. */
export async function drain(sink: Sink, batches: Iterable<readonly RecordEntry[]>, waitMs = 200): Promise<SinkError[]> {
  const failures: SinkError[] = [];
  for (const batch of batches) {
    for (;;) {
      try {
        await sink.send(batch);
        break;
      } catch (error) {
        if (!(error instanceof SinkError) || error.code === 'too-large') throw error;
        failures.push(error);
        await sleep(waitMs);
      }
    }
  }
  return failures;
}

/** Digests of `expected` that are not among `found`. */
export function missingOf(expected: readonly RecordEntry[], found: Iterable<Buffer | null>): string[] {
  const there = new Set([...found].map((value) => digestOf(value ?? Buffer.alloc(0))));
  return expected.map(({ raw }) => digestOf(raw)).filter((digest) => !there.has(digest));
}
