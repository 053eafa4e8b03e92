// Several loaders in one group, each a process; they are killed at any moment. Every message is loaded, and no offset is committed before
// what is before it is loaded.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLoaded } from '../../../test/support/kafka/loaders.ts';
import { digestOf, drain, entriesOf, kafkaOf } from '../../../test/support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../../../test/support/kafka.ts';
import { parseKafkaAddress } from './kafka-address.ts';
import { createKafkaSink } from './kafka-sink.ts';

const isFull = process.env['VESTIGE_FAULTS'] === 'full';
const TOPIC = 'vestige.k8s-audit';
const GROUP = 'loaders';

// A loader that takes its time, so that a kill comes while it loads.
const PROGRAM = `
  import { parseKafkaAddress } from './ingest/transport/kafka/kafka-address.ts';
  import { runKafkaLoader } from './ingest/transport/kafka/kafka-source.ts';
  import { createFileLoader } from './test/support/kafka/loaders.ts';
  const [address, path] = process.argv.slice(2);
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const loader = createFileLoader(path, () => new Promise((done) => setTimeout(done, 30)));
  await runKafkaLoader({
    address: parseKafkaAddress(address), topics: [{ topic: '${TOPIC}' }], groupId: '${GROUP}', loader,
    limits: { sessionMs: 6000, rebalanceMs: 10000, batchWaitMs: 50, batchMessagesMax: 100, partitionBytesMax: 100000 },
    stop: stop.signal, say: (text) => console.error(text),
  });
  process.exit(0);
`;

describe.skipIf(!isAvailable() && !process.env['CI'])('loaders in one group', () => {
  let broker: Broker;
  const directory = mkdtempSync(join(tmpdir(), 'vestige-group-'));
  const program = join(directory, 'loader.mjs');
  const processes: ChildProcess[] = [];
  const paths: string[] = [];
  const start = (): ChildProcess => {
    const path = join(directory, `loaded-${paths.length}`);
    paths.push(path);
    const child = spawn(process.execPath, [program, `kafka://${broker.brokers}/`, path], { stdio: 'ignore' });
    processes.push(child);
    return child;
  };
  const end = async (child: ChildProcess, signal: NodeJS.Signals) => {
    const gone = new Promise((done) => child.once('close', done));
    child.kill(signal);
    await gone;
  };
  const loaded = () => paths.filter((path) => existsSync(path)).flatMap(readLoaded);

  beforeAll(async () => {
    const require = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
    await build({
      stdin: { contents: PROGRAM, resolveDir: resolve('.'), loader: 'ts' },
      ...{ outfile: program, bundle: true, platform: 'node', target: 'node20', format: 'esm', banner: { js: require } },
    });
    broker = await startBroker();
  });
  afterAll(async () => {
    for (const child of processes) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await broker?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  it('load every message however they are killed, and commit nothing that is not loaded', async () => {
    const count = isFull ? 60_000 : 6_000;
    const entries = entriesOf(count).map((entry, i) => ({ ...entry, meta: { ...entry.meta, node: `n${i % 20}` } }));
    const sink = createKafkaSink({ address: parseKafkaAddress(`kafka://${broker.brokers}/`) });
    await drain(sink, [entries]);
    await sink.close();
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    /** Offsets that are committed, though what is before them is not on disk. Committed is asked first. */
    const tooFar = async () => {
      const [answer] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] });
      const there = new Map<string, Set<number>>();
      for (const { loader, seq } of loaded()) there.set(loader, (there.get(loader) ?? new Set()).add(seq));
      return (answer?.partitions ?? []).filter(({ partition, offset }) => {
        const seqs = [...there].find(([name]) => name.endsWith(`/${partition}`))?.[1] ?? new Set();
        return Array.from({ length: Math.max(0, Number(offset)) }, (_, i) => i).some((seq) => !seqs.has(seq));
      });
    };
    let [a, b] = [start(), start()];
    for (let kill = 0; kill < (isFull ? 10 : 2); kill++) {
      await sleep(isFull ? 3000 + Math.random() * 3000 : 1500 + Math.random() * 500);
      await end(kill % 2 ? b : a, 'SIGKILL');
      expect(await tooFar()).toEqual([]);
      if (kill % 2) b = start();
      else a = start();
    }
    const missing = () => {
      const there = new Set(loaded().map(({ digest }) => digest));
      return entries.filter(({ raw }) => !there.has(digestOf(raw))).length;
    };
    await expect.poll(missing, { timeout: 60_000, interval: 300 }).toBe(0);
    expect(await tooFar()).toEqual([]);
    // one that is asked to end hands over at once
    await end(a, 'SIGTERM');
    const more = entriesOf(100, count).map((entry, i) => ({ ...entry, meta: { ...entry.meta, node: `n${i % 20}` } }));
    const again = createKafkaSink({ address: parseKafkaAddress(`kafka://${broker.brokers}/`) });
    await again.send(more);
    await again.close();
    entries.push(...more);
    await expect.poll(missing, { timeout: 5_000, interval: 100 }).toBe(0);
    await end(b, 'SIGTERM');
    await admin.disconnect();
    console.info(`${entries.length} messages, loaded ${loaded().length} times`);
  });
});
