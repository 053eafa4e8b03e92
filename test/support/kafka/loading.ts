// Loaders under test in this process, against one real broker: topics filled by the sink, offsets looked up as an operator would.
import { expect } from 'vitest';
import type { DeliveryLoader } from '../../../ingest/load/deliveries.ts';
import type { RecordEntry } from '../../../ingest/spool/entry.ts';
import { parseKafkaAddress } from '../../../ingest/transport/kafka/kafka-address.ts';
import { createKafkaSink } from '../../../ingest/transport/kafka/kafka-sink.ts';
import { runKafkaLoader } from '../../../ingest/transport/kafka/kafka-source.ts';
import type { KafkaLoaderOptions, LostOffsets, Totals } from '../../../ingest/transport/kafka/loader-options.ts';
import { type Broker, startBroker } from '../kafka.ts';
import { kafkaOf } from './records.ts';

export async function startLoading() {
  const broker: Broker = await startBroker();
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
  /** Polls. */
  const until = (what: () => unknown, timeout = 20_000) => expect.poll(what, { timeout, interval: 20 });
  const end = async () => {
    for (const one of running) await one.stop();
    await broker.remove();
  };
  return { broker, fill, run, committed, createTopic, until, end };
}
