// `vestige load`: from Kafka into the store, as one of any number of loaders in a consumer group. Messages of all partitions are gathered into
// a batch while the one before is loaded; offsets are committed when the store has what is before them, and never sooner. No fault ends it: it
// ends when it is told to (docs/decisions/0009-kafka-to-store.md).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Loaded } from '../../load/load.ts';
import { createGatherer, type GatheredBatch, type Gatherer } from './gatherer.ts';
import { type KafkaLoaderOptions, LOADER_LIMITS, type Totals } from './loader-options.ts';
import { type Membership, openMembership } from './membership.ts';

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
  const stopped = aborted(stop);
  let said = '';
  for (let waitMs = JOIN_AGAIN_FIRST_MS; !stop.aborted; ) {
    const gatherer = createGatherer(limits);
    const startedMs = performance.now();
    try {
      const opening = openMembership({
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
      const membership = await Promise.race([opening, stopped]);
      if (membership === undefined) {
        // joining may take as long as a rebalance: nobody waits for that who was told to end
        opening.then((late) => late.close()).catch(() => undefined);
        break;
      }
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

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
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
      const batch = await gatherer.next(over, COMMIT_AGAIN_MS, () => membership.lag() > 0);
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
