// One segment into the store, once in effect. Order is the guarantee: typed rows and dead letters first, receipts next,
// `records` last. A record that is in `records` is done; whatever a kill leaves undone is done again by the retry, and
// rows replace themselves (docs/decisions/0001-records-last.md).
import {
  countStaged,
  deadLetterReason,
  decodeStaged,
  envelopedEventOf,
  readableJsonOf,
  type Staged,
  withEnvelopes,
} from '../../analytics/decode/decode.ts';
import { withStaged } from '../../analytics/decode/staged.ts';
import { type Store, sqlString } from '../../analytics/store/store.ts';
import auditIdentity from './audit-identity.sql';
import k8sIdentity from './k8s-identity.sql';
import { type FullSegment, formatOf, type Head, SEGMENT_STRUCTURE } from './segment.ts';
import stageSteps from './stage.sql';

const RECORD_COLUMNS =
  'source, cluster, node, event_time, digest, format, event_key, raw, lines, boot_id, attrs, collector, received_at, stream, position, loader, seq';

const RECEIPT_COLUMNS = 'source, cluster, node, digest, collector, received_at, stream, position, loader, seq';

const ENVELOPES = ['eks', 'gke', 'aks'];
const AUDIT_SHAPES = ['laurel', 'go-audit', 'journald-audit', 'auditbeat'];
const withoutHead = (sql: string) => sql.replace(/^--.*\n/gm, '');

// Only what the records of a segment need is in the statement: shapes take the engine a tenth of a second to prepare.
// Steps of the statement stay steps (stage.sql). Small blocks bound the memory, here and of whoever reads them; read, not mapped: the pages of a
// segment that is mapped, a quarter of a gigabyte, count as memory of the process.
function stage(heads: readonly Head[], blockRows: number): string {
  const formats = new Set(heads.map(formatOf));
  const enveloped = ENVELOPES.some((format) => formats.has(format));
  const shaped = AUDIT_SHAPES.some((format) => formats.has(format));
  const sql = withEnvelopes(stageSteps, enveloped)
    // of the same head for all, what hangs on it the engine works out once
    .replace('{head}', heads.length === 1 ? '1' : 'head')
    .replaceAll('{readable_json}', () => readableJsonOf('raw'))
    .replace('{enveloped_event}', () => envelopedEventOf('envelope'))
    .replace('{k8s_identity}', () => withoutHead(k8sIdentity))
    .replace('{readable_event}', () => readableJsonOf('enveloped_event'))
    .replace('{audit_identity}', () => (shaped ? withoutHead(auditIdentity) : "''"))
    .replace('{dead_letter_reason}', () => deadLetterReason(enveloped));
  return `${sql}
  SETTINGS max_threads = 1, query_plan_merge_expressions = 0, max_block_size = ${blockRows}, min_insert_block_size_rows = ${blockRows},
  storage_file_read_method = 'pread'`;
}

// Two records of a batch may lie a century apart, all of the store between them: kept in memory is only what the batch has, too.
// identity: by the index, each of these digests would be looked up in every granule.
const notYetStored = (staged: string) => `(source, cluster, node, digest) NOT IN (
  SELECT source, cluster, node, digest FROM records
  WHERE event_time BETWEEN (SELECT min(event_time) FROM ${staged}) AND (SELECT max(event_time) FROM ${staged})
    AND identity(digest) IN (SELECT digest FROM ${staged}))`;

// Which ones are new is told without their bytes: sorted are names only.
const onlyNew = (staged: string) => `WHERE (loader, seq, digest) IN (
    SELECT loader, seq, digest FROM ${staged} WHERE ${notYetStored(staged)} ORDER BY seq LIMIT 1 BY source, cluster, node, digest)
  LIMIT 1 BY source, cluster, node, digest`;

// As much at once, and so in one part, as memory is meant for.
const recordsSettings = (blockRows: number): string =>
  `SETTINGS max_threads = 1, max_block_size = ${blockRows}, min_insert_block_size_bytes = 33554432`;

