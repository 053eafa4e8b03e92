// Three brokers, and one after the other is killed: leaders change, the coordinator of the group moves. Every record arrives.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryLoader } from '../../../test/support/kafka/loaders.ts';
import { drain, entriesOf, missingOf } from '../../../test/support/kafka/records.ts';
import { type Broker, isAvailable, startCluster } from '../../../test/support/kafka.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { parseKafkaAddress } from './kafka-address.ts';
import { createKafkaSink } from './kafka-sink.ts';
import { runKafkaLoader } from './kafka-source.ts';

const isFull = process.env['VESTIGE_FAULTS'] === 'full';

describe.skipIf(!isAvailable() && !process.env['CI'])('a cluster whose brokers are killed', () => {
  let brokers: Broker[] = [];
  beforeAll(async () => {
    brokers = await startCluster(3);
  });
  afterAll(async () => {
    for (const broker of brokers) await broker.remove();
  });

  it('loses nothing on the way from sink to loader', async () => {
    const address = parseKafkaAddress(`kafka://${brokers.flatMap((broker) => broker.brokers)}/`);
    const sink = createKafkaSink({ address });
    const entries: RecordEntry[] = [];
    let isOver = false;
    const batches = function* () {
      for (let n = 0; !isOver; n += 100) {
        const batch = entriesOf(100, n).map((entry, i) => ({ ...entry, meta: { ...entry.meta, node: `n${i % 10}` } }));
        entries.push(...batch);
        yield batch;
      }
    };
    await sink.send(entriesOf(1, -1)); // the topic is there
    const stop = new AbortController();
    const loader = createMemoryLoader(() => sleep(20));
    const said: string[] = [];
    const loading = runKafkaLoader({
      ...{ address, topics: [{ topic: 'vestige.k8s-audit' }], groupId: 'cluster', loader, stop: stop.signal },
      say: (text) => said.push(text),
      limits: { sessionMs: 6_000, rebalanceMs: 10_000, batchWaitMs: 50 },
    });
    const draining = drain(sink, batches());
    // all three: the leader of each partition and the coordinator are among them
    for (const broker of isFull ? [...brokers, ...brokers] : brokers) {
      await sleep(1000);
      await broker.kill();
      await sleep(isFull ? 5000 : 1500);
      await broker.restart();
    }
    isOver = true;
    await draining;
    const raws = () =>
      missingOf(
        entries,
        loader.loaded.map(({ raw }) => raw),
      ).length;
    await expect.poll(raws, { timeout: 60_000, interval: 500 }).toBe(0);
    stop.abort();
    await loading;
    await sink.close();
    expect(entries.length).toBeGreaterThan(1000);
    console.info(`${entries.length} records, ${loader.loaded.length} loaded; ${said.join('; ')}`);
  });
});
