// The topics records travel in, one a source, made with settings that lose nothing when there are none. Those that are there are left as
// they are: an operator's settings hold.
import type { Kafka } from 'kafkajs';
import type { CollectedSource } from '../../spool/record-meta.ts';

export const topicOf = (prefix: string, source: CollectedSource): string => `${prefix}${source}`;

export interface TopicSettings {
  partitions: number;
  retentionMs: number;
}

export const TOPIC_SETTINGS: TopicSettings = {
  // as many loaders can share the work
  partitions: 6,
  // a loader that stood still over a long weekend finds everything
  retentionMs: 7 * 24 * 3600 * 1000,
};

const REPLICAS_MAX = 3;
// A record has at most 16 MiB (frame/lines.ts), and an envelope of 64 KB: twice that is room enough.
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const CREATE_MS_MAX = 15_000;

/** Makes those that are missing. Others may do so at the same time. Rejects as kafkajs does. */
export async function ensureTopics(
  kafka: Kafka,
  topics: readonly string[],
  settings: TopicSettings = TOPIC_SETTINGS,
): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const there = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !there.has(topic));
    if (missing.length === 0) return;
    const replicas = Math.min(REPLICAS_MAX, (await admin.describeCluster()).brokers.length);
    await admin.createTopics({
      // whoever sends waits for leaders, and asks again where a broker has not heard of the topic yet; the client's own wait gives up there
      waitForLeaders: false,
      timeout: CREATE_MS_MAX,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: settings.partitions,
        replicationFactor: replicas,
        configEntries: Object.entries(configOf(replicas, settings)).map(([name, value]) => ({ name, value })),
      })),
    });
  } finally {
    // what waits for an answer that does not come must not hold up whoever tries again
    void admin.disconnect().catch(() => undefined);
  }
}

const configOf = (replicas: number, { retentionMs }: TopicSettings): Record<string, string> => ({
  // one broker of three may be away, and what was acknowledged is on two
  'min.insync.replicas': String(Math.max(1, replicas - 1)),
  'retention.ms': String(retentionMs),
  'cleanup.policy': 'delete',
  'max.message.bytes': String(MESSAGE_BYTES_MAX),
  // stored as it was sent
  'compression.type': 'producer',
  // Age counts from when the broker had it. By the collector's clock a record of a node whose clock stands in 1970 would be deleted at
  // once, and one from tomorrow would be refused; when the collector had it is in the headers.
  'message.timestamp.type': 'LogAppendTime',
});
