// `retention apply`: partitions of bulk records go when their newest receipt is over age. First what belongs to a chain or
// a hold is copied away and found again there; then what goes is written down and signed; only then do the parts go that
// were looked at, by name: a record that came in meanwhile is in another part and stays.
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { recordCustody } from '../queries/custody.ts';
import { markJob } from '../store/cursors.ts';
import { type Store, sqlString } from '../store/store.ts';
import type { By } from './hold.ts';
import { keepPartition, NEEDED_SQL } from './keep.ts';
import { removeDerivedRows } from './retention-derived.ts';
import { finishDrop, unfinishedDrops, writeDrop } from './retention-drops.ts';
import retentionPartitions from './retention-partitions.sql';

const DAY_MS = 86_400_000;

/** The parts that were looked at are not there any more: nothing is lost, another run decides anew. */
export class RetentionBusyError extends Error {
  override readonly name = 'RetentionBusyError';
}

const Policy = z.object({ days: z.number(), set_at: z.string(), set_by: z.string() });
export type Policy = z.infer<typeof Policy>;

const Partition = z.object({
  partition: z.string(),
  records: z.number(),
  newest_received_at: z.string(),
  newest_received_ms: z.number(),
  unsealed: z.number(),
  needed: z.number(),
  uncorrelated: z.coerce.boolean(),
  parts: z.array(z.tuple([z.string(), z.number()])),
});
type Partition = z.infer<typeof Partition>;

/** What became, or would become, of one partition. `unsealed`: over age, but not proved
 * yet; `uncorrelated`: over age, but chains that need it may not be found yet. Both stay. */
export interface PartitionFate {
  partition: string;
  records: number;
  newest_received_at: string;
  fate: 'young' | 'uncorrelated' | 'unsealed' | 'expired' | 'would-expire';
  unsealed: number;
  /** Records of it that chains and holds need: they stay in records_kept. */
  kept: number;
}

export async function readPolicy(store: Store): Promise<Policy | undefined> {
  const sql = 'SELECT days, set_at, set_by FROM retention_policy ORDER BY set_at DESC LIMIT 1';
  const [row] = await store.rows(sql, {}, 'write');
  return row && Policy.parse(row);
}

export async function setPolicy(store: Store, days: number, by: By): Promise<void> {
  const at = by.now();
  await store.run(
    `INSERT INTO retention_policy SELECT parseDateTime64BestEffort({at:String}, 6, 'UTC'), {days:UInt32}, {actor:String}`,
    { at: at.toISOString(), days, actor: by.actor },
  );
  await recordCustody(store, {
    at,
    actor: by.actor,
    action: 'retention-set',
    subject: 'retention',
    detail: `${days} days`,
  });
}

/** The fate of every partition, without touching one. */
export async function previewRetention(store: Store, days: number | undefined, now: Date): Promise<PartitionFate[]> {
  return (await readPartitions(store)).map((p) => fateOf(p, days, now, 'would-expire'));
}

export async function applyRetention(store: Store, days: number, key: KeyObject, by: By): Promise<PartitionFate[]> {
  for (const left of await unfinishedDrops(store)) await finish(store, left.drop, left.partition, by.now());
  const fates: PartitionFate[] = [];
  for (const partition of await readPartitions(store)) {
    const fate = fateOf(partition, days, by.now(), 'expired');
    if (fate.fate === 'expired') await expire(store, partition, days, key, by);
    fates.push(fate);
  }
  return fates;
}

async function expire(store: Store, p: Partition, days: number, key: KeyObject, by: By): Promise<void> {
  const { partition } = p;
  await keepPartition(store, partition);
  const lost = await count(
    store,
    `SELECT count() AS c FROM records WHERE _partition_id = {partition:String} AND (cluster, digest) IN (${NEEDED_SQL})
    AND (source, cluster, node, event_time, digest) NOT IN (SELECT source, cluster, node, event_time, digest FROM records_kept)`,
    { partition },
  );
  if (lost > 0)
    throw new Error(
      `${lost} records of partition ${partition} could not be copied to records_kept; nothing was removed`,
    );
  const drop = await writeDrop(store, { partition, days, records: p.records, droppedAt: by.now() }, key);
  try {
    for (const [part] of p.parts) await store.run(`ALTER TABLE records DROP PART ${sqlString(part)}`);
  } catch (cause) {
    // a merge has put the part into another, perhaps together with records that came in since
    throw new RetentionBusyError(`partition ${partition} was changed meanwhile; apply the retention again`, { cause });
  }
  const detail = `partition ${partition}: ${p.records} records over ${days} days went, ${drop.kept} of them stay kept`;
  await recordCustody(store, { at: by.now(), actor: by.actor, action: 'retention-apply', subject: drop.id, detail });
  await finish(store, drop.id, partition, by.now());
}

async function finish(store: Store, drop: string, partition: string, at: Date): Promise<void> {
  await removeDerivedRows(store, partition);
  await markJob(store, 'retention', at);
  await finishDrop(store, drop);
}

async function readPartitions(store: Store): Promise<Partition[]> {
  const sealed = await count(store, 'SELECT max(segment) AS c FROM seals');
  const sql = retentionPartitions.replace('{needed}', NEEDED_SQL);
  return z.array(Partition).parse(await store.rows(sql, { sealed }, 'write'));
}

function fateOf(p: Partition, days: number | undefined, now: Date, over: 'expired' | 'would-expire'): PartitionFate {
  const young = days === undefined || p.newest_received_ms >= now.getTime() - days * DAY_MS;
  const { partition, records, newest_received_at, unsealed, needed: kept } = p;
  return {
    partition,
    records,
    newest_received_at,
    fate: young ? 'young' : p.uncorrelated ? 'uncorrelated' : unsealed > 0 ? 'unsealed' : over,
    unsealed,
    kept,
  };
}

async function count(store: Store, sql: string, params = {}): Promise<number> {
  const [row] = await store.rows(sql, params, 'write');
  return Number(row?.['c'] ?? 0);
}
