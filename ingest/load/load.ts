// One segment into the store, once in effect. Order is the guarantee: typed rows and dead letters first, receipts next,
// `records` last. A record that is in `records` is done; whatever a kill leaves undone is done again by the retry, and
// rows replace themselves (docs/decisions/0002-records-last.md).
import {
  deadLetterReason,
  decodeStaged,
  envelopedEventOf,
  readableJsonOf,
  withEnvelopes,
} from '../../analytics/decode/decode.ts';
import { withStaged } from '../../analytics/decode/staged.ts';
import { type Store, sqlString } from '../../analytics/store/store.ts';
import auditIdentity from './audit-identity.sql';
import k8sIdentity from './k8s-identity.sql';
import { type FullSegment, SEGMENT_STRUCTURE } from './segment.ts';
import stageSteps from './stage.sql';

const RECORD_COLUMNS =
  'source, cluster, node, event_time, digest, format, event_key, raw, lines, boot_id, attrs, collector, received_at, stream, position, loader, seq';

const RECEIPT_COLUMNS = 'source, cluster, node, digest, collector, received_at, stream, position, loader, seq';

const ENVELOPES = ['eks', 'gke', 'aks'];
const AUDIT_SHAPES = ['laurel', 'go-audit', 'journald-audit', 'auditbeat'];
const withoutHead = (sql: string) => sql.replace(/^--.*\n/gm, '');

// Only what the records of a segment need is in the statement: shapes take the engine a tenth of a second to prepare.
// Steps of the statement stay steps (stage.sql). Small blocks bound the memory, here and of whoever reads them.
function stage(formats: ReadonlySet<string>): string {
  const enveloped = ENVELOPES.some((format) => formats.has(format));
  const shaped = AUDIT_SHAPES.some((format) => formats.has(format));
  const sql = withEnvelopes(stageSteps, enveloped)
    .replaceAll('{readable_json}', () => readableJsonOf('raw'))
    .replace('{enveloped_event}', () => envelopedEventOf('envelope'))
    .replace('{k8s_identity}', () => withoutHead(k8sIdentity))
    .replace('{readable_event}', () => readableJsonOf('enveloped_event'))
    .replace('{audit_identity}', () => (shaped ? withoutHead(auditIdentity) : "''"))
    .replace('{dead_letter_reason}', () => deadLetterReason(enveloped));
  return `${sql}
  SETTINGS max_threads = 1, query_plan_merge_expressions = 0, max_block_size = 8192, min_insert_block_size_rows = 8192`;
}

// Two records of a batch may lie a century apart, all of the store between them: kept in memory is only what the batch has, too.
// identity: by the index, each of these digests would be looked up in every granule.
const notYetStored = (staged: string) => `(source, cluster, node, digest) NOT IN (
  SELECT source, cluster, node, digest FROM records
  WHERE event_time BETWEEN (SELECT min(event_time) FROM ${staged}) AND (SELECT max(event_time) FROM ${staged})
    AND identity(digest) IN (SELECT digest FROM ${staged}))`;

export interface Loaded {
  records: number;
  duplicates: number;
  deadLetters: number;
  /** Events that new records belong to, by typed table. */
  events: { k8s_audit: number; auditd: number; runtime: number };
}

/** A segment into a staged table. */
export const stageSegment = (store: Store, staged: string, { path, formats }: FullSegment): Promise<void> =>
  store.insertSegment(`${staged} (${RECORD_COLUMNS}, reason)`, stage(formats), { path, structure: SEGMENT_STRUCTURE });

/** @param batch names what is on its way until it is there */
export async function loadSegment(store: Store, batch: string, segment: FullSegment): Promise<Loaded> {
  return withStaged(store, async (staged) => {
    await stageSegment(store, staged, segment);
    const counts = await countStaged(store, staged);
    if (counts.fresh > 0) {
      const mark = `INSERT INTO staged SELECT {batch:String}, digest, received_at FROM ${staged}`;
      await store.run(mark, { batch });
    }
    try {
      if (counts.fresh > 0) await decodeStaged(store, staged);
      await store.run(`INSERT INTO receipts (${RECEIPT_COLUMNS}) SELECT ${RECEIPT_COLUMNS} FROM ${staged}`);
      if (counts.fresh > 0) {
        await store.run(
          `INSERT INTO records (${RECORD_COLUMNS}) SELECT ${RECORD_COLUMNS} FROM ${staged}
           ${counts.fresh === counts.staged ? '' : `WHERE ${notYetStored(staged)} ORDER BY seq LIMIT 1 BY source, cluster, node, digest`}
           SETTINGS max_threads = 1`,
        );
      }
    } finally {
      if (counts.fresh > 0) await unmark(store, batch);
    }
    return {
      records: counts.fresh,
      duplicates: counts.staged - counts.fresh,
      deadLetters: counts.dead,
      events: { k8s_audit: counts.k8s_audit, auditd: counts.auditd, runtime: counts.runtime },
    };
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

interface Counts {
  staged: number;
  fresh: number;
  dead: number;
  k8s_audit: number;
  auditd: number;
  runtime: number;
}

async function countStaged(store: Store, staged: string): Promise<Counts> {
  const [row] = await store.rows(
    `SELECT
       (SELECT count() FROM ${staged}) AS staged,
       count() AS fresh,
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
  const n = (name: keyof Counts) => Number(row?.[name] ?? 0);
  return {
    staged: n('staged'),
    fresh: n('fresh'),
    dead: n('dead'),
    k8s_audit: n('k8s_audit'),
    auditd: n('auditd'),
    runtime: n('runtime'),
  };
}
