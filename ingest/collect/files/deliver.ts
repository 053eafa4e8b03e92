// Records of a source that can be read again, into a collector's place: what cannot be taken now is offered again until it is. Nothing more is
// read meanwhile, and a backlog is read no faster than the disk writes, so no memory grows.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collected, CollectorPlace } from '../collector.ts';

// So much may be on its way to the disk: sixteen reads of a log.
const UNCOMMITTED_BYTES_MAX = 4 * 1024 * 1024;
// A full disk is full for a while; the runtime tries to write ten times a second.
const RETRY_MS = 500;

export interface Delivery {
  put(record: Collected): void;
  /** Records put and not yet taken, and their bytes. */
  waiting(): { records: number; bytes: number };
  /** The bytes they lie in go. */
  hold(): void;
  /** Emits what was put, at once: what follows in the same breath is committed with it. False when something could not be taken. */
  deliver(): boolean;
  /** Resolves when more may be tried, or read; false when it is stopped before. */
  pace(): Promise<boolean>;
}

export function createDelivery(place: CollectorPlace): Delivery {
  let records: Collected[] = [];
  let waitingBytes = 0;
  let held = 0;
  let emittedBytes = 0;
  const pause = async (): Promise<boolean> => {
    if (!place.stop.aborted) await sleep(RETRY_MS, undefined, { signal: place.stop }).catch(() => undefined);
    return !place.stop.aborted;
  };
  return {
    put: (record) => {
      records.push(record);
      waitingBytes += record.raw.length;
    },
    waiting: () => ({ records: records.length, bytes: waitingBytes }),
    hold: () => {
      for (; held < records.length; held++) {
        const record = records[held] as Collected;
        records[held] = { ...record, raw: Buffer.from(record.raw) };
      }
    },
    deliver: () => {
      for (const [i, record] of records.entries()) {
        if (!place.emit(record)) {
          records = records.slice(i);
          held = Math.max(0, held - i);
          return false;
        }
        emittedBytes += record.raw.length;
        waitingBytes -= record.raw.length;
      }
      records = [];
      held = 0;
      return true;
    },
    pace: async () => {
      if (records.length > 0) return await pause();
      while (emittedBytes > UNCOMMITTED_BYTES_MAX) {
        // the runtime says why not
        const isWritten = await place.committed().then(
          () => true,
          () => false,
        );
        if (isWritten) emittedBytes = 0;
        else if (!(await pause())) return false;
      }
      return true;
    },
  };
}
