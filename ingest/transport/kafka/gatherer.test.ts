import { describe, expect, it } from 'vitest';
import type { DeliveryHead, DeliveryTable } from '../../load/delivery-table.ts';
import { createGatherer } from './gatherer.ts';

const LIMITS = { batchBytesMax: 10_000, batchMessagesMax: 100, batchWaitMs: 1, behindWaitMs: 1 };
const delivery = (bytes: number) => (table: DeliveryTable) =>
  table.add({} as DeliveryHead, { seq: 0, receivedAtUs: 0, position: 0 }, Buffer.alloc(bytes), 0, bytes);
const { signal } = new AbortController();

describe('what is gathered for the store', () => {
  it('of partitions that are others’ now holds up nobody, also when it was all there was, and full', async () => {
    const gatherer = createGatherer(LIMITS);
    gatherer.add('t/0', 1, delivery(20_000));
    expect(gatherer.isFull()).toBe(true);
    gatherer.keepOnly(() => false);
    expect(gatherer.isFull()).toBe(false);
    expect(await gatherer.next(signal, 10)).toBeUndefined();
    gatherer.add('t/1', 8, delivery(5));
    expect(await gatherer.next(signal, 1_000)).toMatchObject({
      deliveries: { length: 1 },
      ends: new Map([['t/1', 8]]),
    });
  });

  it('of partitions of which some are still ours is loaded, and their ends alone are committed', async () => {
    const gatherer = createGatherer(LIMITS);
    gatherer.add('t/0', 1, delivery(5));
    gatherer.add('t/1', 4, delivery(5));
    gatherer.keepOnly((partition) => partition === 't/1');
    const batch = await gatherer.next(signal, 1_000);
    expect(batch?.deliveries).toHaveLength(2);
    expect([...(batch?.ends ?? [])]).toEqual([['t/1', 4]]);
  });
});
