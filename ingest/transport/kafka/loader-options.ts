// What a loader is told, and what it tells.
import type { Delivery, DeliveryLoader } from '../../load/deliveries.ts';
import type { Loaded } from '../../load/load.ts';
import type { GathererLimits } from './gatherer.ts';
import type { KafkaAddress } from './kafka-address.ts';

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
  // as an import's: what is half of it costs the store a third more by the event; a second batch gathers meanwhile, so that there are two
  batchBytesMax: 64 * 1024 * 1024,
  batchMessagesMax: 100_000,
  // of the second and a half from source to row
  batchWaitMs: 300,
  // a batch is fetched in a second
  behindWaitMs: 3_000,
  sessionMs: 20_000,
  rebalanceMs: 60_000,
  // packed ten to one this is most of a batch
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

/** Offsets `from` up to and without `to`. */
export interface LostOffsets {
  topic: string;
  partition: number;
  from: number;
  to: number;
}