export interface Loaded {
  /** New ones, dead letters among them. */
  records: number;
  duplicates: number;
  deadLetters: number;
  /** Events that new records belong to, by typed table. */
  events: { k8s_audit: number; auditd: number; runtime: number };
}

/** A segment into a staged table. */
export const stageSegment = (store: Store, staged: string, { path, heads, blockRows }: FullSegment): Promise<void> =>
  store.insertSegment(
    `${staged} (${RECORD_COLUMNS}, is_mended, has_body, reason)`,
    stage(heads, blockRows),
    { path, structure: SEGMENT_STRUCTURE },
    { heads },
  );

/** @param batch names what is on its way until it is there */
export async function loadSegment(store: Store, batch: string, segment: FullSegment): Promise<Loaded> {
  return withStaged(store, async (staged) => {
    await stageSegment(store, staged, segment);
    const counts = await countStaged(store, staged);
    const news = await countNew(store, staged, counts);
    if (news.records > 0) {
      await store.run(
        `INSERT INTO staged (batch, digest, received_at) SELECT {batch:String}, digest, received_at FROM ${staged}`,
        { batch },
      );
    }
    try {
      if (news.records > 0) await decodeStaged(store, staged, counts, segment.blockRows);
      await store.run(`INSERT INTO receipts (${RECEIPT_COLUMNS}) SELECT ${RECEIPT_COLUMNS} FROM ${staged}`);
      if (news.records > 0) {
        await store.run(
          `INSERT INTO records (${RECORD_COLUMNS}) SELECT ${RECORD_COLUMNS} FROM ${staged}
           ${news.records === counts.records ? '' : onlyNew(staged)} ${recordsSettings(segment.blockRows)}`,
        );
      }
    } finally {
      if (news.records > 0) await unmark(store, batch);
    }
    return news;
  });
}

const unmark = (store: Store, batch: string): Promise<void> =>
  store.run(`ALTER TABLE staged DROP PARTITION ${sqlString(batch)}`);

// A batch is on its way for seconds, at most minutes.
const ABANDONED_AFTER = 'INTERVAL 1 DAY';

/** Forgets batches whose loader was killed, where the owner of the store has long been running. */
export async function dropAbandoned(store: Store): Promise<void> {
  const left = await store.rows(
    `SELECT batch FROM staged GROUP BY batch HAVING max(received_at) < now() - ${ABANDONED_AFTER}`,
    {},
    'write',
  );
  for (const { batch } of left) await unmark(store, String(batch));
}

// Of what is staged, what the store does not have yet; what comes twice in a batch is new once.
async function countNew(store: Store, staged: string, counts: Staged): Promise<Loaded> {
  const [found] = await store.rows(
    `SELECT count() - uniqExact(cityHash64(source, cluster, node, digest)) AS twice, countIf(NOT ${notYetStored(staged)}) AS known
     FROM ${staged}`,
    {},
    'write',
  );
  const { tables, records, dead } = counts;
  if (Number(found?.['twice']) + Number(found?.['known']) === 0) {
    const events = { k8s_audit: tables.k8s_audit.events, auditd: tables.auditd.events, runtime: tables.runtime.events };
    return { records, duplicates: 0, deadLetters: dead, events };
  }
  const [row] = await store.rows(
    `SELECT
       count() AS new,
       countIf(undecodable) AS dead,
       uniqExactIf((cluster, node, event_key), source = 'k8s-audit' AND NOT undecodable) AS k8s_audit,
       uniqExactIf((cluster, node, event_key), source = 'auditd' AND NOT undecodable) AS auditd,
       countIf(source = 'runtime' AND NOT undecodable) AS runtime
     FROM
     (
       SELECT source, cluster, node, event_key, reason != '' AS undecodable
       FROM ${staged} WHERE ${notYetStored(staged)}
       LIMIT 1 BY source, cluster, node, digest
     )`,
    {},
    'write',
  );
  const n = (name: string) => Number(row?.[name]);
  const events = { k8s_audit: n('k8s_audit'), auditd: n('auditd'), runtime: n('runtime') };
  return { records: n('new'), duplicates: records - n('new'), deadLetters: n('dead'), events };
}
