// `vestige load`: from Kafka into the store, as one of any number of loaders in a consumer group. Messages of all partitions are gathered into
// a batch while the one before is loaded; offsets are committed when the store has what is before them, and never sooner. No fault ends it: it
// ends when it is told to (docs/decisions/0009-kafka-to-store.md).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, DeliveryLoader } from '../../load/deliveries.ts';
import type { Loaded } from '../../load/load.ts';
import { createGatherer, type GatheredBatch, type Gatherer, type GathererLimits } from './gatherer.ts';
import type { KafkaAddress } from './kafka-address.ts';
import { type LostOffsets, type Membership, openMembership } from './membership.ts';

export interface LoaderLimits extends GathererLimits {
  sessionMs: number;
  rebalanceMs: number;
  /** Of one answer of a broker, and of one partition in it. */
  fetchBytesMax: number;
  partitionBytesMax: number;
  /** How long a broker keeps a fetch that has nothing. */
  fetchWaitMs: number;
}

export const LOADER_LIMITS: LoaderLimits = {
  // what a store takes at once without much memory; a second batch gathers meanwhile, so that there are two of them
  batchBytesMax: 32 * 1024 * 1024,
  batchMessagesMax: 100_000,
  // of the second and a half from source to row
  batchWaitMs: 300,
  sessionMs: 20_000,
  rebalanceMs: 60_000,
  // packed ten to one this is a batch and a half
  fetchBytesMax: 4 * 1024 * 1024,
  partitionBytesMax: 1024 * 1024,
  fetchWaitMs: 200,
};

export interface Totals {
  /** Loaded, again after a rebalance counted again. */
  messages: number;
  bytes: number;
  batches: number;
  loaded: Loaded;
  /** Messages without value: nothing to load. */
  tombstones: number;
  /** Offsets that were gone before they were read. */
  lost: number;
  /** Envelopes that cannot be read. */
  odd: number;
  /** How often the group was divided anew, this loader being in it. */
  rebalances: number;
}

export interface KafkaLoaderOptions {
  address: KafkaAddress;
  /** With what their messages hold that do not say it. */
  topics: readonly { topic: string; source?: Delivery['source'] }[];
  groupId: string;
  loader: DeliveryLoader;
  limits?: Partial<LoaderLimits>;
  /** What is being loaded is loaded and committed; then the group is left, so that others take over at once. */
  stop: AbortSignal;
  say: (text: string) => void;
  /** After each batch. `lag`: messages of this loader's partitions that are still to be fetched. */
  onProgress?: (totals: Totals, lag: number) => void;
  onLost?: (lost: LostOffsets) => void;
}

const JOIN_AGAIN_FIRST_MS = 500;
const JOIN_AGAIN_MS_MAX = 15_000;
const LOAD_AGAIN_FIRST_MS = 500;
const LOAD_AGAIN_MS_MAX = 15_000;
// What the group did not take, in the middle of a rebalance, is offered again so soon.
const COMMIT_AGAIN_MS = 1_000;

/** Runs until `stop`. Rejects only for a bug. */
export async function runKafkaLoader(options: KafkaLoaderOptions): Promise<Totals> {
  const limits = { ...LOADER_LIMITS, ...options.limits };
  const { stop, say } = options;
  const totals = noTotals();
  const saidOnce = new Set<string>();
  const sayOnce = (text: string) => {
    if (!saidOnce.has(text)) say(text);
    saidOnce.add(text);
  };
  let said = '';
  for (let waitMs = JOIN_AGAIN_FIRST_MS; !stop.aborted; ) {
    const gatherer = createGatherer(limits);
    const startedMs = performance.now();
    try {
      const membership = await openMembership({
        ...options,
        ...{ limits, gatherer, totals, sayOnce },
        onLost: (lost) => {
          totals.lost += lost.to - lost.from;
          say(
            `${lost.topic}/${lost.partition}: messages ${lost.from} to ${lost.to - 1} were deleted before they were read`,
          );
          options.onLost?.(lost);
        },
      });
      if (said !== '') say('Kafka answers again');
      said = '';
      await loadAll(membership, gatherer, options, totals);
      if (!stop.aborted) throw membership.failure() ?? new Error('the connection ended');
    } catch (error) {
      if (stop.aborted) break;
      const text = (error as Error).message;
      if (text !== said) say(`Kafka: ${text}; tried again until it goes`);
      said = text;
      if (performance.now() - startedMs > JOIN_AGAIN_MS_MAX) waitMs = JOIN_AGAIN_FIRST_MS;
      await pause(waitMs, stop);
      waitMs = Math.min(2 * waitMs, JOIN_AGAIN_MS_MAX);
    }
  }
  return totals;
}

const noTotals = (): Totals => ({
  ...{ messages: 0, bytes: 0, batches: 0, tombstones: 0, lost: 0, odd: 0, rebalances: 0 },
  loaded: { records: 0, duplicates: 0, deadLetters: 0, events: { k8s_audit: 0, auditd: 0, runtime: 0 } },
});

const pause = (ms: number, stop: AbortSignal) => sleep(ms, undefined, { signal: stop }).catch(() => undefined);

/** Until it is stopped, or the membership fails. */
async function loadAll(
  membership: Membership,
  gatherer: Gatherer,
  options: KafkaLoaderOptions,
  totals: Totals,
): Promise<void> {
  const { stop, onProgress } = options;
  const over = AbortSignal.any([stop, membership.failed]);
  const ends = new Map<string, number>();
  try {
    while (!over.aborted) {
      const batch = await gatherer.next(over, COMMIT_AGAIN_MS);
      membership.resume();
      if (batch === undefined) {
        await membership.commit(ends);
        continue;
      }
      if (!(await loadUntilTaken(batch, options, totals))) break;
      for (const [partition, end] of batch.ends) ends.set(partition, end);
      await membership.commit(ends);
      onProgress?.(totals, membership.lag());
    }
    await membership.commit(ends);
  } finally {
    await membership.close();
  }
}

/** False when it was stopped before the store had it. The batch under way is finished first. */
async function loadUntilTaken(batch: GatheredBatch, options: KafkaLoaderOptions, totals: Totals): Promise<boolean> {
  const { loader, say, stop } = options;
  let isAway = false;
  for (let waitMs = LOAD_AGAIN_FIRST_MS; ; waitMs = Math.min(2 * waitMs, LOAD_AGAIN_MS_MAX)) {
    try {
      if (batch.deliveries.length > 0) addLoaded(totals.loaded, await loader.load(batch.deliveries));
      if (isAway) say('the store takes records again');
      totals.messages += batch.deliveries.length;
      totals.bytes += batch.bytes;
      totals.batches++;
      return true;
    } catch (error) {
      if (!isAway) say(`the store takes no records: ${(error as Error).message}`);
      isAway = true;
    }
    await pause(waitMs, stop);
    if (stop.aborted) return false;
  }
}

function addLoaded(sum: Loaded, { records, duplicates, deadLetters, events }: Loaded): void {
  sum.records += records;
  sum.duplicates += duplicates;
  sum.deadLetters += deadLetters;
  for (const table of ['k8s_audit', 'auditd', 'runtime'] as const) sum.events[table] += events[table];
}
