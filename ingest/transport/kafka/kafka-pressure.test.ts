// The loader against a real broker, while the store is slow, or away.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryLoader } from '../../../test/support/kafka/loaders.ts';
import { startLoading } from '../../../test/support/kafka/loading.ts';
import { entriesOf } from '../../../test/support/kafka/records.ts';
import { isAvailable } from '../../../test/support/kafka.ts';
import { LOADER_LIMITS } from './loader-options.ts';

const isFull = process.env['VESTIGE_FAULTS'] === 'full';

describe.skipIf(!isAvailable() && !process.env['CI'])('a loader from Kafka whose store is slow', () => {
  let on: Awaited<ReturnType<typeof startLoading>>;
  beforeAll(async () => {
    on = await startLoading();
  });
  afterAll(() => on?.end());

  it(`keeps its place in the group while a load takes ${isFull ? 45 : 9} s`, async () => {
    await on.fill('slow.k8s-audit', entriesOf(50));
    let loads = 0;
    const slow = createMemoryLoader(() => (++loads === 1 ? sleep(isFull ? 45_000 : 9_000) : undefined));
    const limits = { sessionMs: isFull ? 10_000 : 6_000, rebalanceMs: 10_000, batchWaitMs: 50 };
    const { stop } = on.run('slow.k8s-audit', slow, { limits });
    await on.until(() => Object.keys(slow.loaded).length, 60_000).toBe(50);
    await on.fill('slow.k8s-audit', entriesOf(50, 50));
    await on.until(() => slow.loaded.length).toBe(100);
    expect(await stop()).toMatchObject({ rebalances: 1, messages: 100 });
    expect(Object.values(await on.committed('slow.k8s-audit'))).toEqual([100]);
  });

  it('waits for a store that is away, and commits nothing meanwhile', async () => {
    await on.fill('away.k8s-audit', entriesOf(100));
    let isAway = true;
    const loader = createMemoryLoader(() => {
      if (isAway) throw Object.assign(new Error('connect ECONNREFUSED'), { retriable: true });
    });
    const { stop, said } = on.run('away.k8s-audit', loader);
    await on.until(() => said.length).toBe(1);
    await sleep(2500);
    expect(await on.committed('away.k8s-audit')).toEqual({});
    isAway = false;
    await on.until(async () => Object.values(await on.committed('away.k8s-audit'))).toEqual([100]);
    await stop();
    expect(loader.loaded.length).toBe(100);
    expect(said.map((text) => text.slice(0, 30))).toEqual([
      'the store takes no records: co',
      'the store takes records again',
    ]);
  });

  it('holds two batches and no more while the store stands still', async () => {
    await on.createTopic('pressure.k8s-audit', 3);
    await on.fill(
      'pressure.k8s-audit',
      entriesOf(20_000).map((entry, i) => ({ ...entry, meta: { ...entry.meta, node: `${i % 9}` } })),
    );
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    const seen: number[] = [];
    const loader = createMemoryLoader((batch) => {
      seen.push(batch.length);
      return held;
    });
    const batchBytesMax = 1024 * 1024;
    const { stop } = on.run('pressure.k8s-audit', loader, {
      limits: { batchBytesMax, sessionMs: 6_000, rebalanceMs: 10_000 },
    });
    await on.until(() => seen.length).toBe(1);
    await sleep(1500);
    release();
    await on.until(() => loader.loaded.length).toBe(20_000);
    await stop();
    // a batch is full once it is over its bytes: by one message at most
    const bytes = loader.batches.map((batch) => batch.reduce((sum, { raw }) => sum + raw.length, 0));
    expect(Math.max(...bytes)).toBeLessThan(batchBytesMax + 2_000);
    expect(LOADER_LIMITS.batchBytesMax).toBe(64 * 1024 * 1024);
  });
});
