// Bodies of many collectors to few loads: a load takes a third of a second however little it brings. Those that arrive within a moment
// go together, one load after the other; each sender hears when its own are in the store.
import type { DeliveryLoader } from '../../load/deliveries.ts';
import type { Loaded } from '../../load/load.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { deliveryOf } from '../deliver.ts';

export interface LoadGatherer {
  /**
   * Resolves once the store has them. Nothing of it is loaded when `gone` is aborted before its load begins.
   * @returns what the load brought that they were part of
   * @throws what the loader throws
   */
  add(records: readonly RecordEntry[], bytes: number, gone: AbortSignal): Promise<Loaded>;
  /** Why the last load failed. */
  trouble(): string | undefined;
  waiting(): number;
}

export interface LoadGathererOptions {
  loader: Pick<DeliveryLoader, 'load'>;
  /** Names whoever loads, another one for each start. */
  name: string;
  /** How long the first of a load waits for others. */
  gatherMs: number;
  batchBytesMax: number;
}

interface Waiting {
  records: readonly RecordEntry[];
  bytes: number;
  since: number;
  gone: AbortSignal;
  resolve: (loaded: Loaded) => void;
  reject: (error: unknown) => void;
}

export function createLoadGatherer({ loader, name, gatherMs, batchBytesMax }: LoadGathererOptions): LoadGatherer {
  let queue: Waiting[] = [];
  let bytes = 0;
  let seq = 0;
  let running = false;
  let failure: unknown;
  let fill: (() => void) | undefined;

  const isFull = () => bytes >= batchBytesMax;
  /** Until the first has waited long enough, or there is enough for a load. */
  const gather = async (): Promise<void> => {
    const first = queue[0];
    const ms = first === undefined ? 0 : first.since + gatherMs - performance.now();
    if (ms <= 0 || isFull()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      fill = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    fill = undefined;
  };
  const leave = (waiting: Waiting): void => {
    bytes -= waiting.bytes;
  };
  const next = (): Waiting[] => {
    const batch: Waiting[] = [];
    let batchBytes = 0;
    // after a failure one by one: what was too much for the store at once may pass, and one of them holds up no other
    const most = failure === undefined ? Number.POSITIVE_INFINITY : 1;
    while (queue[0] !== undefined && batch.length < most && (batchBytes === 0 || batchBytes < batchBytesMax)) {
      const waiting = queue.shift() as Waiting;
      leave(waiting);
      if (waiting.gone.aborted) continue;
      batch.push(waiting);
      batchBytes += waiting.bytes;
    }
    return batch;
  };
  const loadNext = async (): Promise<void> => {
    await gather();
    const batch = next();
    if (batch.length === 0) return;
    try {
      const deliveries = batch.flatMap(({ records }) =>
        records.map((record) => deliveryOf(record, { loader: name, seq: ++seq })),
      );
      const loaded = await loader.load(deliveries);
      failure = undefined;
      for (const { resolve } of batch) resolve(loaded);
    } catch (error) {
      failure = error;
      for (const { reject } of batch) reject(error);
    }
  };
  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    while (queue.length > 0) await loadNext();
    running = false;
  };
  return {
    add: (records, size, gone) =>
      new Promise((resolve, reject) => {
        const waiting = { records, bytes: size, since: performance.now(), gone, resolve, reject };
        queue.push(waiting);
        bytes += size;
        gone.addEventListener('abort', () => {
          if (!queue.includes(waiting)) return; // on its way
          queue = queue.filter((other) => other !== waiting);
          leave(waiting);
          reject(gone.reason);
        });
        if (isFull()) fill?.();
        void run();
      }),
    trouble: () => (failure === undefined ? undefined : String(failure)),
    waiting: () => queue.length,
  };
}
