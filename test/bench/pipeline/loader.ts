// How many events a second a loader brings from Kafka into its store, by processor time of the whole process, engine included; and what of that
// are kafkajs and what an import of the same events takes.
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseKafkaAddress } from '../../../ingest/transport/kafka/kafka-address.ts';
import { createKafkaSink } from '../../../ingest/transport/kafka/kafka-sink.ts';
import { topicOf } from '../../../ingest/transport/kafka/topics.ts';
import { measureNode } from '../measure.ts';
import { askStore } from './asked-store.ts';
import { entriesOf, generateEvents } from './k8s-events.ts';
import { startProcess, startVestige, until } from './running.ts';

export interface LoaderFigures {
  events: number;
  eventBytes: number;
  /** Of the loader from its start to its end. */
  cpuSeconds: number;
  /** Of a loader that finds only `startEvents`: its start, and two openings of the store. */
  startCpuSeconds: number;
  startEvents: number;
  wallSeconds: number;
  peakBytes: number;
  /** Of a process that fetches the same messages and does nothing with them, its start not counted. */
  kafkaCpuSeconds: number;
  /** Of `vestige ingest` of the same events, the start of its engine counted. */
  ingestCpuSeconds: number;
  /** Rows of k8s_audit. */
  decoded: number;
}

const PREFIX = 'bench-loader.';
const START_PREFIX = 'bench-loader-start.';
const START_EVENTS = 1_000;
const PER_BATCH = 4_000;

export async function measureLoader(place: {
  broker: string;
  directory: string;
  events: number;
}): Promise<LoaderFigures> {
  const { broker, events } = place;
  const directory = join(place.directory, 'loader');
  mkdirSync(directory);
  const log = join(directory, 'events.log');
  const { bytes } = generateEvents(log, events);
  const from = `kafka://${broker}/${PREFIX}`;
  await fill(from, log);
  const few = join(directory, 'few.log');
  generateEvents(few, START_EVENTS);
  await fill(`kafka://${broker}/${START_PREFIX}`, few);
  const start = await loadAll(directory, `kafka://${broker}/${START_PREFIX}`, START_EVENTS);
  const loaded = await loadAll(directory, from, events);
  const kafkaCpuSeconds = await consumeAll(broker, events);
  const store = `embedded:${join(directory, 'imported')}`;
  const ingest = measureNode(resolve('dist/vestige.js'), ['--store', store, 'ingest', log]);
  rmSync(directory, { recursive: true, force: true });
  return {
    ...{ events, eventBytes: bytes / events - 1, ...loaded },
    ...{ startCpuSeconds: start.cpuSeconds, startEvents: START_EVENTS },
    ...{ kafkaCpuSeconds, ingestCpuSeconds: ingest.cpuSeconds },
  };
}

async function fill(to: string, log: string): Promise<void> {
  const sink = createKafkaSink({ address: parseKafkaAddress(to) });
  for await (const batch of entriesOf(log, PER_BATCH)) await sink.send(batch);
  await sink.close();
}

async function consumeAll(broker: string, events: number): Promise<number> {
  const consume = resolve('test/bench/pipeline/consume.mjs');
  const consumer = startProcess(process.execPath, [consume, broker, topicOf(PREFIX, 'k8s-audit'), String(events)]);
  await consumer.ended();
  return z.object({ cpuSeconds: z.number() }).parse(JSON.parse(consumer.said())).cpuSeconds;
}

/** A loader of its own, on a new store, until that has all. */
async function loadAll(directory: string, from: string, events: number) {
  const home = join(directory, `store-of-${events}`);
  const startMs = performance.now();
  const loader = startVestige([
    '--store',
    `embedded:${home}`,
    'load',
    '--from',
    from,
    '--group',
    `bench-loader-${events}`,
  ]);
  const store = askStore(home);
  let found: Record<string, unknown> | undefined;
  const isThere = async () => {
    loader.cpuSeconds(); // or say that it ended
    found = await store.ask('SELECT (SELECT count() FROM records) AS n, (SELECT count() FROM k8s_audit) AS decoded');
    return Number(found?.['n'] ?? 0) >= events;
  };
  await until(`${events} events in the store`, isThere, { everyMs: 200, msMax: 300_000 });
  const wallSeconds = (performance.now() - startMs) / 1000;
  const peakBytes = loader.peakBytes();
  await store.close();
  const cpuSeconds = await loader.stop();
  rmSync(home, { recursive: true, force: true });
  return { cpuSeconds, wallSeconds, peakBytes, decoded: Number(found?.['decoded'] ?? 0) };
}
