// The parts of the bench that run from the node to the store, in a tiny form: that they measure what they say, not how fast it is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { isLaurelHere } from './others.ts';
import { measureAuditdCollector } from './pipeline/auditd-collector.ts';
import { measureDelay } from './pipeline/delay.ts';
import { measureLoader } from './pipeline/loader.ts';
import { BATCHES, measureWebhook } from './pipeline/webhook.ts';

describe.skipIf(!isAvailable() && !process.env['CI'])('the bench from the node to the store', () => {
  let broker: Broker;
  const directory = mkdtempSync(join(tmpdir(), 'vestige-bench-'));
  const place = () => ({ broker: broker.brokers[0] as string, directory });
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(async () => {
    await broker?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  it.concurrent('counts what a loader takes for events that are all decoded', async () => {
    const figures = await measureLoader({ ...place(), events: 3_000 });
    expect(figures).toMatchObject({ events: 3_000, decoded: 3_000 });
    expect(Math.abs(figures.eventBytes - 1_024)).toBeLessThan(150);
    expect(figures.cpuSeconds).toBeGreaterThan(0);
    expect(figures.kafkaCpuSeconds).toBeGreaterThan(0);
    expect(figures.ingestCpuSeconds).toBeGreaterThan(0);
  });

  it.concurrent('sees every line that was written as a row', async () => {
    const figures = await measureDelay({ ...place(), perSecond: 500, seconds: 2, warmUpSeconds: 1 });
    expect(figures.events).toBe(1_500);
    expect(figures.p50Ms).toBeGreaterThan(0);
    expect(figures.p50Ms).toBeLessThanOrEqual(figures.p95Ms);
    expect(figures.maxMs).toBeLessThan(30_000);
  });

  it.concurrent('gives the collector of auditd and LAUREL the same events', async () => {
    const figures = await measureAuditdCollector({ ...place(), perSecond: 300, seconds: 1, warmUpSeconds: 1 });
    expect(figures).toMatchObject({ events: 300, arrived: { log: 600, plugin: 600 } });
    expect(figures.log.cpuSeconds).toBeGreaterThan(0);
    // 0.05 and more where the bundled program has a copy of kafkajs that nobody calmed
    expect(figures.log.idleLoad).toBeLessThan(0.04);
    expect(figures.laurel !== undefined).toBe(isLaurelHere());
  });

  it.concurrent('has two thousand audit events a second acknowledged, none refused', async () => {
    const figures = await measureWebhook({ ...place(), perSecond: 2_000, seconds: 2, warmUpSeconds: 1 }, BATCHES);
    expect(figures.failed).toBe(0);
    expect(figures.arrived).toBeGreaterThanOrEqual(6_000);
    expect(figures.p50Ms).toBeGreaterThan(0);
    expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms);
    expect(figures.disk.over.p50Ms).toBeGreaterThan(0);
  });
});
