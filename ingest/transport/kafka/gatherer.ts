// Between the consumer and the store: deliveries of all partitions gathered into a batch, while the one before is loaded.
import type { Deliveries } from '../../load/deliveries.ts';
import { createDeliveryTable, type DeliveryTable } from '../../load/delivery-table.ts';

export interface GatheredBatch {
  deliveries: Deliveries;
  bytes: number;
  /** The offset after the last one in the batch, by the name of the partition: `topic/partition`. */
  ends: Map<string, number>;
}

export interface GathererLimits {
  batchBytesMax: number;
  batchMessagesMax: number;
  /** After the first message. */
  batchWaitMs: number;
  /** The same, while more than a fetch waits in the topics: each batch costs the store a quarter of a second, however small it is. */
  behindWaitMs: number;
}

export interface Gatherer {
  /**
   * @param end the offset after it
   * @param put puts what there is to load of it into a table; without it there is nothing
   */
  add(partition: string, end: number, put?: (table: DeliveryTable) => void): void;
  isFull(): boolean;
  /**
   * A batch once it is full or has waited; undefined after `msMax`, or with `signal`, when there is none.
   * @param isBehind whether more waits in the topics than a fetch brings
   */
  next(signal: AbortSignal, msMax: number, isBehind?: () => boolean): Promise<GatheredBatch | undefined>;
  /** Of a partition that is another's now nothing is committed; what is gathered of it may be loaded all the same, beside what is ours. */
  keepOnly(isOurs: (partition: string) => boolean): void;
}

// What one takes beside its bytes: its place in the table, and its key and envelope, which stay where it lies.
const DELIVERY_BYTES_MORE = 300;

export function createGatherer(limits: GathererLimits): Gatherer {
  let batch = emptyBatch();
  let firstMs = 0;
  let wake: (() => void) | undefined;
  const isFull = () =>
    bytesOf(batch.deliveries) >= limits.batchBytesMax || batch.deliveries.length >= limits.batchMessagesMax;
  const isEmpty = () => batch.ends.size === 0;
  const pause = (signal: AbortSignal, ms: number) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      wake = done;
    });
  return {
    isFull,
    add: (partition, end, put) => {
      const wasEmpty = isEmpty();
      if (wasEmpty) firstMs = performance.now();
      put?.(batch.deliveries);
      batch.ends.set(partition, end);
      if (wasEmpty || isFull()) wake?.();
    },
    next: async (signal, msMax, isBehind = () => false) => {
      const deadline = performance.now() + msMax;
      while (!signal.aborted) {
        const now = performance.now();
        const waitMs = isBehind() ? limits.behindWaitMs : limits.batchWaitMs;
        const due = isEmpty() ? deadline : firstMs + waitMs;
        if (!isEmpty() && (isFull() || now >= due)) {
          const { deliveries, ends } = batch;
          batch = emptyBatch();
          return { deliveries, ends, bytes: bytesOf(deliveries) };
        }
        if (isEmpty() && now >= deadline) return undefined;
        // whether it is still behind is asked again
        await pause(signal, Math.max(1, Math.min(due - now, isEmpty() ? msMax : limits.batchWaitMs)));
      }
      return undefined;
    },
    keepOnly: (isOurs) => {
      for (const partition of batch.ends.keys()) if (!isOurs(partition)) batch.ends.delete(partition);
      // nothing of it is ours: whose it is loads it. Kept, it would fill a batch that never goes
      if (isEmpty()) batch = emptyBatch();
    },
  };
}

const emptyBatch = () => ({ deliveries: createDeliveryTable(), ends: new Map<string, number>() });

const bytesOf = ({ rawBytes, length }: DeliveryTable): number => rawBytes + length * DELIVERY_BYTES_MORE;
