// The raw bytes of one record, how they came, and the typed row made of them.
import { z } from 'zod';
import type { Store } from '../store/store.ts';

const Stored = z.object({
  digest: z.string(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  format: z.string(),
  event_time: z.string().nullable(),
  event_key: z.string(),
  lines: z.number(),
  boot_id: z.string(),
  collector: z.string(),
  received_at: z.string(),
  stream: z.string(),
  position: z.number(),
  loader: z.string(),
  seq: z.number(),
  base64: z.string(),
});

const Receipt = z.object({
  received_at: z.string(),
  collector: z.string(),
  stream: z.string(),
  position: z.number(),
  loader: z.string(),
  seq: z.number(),
});

const DeadLetter = z.object({ reason: z.string(), detail: z.string() });

/** A record with its envelope; `decoded` and `dead_letter`: what became of it, one of the two is null. */
export interface RecordDetail extends Omit<z.infer<typeof Stored>, 'base64'> {
  bytes: Buffer;
  /** Every delivery, the first one first; at most 100. */
  receipts: z.infer<typeof Receipt>[];
  decoded: Record<string, unknown> | null;
  dead_letter: z.infer<typeof DeadLetter> | null;
}

const DIGEST_HEX = 64;

/**
 * The record of this digest, or of the only digest that begins so. Bytes that came from several places (digest alike,
 * source, cluster or node not) are one answer: the first receipt's.
 */
export async function readRecord(store: Store, digestPrefix: string): Promise<RecordDetail | undefined> {
  const [digest, another] = await findDigests(store, digestPrefix, 2);
  if (digest === undefined || another !== undefined) return undefined;
  const [row] = await store.rows(recordSql, { digest });
  if (!row) return undefined;
  const { base64, ...envelope } = Stored.parse(row);
  const of = { digest, source: envelope.source, cluster: envelope.cluster, node: envelope.node };
  const receipts = z.array(Receipt).parse(await store.rows(receiptsSql, of));
  const [decoded] = await store.rows(decodedSql[envelope.source] ?? decodedSql['runtime'] ?? '', {
    ...of,
    event_time: envelope.event_time ?? '1970-01-01T00:00:00Z',
  });
  const [dead] = await store.rows(deadLetterSql, of);
  return {
    ...envelope,
    bytes: Buffer.from(base64, 'base64'),
    receipts,
    decoded: decoded ?? null,
    dead_letter: dead ? DeadLetter.parse(dead) : null,
  };
}

/** Digests (hex) of records that begin so, at most `limit`. Anything but hex begins none. */
export async function findDigests(store: Store, prefix: string, limit: number): Promise<string[]> {
  const hex = prefix.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(hex)) return [];
  // the whole digest is found by index; a beginning is a range, for which there is none: one column is read
  const rows =
    hex.length === DIGEST_HEX
      ? await store.rows(findSql('digest = unhex({from:String})'), { from: hex, limit })
      : await store.rows(findSql('digest >= unhex({from:String}) AND digest <= unhex({to:String})'), {
          from: hex.padEnd(DIGEST_HEX, '0'),
          to: hex.padEnd(DIGEST_HEX, 'f'),
          limit,
        });
  return rows.map((row) => z.string().parse(row['hex']));
}

const findSql = (condition: string) => `
  SELECT lower(hex(digest)) AS hex FROM
    (SELECT digest FROM records WHERE ${condition} UNION ALL SELECT digest FROM records_kept WHERE ${condition})
  GROUP BY digest ORDER BY hex LIMIT {limit:UInt64}`;

// From the tables themselves: through the view records_all the index on digest would not be used.
const storedColumns = `digest, source, cluster, node, format, event_time, event_key, lines, boot_id, collector,
  received_at, stream, position, loader, seq, raw`;
const recordSql = `
  SELECT r.* EXCEPT (raw, digest, event_time), lower(hex(r.digest)) AS digest, base64Encode(r.raw) AS base64,
    if(r.event_time = toDateTime64(0, 9, 'UTC'), NULL, r.event_time) AS event_time
  FROM (SELECT ${storedColumns} FROM records WHERE digest = unhex({digest:String})
        UNION ALL SELECT ${storedColumns} FROM records_kept WHERE digest = unhex({digest:String})) AS r
  ORDER BY r.received_at, r.loader, r.seq LIMIT 1`;

const ofRecord = `source = {source:String} AND cluster = {cluster:String} AND node = {node:String} AND digest = unhex({digest:String})`;
const receiptsSql = `
  SELECT received_at, collector, stream, position, loader, seq FROM receipts FINAL WHERE ${ofRecord}
  ORDER BY received_at, loader, seq LIMIT 100`;
const deadLetterSql = `SELECT reason, detail FROM dead_letters FINAL WHERE ${ofRecord} LIMIT 1`;

// Aliased, so that a condition means the column and not its readable form of the same name.
const readable = 'EXCEPT (loader, seq, version)';
const decodedSql: Readonly<Record<string, string>> = {
  'k8s-audit': `SELECT * ${readable} REPLACE (lower(hex(t.digest)) AS digest) FROM k8s_audit AS t FINAL
    WHERE t.cluster = {cluster:String} AND t.time = parseDateTime64BestEffort({event_time:String}, 9, 'UTC')
      AND t.digest = unhex({digest:String}) LIMIT 1`,
  // an auditd event unites records: its row names the digests of all of them
  auditd: `SELECT * ${readable} REPLACE (arrayMap(d -> lower(hex(d)), t.digests) AS digests) FROM auditd AS t FINAL
    WHERE t.cluster = {cluster:String} AND t.node = {node:String}
      AND t.time = parseDateTime64BestEffort({event_time:String}, 3, 'UTC')
      AND has(t.digests, toFixedString(unhex({digest:String}), 32)) LIMIT 1`,
  runtime: `SELECT * ${readable} REPLACE (lower(hex(t.digest)) AS digest) FROM runtime AS t FINAL
    WHERE t.cluster = {cluster:String} AND t.node = {node:String}
      AND t.time = parseDateTime64BestEffort({event_time:String}, 9, 'UTC')
      AND t.digest = unhex({digest:String}) LIMIT 1`,
  collector: `SELECT * ${readable} REPLACE (lower(hex(t.digest)) AS digest) FROM collector_notices AS t FINAL
    WHERE t.cluster = {cluster:String} AND t.node = {node:String} AND t.digest = unhex({digest:String}) LIMIT 1`,
};
