// Records of a source that can be read again, into a collector's place: what cannot be taken now is offered again until it is, and what was
// taken is on disk a moment later. Nothing more is read meanwhile, so no memory grows.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collected, CollectorPlace } from '../collector.ts';

// Written to disk so soon after it was read, and so seldom that many records share one fsync.
const COMMIT_MS = 200;
// A backlog is read faster than a disk writes: so much may be on its way.
const UNCOMMITTED_BYTES_MAX = 4 * 1024 * 1024;
// A full disk is full for a while.
const RETRY_MS = 1_000;

export interface Delivery {
  put(record: Collected): void;
  /** Records put and not yet delivered. */
  waiting(): number;
  /** Emits what was put. False when it is stopped before all was taken. */
  deliver(): Promise<boolean>;
  /** Sees to it that what was emitted gets to the disk. False when it is stopped before there is room for more. */
  commit(): Promise<boolean>;
  /** What was emitted is on disk, or that it is not was said. */
  end(): Promise<void>;
}

export function createDelivery(place: CollectorPlace): Delivery {
  const records: Collected[] = [];
  let emittedBytes = 0;
  let committedMs = performance.now();
  let inTrouble = false;

  const saySo = (error: unknown) => {
    if (!inTrouble) place.say(`not on disk: ${(error as Error).message}; tried again every second`);
    inTrouble = true;
  };
  const retry = () => sleep(RETRY_MS, undefined, { signal: place.stop }).catch(() => undefined);
  const commitNow = async (): Promise<boolean> => {
    try {
      await place.committed();
      inTrouble = false;
      return true;
    } catch (error) {
      saySo(error);
      return false;
    }
  };
  return {
    put: (record) => {
      records.push(record);
    },
    waiting: () => records.length,
    deliver: async () => {
      for (let i = 0; i < records.length; ) {
        const record = records[i] as Collected;
        if (place.emit(record)) {
          emittedBytes += record.raw.length;
          i++;
          continue;
        }
        saySo(new Error('no room for records'));
        await commitNow();
        if (place.stop.aborted) return false;
        await retry();
      }
      records.length = 0;
      return true;
    },
    commit: async () => {
      if (emittedBytes > UNCOMMITTED_BYTES_MAX) {
        while (!(await commitNow())) {
          if (place.stop.aborted) return false;
          await retry();
        }
        emittedBytes = 0;
      } else if (emittedBytes > 0 && performance.now() - committedMs > COMMIT_MS) {
        committedMs = performance.now();
        emittedBytes = 0;
        void commitNow();
      }
      return true;
    },
    end: async () => {
      await commitNow();
    },
  };
}
