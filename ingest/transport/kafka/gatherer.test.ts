import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../../test/support/kafka/records.ts';
import { deliveryOf } from '../deliver.ts';
import { createGatherer } from './gatherer.ts';

const LIMITS = { batchBytesMax: 10_000, batchMessagesMax: 100, batchWaitMs: 40, behindWaitMs: 2_000 };
const delivery = (seq: number, bytes = 10) => deliveryOf(entryOf(Buffer.alloc(bytes)), { loader: 'kafka:c/t/0', seq });
const never = new AbortController().signal;

async function timed<T>(work: Promise<T>): Promise<{ ms: number; found: T }> {
  const startMs = performance.now();
  const found = await work;
  return { ms: performance.now() - startMs, found };
}

describe('a batch', () => {
  it('waits a moment for more while everything that came is here', async () => {
    const gatherer = createGatherer(LIMITS);
    gatherer.add('t/0', 1, delivery(0));
    const next = timed(gatherer.next(never, 5_000));
    await sleep(10);
    gatherer.add('t/0', 2, delivery(1));
    const { ms, found } = await next;
    expect(found).toMatchObject({ deliveries: [{ seq: 0 }, { seq: 1 }], ends: new Map([['t/0', 2]]) });
    expect(ms).toBeLessThan(1_000);
  });

  it('is filled while more waits in the topics, and goes when it is full', async () => {
    const gatherer = createGatherer(LIMITS);
    gatherer.add('t/0', 1, delivery(0));
    const next = timed(gatherer.next(never, 5_000, () => true));
    await sleep(200);
    gatherer.add('t/0', 2, delivery(1, 10_000));
    const { ms, found } = await next;
    expect(found?.deliveries).toHaveLength(2);
    expect(ms).toBeGreaterThan(190);
    expect(ms).toBeLessThan(1_500);
  });

  it('goes soon once nothing more waits in the topics', async () => {
    const gatherer = createGatherer(LIMITS);
    gatherer.add('t/0', 1, delivery(0));
    let isBehind = true;
    const next = timed(gatherer.next(never, 5_000, () => isBehind));
    await sleep(100);
    isBehind = false;
    expect((await next).ms).toBeLessThan(1_500);
  });

  it('does not wait for ever for topics that say they have more', async () => {
    const gatherer = createGatherer({ ...LIMITS, behindWaitMs: 150 });
    gatherer.add('t/0', 1, delivery(0));
    const { ms, found } = await timed(gatherer.next(never, 5_000, () => true));
    expect(found?.deliveries).toHaveLength(1);
    expect(ms).toBeGreaterThan(140);
    expect(ms).toBeLessThan(1_500);
  });

  it('is none when nothing comes, or when it is over', async () => {
    const gatherer = createGatherer(LIMITS);
    expect(await gatherer.next(never, 20)).toBeUndefined();
    const over = new AbortController();
    const next = gatherer.next(over.signal, 60_000);
    over.abort();
    expect(await next).toBeUndefined();
  });
});
