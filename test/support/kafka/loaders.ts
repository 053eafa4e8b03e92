// Stand-ins for the loader of the store: what they took can be looked at. The real one is tested with the store.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Deliveries, Delivery, DeliveryLoader } from '../../../ingest/load/deliveries.ts';
import type { Loaded } from '../../../ingest/load/load.ts';
import { digestOf } from './records.ts';

const loadedOf = (records: number): Loaded => ({
  ...{ records, duplicates: 0, deadLetters: 0 },
  events: { k8s_audit: records, auditd: 0, runtime: 0 },
});

interface MemoryLoader extends DeliveryLoader {
  readonly loaded: Delivery[];
  readonly batches: Delivery[][];
}

/** @param before each load; what it throws is what the load rejects with */
export function createMemoryLoader(before: (batch: Deliveries) => unknown = () => undefined): MemoryLoader {
  const loaded: Delivery[] = [];
  const batches: Delivery[][] = [];
  return {
    loaded,
    batches,
    load: async (batch) => {
      await before(batch);
      batches.push([...batch]);
      for (const delivery of batch) loaded.push(delivery);
      return loadedOf(batch.length);
    },
    close: async () => undefined,
  };
}

/** Appends a line for each delivery, digest, loader and seq, and waits until they are on disk. */
export function createFileLoader(path: string, before: (batch: Deliveries) => unknown): DeliveryLoader {
  const file = openSync(path, 'a');
  return {
    load: async (batch) => {
      await before(batch);
      writeSync(file, Array.from(batch, ({ raw, loader, seq }) => `${digestOf(raw)} ${loader} ${seq}\n`).join(''));
      fsyncSync(file);
      return loadedOf(batch.length);
    },
    close: async () => closeSync(file),
  };
}

/** What file loaders wrote; the last line may be torn, when one was killed. */
export function readLoaded(path: string): { digest: string; loader: string; seq: number }[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([digest = '', loader = '', seq]) => ({ digest, loader, seq: Number(seq) }));
}
