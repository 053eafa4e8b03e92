// `evidence seal`: records that no seal covers yet become the leaves of new segments, each with a signed tree head
// chained to the one before. Leaves are written first and the seal last: leaves above the last seal are what a killed
// run left, and the next run takes them away.
import type { KeyObject } from 'node:crypto';
import type { Row, Store } from '../store/store.ts';
import { type CustodyState, custodyUntil, readCustodyStates } from './custody-log.ts';
import { LEAF_SQL } from './envelope.ts';
import { NO_PREVIOUS, publicKeyText, type StreamRange, sealDocument, signDocument } from './seal-document.ts';
import sealLeaves from './seal-leaves.sql';
import { withSealLock } from './seal-lock.ts';
import { segmentRoot } from './segment-root.ts';
import streamsOfSegment from './segment-streams.sql';

// A segment's leaves are sorted and hashed at once: with a million of them the process peaks at 880 MB (measured).
export const SEGMENT_LEAVES_MAX = 1_000_000;

export interface SealDependencies {
  store: Store;
  now: () => Date;
  key: KeyObject;
}

/** A seal as it is told to people and programs. */
export interface SealSummary {
  segment: number;
  sealed_at: string;
  leaves: number;
  root: string;
  previous: string;
  hash: string;
  public_key: string;
  streams: number;
}

/** Seals everything not yet sealed, in segments of at most `segmentLimit` leaves; an empty answer: nothing was new. */
export async function seal(deps: SealDependencies, segmentLimit = SEGMENT_LEAVES_MAX): Promise<SealSummary[]> {
  return withSealLock(deps.store, async () => {
    await removeUnsealedLeaves(deps.store);
    const seals: SealSummary[] = [];
    for (;;) {
      const made = await sealSegment(deps, segmentLimit);
      if (made) seals.push(made);
      if (!made || made.leaves < segmentLimit) return seals;
    }
  });
}

async function sealSegment({ store, now, key }: SealDependencies, limit: number): Promise<SealSummary | undefined> {
  const last = await lastSeal(store);
  const segment = last.segment + 1;
  await store.run(
    `INSERT INTO seal_leaves (segment, n, source, cluster, node, event_time, loader, seq, digest, leaf) ${sealLeaves.replace('{leaf}', LEAF_SQL)}`,
    { segment, limit },
  );
  const leaves = await countLeaves(store, segment);
  if (leaves === 0) return undefined;
  const { root } = await segmentRoot(store, segment, leaves);
  const streams = (await store.rows(streamsOfSegment, { segment })).map(streamRange);
  const sealedAt = now().toISOString();
  const custody = await custodyOf(store, now());
  const facts = { segment, sealed_at: sealedAt, leaves, root, previous: last.hash, public_key: publicKeyText(key) };
  const signed = signDocument(sealDocument({ ...facts, streams, custody }), key);
  await store.run(
    `INSERT INTO seals SELECT {segment:UInt64}, parseDateTime64BestEffort({sealedAt:String}, 6, 'UTC'), {leaves:UInt64},
       unhex({root:String}), unhex({previous:String}), unhex({hash:String}), {streams:String}, {publicKey:String}, {signature:String}, {signed:String}`,
    {
      ...{ segment, sealedAt, leaves, root, previous: last.hash, hash: signed.hash, publicKey: facts.public_key },
      ...{ streams: JSON.stringify(streams), signature: signed.signature, signed: signed.text },
    },
  );
  return { ...facts, hash: signed.hash, streams: streams.length };
}

async function lastSeal(store: Store): Promise<{ segment: number; hash: string }> {
  const [row] = await store.rows(
    'SELECT segment, lower(hex(hash)) AS h FROM seals FINAL ORDER BY segment DESC LIMIT 1',
    {},
    'write',
  );
  return row ? { segment: Number(row['segment']), hash: String(row['h']) } : { segment: 0, hash: NO_PREVIOUS };
}

async function custodyOf(store: Store, at: Date): Promise<CustodyState> {
  const [state] = await readCustodyStates(store, [custodyUntil(at)]);
  if (!state) throw new Error('the custody log gave no state');
  return state;
}

async function countLeaves(store: Store, segment: number): Promise<number> {
  const sql = 'SELECT count() AS c FROM seal_leaves FINAL WHERE segment = {segment:UInt64}';
  const [row] = await store.rows(sql, { segment }, 'write');
  return Number(row?.['c'] ?? 0);
}

async function removeUnsealedLeaves(store: Store): Promise<void> {
  const { segment } = await lastSeal(store);
  if ((await countLeaves(store, segment + 1)) === 0) return;
  await store.run('ALTER TABLE seal_leaves DELETE WHERE segment > {segment:UInt64} SETTINGS mutations_sync = 2', {
    segment,
  });
}

function streamRange(row: Row): StreamRange {
  return {
    source: String(row['source']),
    cluster: String(row['cluster']),
    node: String(row['node']),
    stream: String(row['stream']),
    loader: String(row['loader']),
    records: Number(row['records']),
    first: Number(row['first']),
    last: Number(row['last']),
  };
}
