// Between the consumer and the store: deliveries of all partitions gathered into a batch, while the one before is loaded.
import type { Delivery } from '../../load/deliveries.ts';

export interface GatheredBatch {
  deliveries: Delivery[];
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
  /** @param end the offset after it; without a delivery: a message that is nothing to load */
  add(partition: string, end: number, delivery?: Delivery): void;
  isFull(): boolean;
  /**
   * A batch once it is full or has waited; undefined after `msMax`, or with `signal`, when there is none.
   * @param isBehind whether more waits in the topics than a fetch brings
   */
  next(signal: AbortSignal, msMax: number, isBehind?: () => boolean): Promise<GatheredBatch | undefined>;
  /** Of a partition that is another's now nothing is committed; what is gathered of it may be loaded all the same, beside what is ours. */
  keepOnly(isOurs: (partition: string) => boolean): void;
}

// What an object costs beside its bytes, for batches of very small messages.
const DELIVERY_BYTES_MORE = 300;

export function createGatherer(limits: GathererLimits): Gatherer {
  let batch = emptyBatch();
  let firstMs = 0;
  let wake: (() => void) | undefined;
  const isFull = () => batch.bytes >= limits.batchBytesMax || batch.deliveries.length >= limits.batchMessagesMax;
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
    add: (partition, end, delivery) => {
      const wasEmpty = isEmpty();
      if (wasEmpty) firstMs = performance.now();
      if (delivery) {
        batch.deliveries.push(delivery);
        batch.bytes += delivery.raw.length + DELIVERY_BYTES_MORE;
      }
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
          const taken = batch;
          batch = emptyBatch();
          return taken;
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

const emptyBatch = (): GatheredBatch => ({ deliveries: [], bytes: 0, ends: new Map() });
