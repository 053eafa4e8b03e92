// What went, written down before it goes and signed with the key of the seals: `evidence verify` takes a hole for an
// expiry only where such a row says so, and never a record that was to be kept.
import { createHash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { publicKeyText, signatureHolds, signDocument } from './seal-document.ts';
import { publicKeyOf } from './seal-key.ts';

const DROP_VERSION = 'vestige-retention-v1';

const DropDocument = z.strictObject({
  version: z.literal(DROP_VERSION),
  drop: z.string(),
  partition: z.string(),
  dropped_at: z.string(),
  days: z.number(),
  segment: z.number(),
  seal: z.string(),
  records: z.number(),
  kept: z.number(),
  kept_hash: z.string(),
});

export interface DropFacts {
  partition: string;
  days: number;
  records: number;
  droppedAt: Date;
}

export async function writeDrop(store: Store, facts: DropFacts, key: KeyObject): Promise<{ id: string; kept: number }> {
  const { partition, days, records, droppedAt } = facts;
  const id = `${partition}@${droppedAt.toISOString()}`;
  const [last] = await store.rows(
    'SELECT segment, lower(hex(hash)) AS h FROM seals FINAL ORDER BY segment DESC LIMIT 1',
    {},
    'write',
  );
  const segment = Number(last?.['segment'] ?? 0);
  await store.run(
    `INSERT INTO retention_kept SELECT {id:String}, segment, n FROM seal_leaves FINAL
     WHERE segment <= {segment:UInt64} AND ${PARTITION_OF_LEAF} = {partition:String}
       AND (source, cluster, node, event_time, digest) IN (SELECT source, cluster, node, event_time, digest FROM records_kept)`,
    { id, segment, partition },
  );
  const kept = await readKept(store, id);
  const document = {
    ...{ version: DROP_VERSION, drop: id, partition, dropped_at: droppedAt.toISOString(), days, segment },
    ...{ seal: String(last?.['h'] ?? ''), records, kept: kept.leaves, kept_hash: kept.hash },
  };
  const { text, signature } = signDocument(document, key);
  await store.run(
    `INSERT INTO retention_drops SELECT {id:String}, {partition:String}, parseDateTime64BestEffort({at:String}, 6, 'UTC'), {segment:UInt64},
       {records:UInt64}, {kept:UInt64}, {publicKey:String}, {signature:String}, {signed:String}, 0, 1`,
    {
      ...{ id, partition, at: droppedAt.toISOString(), segment, records, kept: kept.leaves },
      ...{ publicKey: publicKeyText(key), signature, signed: text },
    },
  );
  return { id, kept: kept.leaves };
}

/** The partition of a leaf's record, as the schema of records has it. */
export const PARTITION_OF_LEAF = `toString(if(event_time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(event_time)))`;

export async function unfinishedDrops(store: Store): Promise<{ drop: string; partition: string }[]> {
  const sql = 'SELECT drop_id, partition FROM retention_drops FINAL WHERE finished = 0 ORDER BY dropped_at';
  const rows = await store.rows(sql, {}, 'write');
  return rows.map((row) => ({ drop: String(row['drop_id']), partition: String(row['partition']) }));
}

export function finishDrop(store: Store, drop: string): Promise<void> {
  return store.run(
    'INSERT INTO retention_drops SELECT * REPLACE (1 AS finished, version + 1 AS version) FROM retention_drops FINAL WHERE drop_id = {drop:String}',
    { drop },
  );
}

export interface Expiry {
  /** Partition to the last segment whose leaves of it may have expired. */
  covered: Map<string, number>;
  /** In words: rows that claim an expiry and do not prove it; what they cover counts as missing. */
  problems: string[];
}

export async function readExpiry(store: Store, pinned: KeyObject | undefined): Promise<Expiry> {
  const covered = new Map<string, number>();
  const problems: string[] = [];
  for (const row of await store.rows(
    'SELECT drop_id, public_key, signature, signed FROM retention_drops FINAL ORDER BY dropped_at',
  )) {
    const { drop_id, public_key, signature, signed } = DropRow.parse(row);
    const problem = (s: string) => problems.push(`retention of ${drop_id}: ${s}`);
    if (!isSignedWith(signed, signature, pinned, public_key)) {
      problem('its signature does not hold');
      continue;
    }
    const document = DropDocument.safeParse(JSON.parse(signed));
    if (!document.success || document.data.drop !== drop_id) {
      problem('its signed text is not what it claims');
      continue;
    }
    const kept = await readKept(store, drop_id);
    if (kept.leaves !== document.data.kept || kept.hash !== document.data.kept_hash) {
      problem('the list of what stays kept was changed');
      continue;
    }
    covered.set(document.data.partition, Math.max(document.data.segment, covered.get(document.data.partition) ?? 0));
  }
  return { covered, problems };
}

const DropRow = z.object({ drop_id: z.string(), public_key: z.string(), signature: z.string(), signed: z.string() });

function isSignedWith(text: string, signature: string, pinned: KeyObject | undefined, publicKey: string): boolean {
  try {
    return signatureHolds(text, signature, pinned ?? publicKeyOf(publicKey));
  } catch {
    return false;
  }
}

// Streamed: a hold may keep any number.
async function readKept(store: Store, drop: string): Promise<{ leaves: number; hash: string }> {
  const hash = createHash('sha256');
  let leaves = 0;
  const sql = 'SELECT segment, n FROM retention_kept FINAL WHERE drop_id = {drop:String} ORDER BY segment, n';
  for await (const row of store.stream(sql, { drop })) {
    hash.update(`${row['segment']}:${row['n']}\n`);
    leaves++;
  }
  return { leaves, hash: hash.digest('hex') };
}
