// From records to typed rows: each decoder is one SELECT over `input_records`, a name that stands for a closed list of
// places records come from. Nothing is decoded outside the engine.
import type { Store } from '../store/store.ts';
import auditEvent from './audit-event.sql';
import auditLines from './audit-lines.sql';
import auditbeatLines from './auditbeat-lines.sql';
import auditd from './auditd.sql';
import reason from './dead-letter-reason.sql';
import deadLetters from './dead-letters.sql';
import envelopedEvent from './enveloped-event.sql';
import k8sAudit from './k8s-audit.sql';
import readableJson from './readable-json.sql';
import runtime from './runtime.sql';

// Bodies of some kilobytes a row and a dozen arrays made of each: small blocks bound the memory of a decoder.
// The engine refuses a whole batch for one line with more key=value pairs than its bound; decoders read 64 KiB of a line.
// One thread: batches are small, two threads take a third more processor time for a fifth less of waiting (measured).
// Steps of a decoder stay steps: the engine would merge them into one and filter wide tuples (k8s-audit.sql).
// What looks for conditions that repeat themselves finds none, and took a third of a second for every batch.
export const DECODE_SETTINGS = `SETTINGS max_block_size = 8192, max_insert_block_size = 65536, min_insert_block_size_bytes = 67108864,
  extract_key_value_pairs_max_pairs_per_row = 65536, max_threads = 1, query_plan_merge_expressions = 0,
  optimize_extract_common_expressions = 0, optimize_and_compare_chain = 0, optimize_redundant_comparisons = 0`;

/** The JSON of a column as the engine can read it, as an expression; what ingest takes identity and time from. */
export const readableJsonOf = (column: string): string =>
  readableJson.replace(/\braw\b|\b(mended|bodiless)_json\b/g, (_, step) => (step ? `${step}_${column}` : column));
/** The event that a column holds in an envelope of EKS or AKS, as an expression. */
export const envelopedEventOf = (column: string): string => withoutComments(envelopedEvent).replace(/\braw\b/g, column);
/** Leaves out the blocks `-- with envelopes ... -- end` of a statement, or only their marks. */
export const withEnvelopes = (sql: string, enveloped: boolean): string =>
  sql.replace(/ *-- with envelopes\n([\s\S]*?) *-- end\n/g, (_, block: string) => (enveloped ? block : ''));
/** Why no typed row can be made of a staged record, as an expression; '' when one can. */
export const deadLetterReason = (enveloped = true): string =>
  withEnvelopes(reason, enveloped)
    .replace('{readable_json}', () => readableJsonOf('raw'))
    .replace('{enveloped_event}', () => envelopedEventOf('raw'));

export type TypedTable = 'k8s_audit' | 'auditd' | 'runtime';
export type Target = TypedTable | 'dead_letters';
/** Where records are decoded from: a table they are staged in (staged.ts), or those stored of one source and time (windows.ts). */
export type Place = { staged: string } | 'window';

const inWindow = `source = {source:String} AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
  AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')`;

// with the records that are kept beyond their time; one that both tables hold counts once
const windowRecords = `(SELECT *, ${deadLetterReason()} AS reason FROM
    (SELECT * FROM records FINAL WHERE ${inWindow} UNION ALL SELECT * FROM records_kept FINAL WHERE ${inWindow})
    LIMIT 1 BY source, cluster, node, digest)`;

// An auditd event may have come in part before: the parts in records join those of the batch.
const EVENT_COLUMNS = 'cluster, node, event_key, event_time, boot_id, format, raw, digest, loader, seq';
const auditdIn = (staged: string) => `${staged} WHERE source = 'auditd'`;
const timeOf = (staged: string) =>
  `event_time BETWEEN (SELECT min(event_time) FROM ${auditdIn(staged)}) AND (SELECT max(event_time) FROM ${auditdIn(staged)})`;
const storedParts = (staged: string) => `records FINAL
  WHERE source = 'auditd' AND event_key != ''
    AND ${timeOf(staged)}
    AND (cluster, node, event_key) IN (SELECT cluster, node, event_key FROM ${auditdIn(staged)})
    AND (cluster, node, digest) NOT IN (SELECT cluster, node, digest FROM ${auditdIn(staged)})`;

// Comments go: a replacement stands in the middle of a line.
function withoutComments(sql: string): string {
  return sql.replace(/^--.*\n/gm, '').replace(/^ +-- .*\n/gm, '');
}
const linesOfAnyShape = withoutComments(auditLines).replace('{auditbeat_lines}', () => withoutComments(auditbeatLines));
const EVENT = 'cluster, node, event_key, time, boot_id, sources, lines';
// What records of other shapes and events in several records need is left out where there are none: it takes the engine longer to
// prepare than a batch to decode.
const auditdOf = ({ shaped, parts }: { shaped: boolean; parts: boolean }) =>
  auditd
    .replaceAll('{audit_lines}', () => (shaped ? linesOfAnyShape : 'raw'))
    .replaceAll('{is_single}', parts ? 'cityHash64(cluster, node, event_key) NOT IN (SELECT event FROM in_parts)' : '1')
    .replace('{events}', `SELECT ${EVENT} FROM single${parts ? ` UNION ALL SELECT ${EVENT} FROM united` : ''}`);

const ANY_RECORDS = { shaped: true, parts: true, stored: false };

const eventsOfEnvelopes = auditEvent
  .replace('{readable_json}', () => readableJsonOf('raw'))
  .replace('{enveloped_event}', () => envelopedEventOf('envelope'));

/** Records of Kubernetes audit as (cluster, digest, loader, seq, raw), where raw is the event, out of its envelope. */
export const auditEvents = (records: string): string =>
  eventsOfEnvelopes.replace('FROM input_records', () => `FROM (${records}) AS input_records`);

const decoders: Record<TypedTable, { source: string; select: string }> = {
  k8s_audit: { source: 'k8s-audit', select: k8sAudit.replace('{readable_json}', () => readableJsonOf('raw')) },
  auditd: { source: 'auditd', select: auditdOf(ANY_RECORDS) },
  runtime: { source: 'runtime', select: runtime },
};
const typedTables = Object.keys(decoders) as TypedTable[];

export interface Typed {
  table: TypedTable;
  /** Of the records it is made of. */
  source: string;
  /** Columns that make two rows the same event: the sorting key. */
  key: string;
  /** Digests of the records a row was made of, as an expression. */
  madeOf: string;
}

const keys: Record<TypedTable, Pick<Typed, 'key' | 'madeOf'>> = {
  k8s_audit: { key: 'cluster, time, audit_id, stage', madeOf: '[digest]' },
  auditd: { key: 'cluster, node, time, serial, odd_key', madeOf: 'digests' },
  runtime: { key: 'cluster, node, time, topic, runtime_namespace, container_id, exec_id, digest', madeOf: '[digest]' },
};

export const TYPED_TABLES: readonly Typed[] = typedTables.map((table) => ({
  table,
  source: decoders[table].source,
  ...keys[table],
}));

export interface RecordsThere {
  /** Some came in another shape: auditd as JSON, Kubernetes in an envelope. */
  shaped: boolean;
  /** Some events of auditd are in several records. */
  parts: boolean;
  /** Some have parts that were stored before. */
  stored: boolean;
}

/**
 * Rows of a derived table from the records of a place, as one SELECT; it runs with DECODE_SETTINGS.
 * @param is what the records there are like
 */
export function selectRows(target: Target, place: Place, is: RecordsThere = ANY_RECORDS): string {
  const read = (select: string, records: string) =>
    select.replaceAll(/FROM input_records\b/g, () => `FROM (${records}) AS input_records`);
  const from = place === 'window' ? windowRecords : place.staged;
  if (target === 'dead_letters') return read(deadLetters, `SELECT * FROM ${from}`);
  const { source } = decoders[target];
  const select = target === 'auditd' ? auditdOf(is) : decoders[target].select;
  const decodable = `FROM ${from} WHERE source = '${source}' AND reason = ''`;
  if (target === 'auditd' && place !== 'window' && is.stored)
    return read(
      select,
      `SELECT ${EVENT_COLUMNS} ${decodable} UNION ALL SELECT ${EVENT_COLUMNS} FROM ${storedParts(place.staged)}`,
    );
  const records = `SELECT * ${decodable}`;
  return read(select, target === 'k8s_audit' && is.shaped ? auditEvents(records) : records);
}

/** Derived tables that staged records have rows for. */
export async function targetsOf(store: Store, staged: string): Promise<Target[]> {
  const ofSources = typedTables.map((t) => `countIf(source = '${decoders[t].source}' AND reason = '') > 0 AS ${t}`);
  const sql = `SELECT ${ofSources.join(', ')}, countIf(reason != '') > 0 AS dead_letters FROM ${staged}`;
  const [concerned] = await store.rows(sql, {}, 'write');
  return ([...typedTables, 'dead_letters'] as const).filter((target) => concerned?.[target]);
}

/** Typed rows and dead letters of what is staged. Running it again changes nothing: rows replace themselves. */
export async function decodeStaged(store: Store, staged: string): Promise<void> {
  for (const target of await targetsOf(store, staged)) {
    const is = await lookAt(store, staged, target);
    await store.run(`INSERT INTO ${target} ${selectRows(target, { staged }, is)} ${DECODE_SETTINGS}`);
  }
}

/**
 * What staged records of a table are like.
 * @param alone nothing of what is stored is looked at
 */
export async function lookAt(
  store: Store,
  staged: string,
  target: Target,
  alone = false,
): Promise<RecordsThere | undefined> {
  if (target === 'auditd') return lookAtAuditd(store, staged, alone);
  if (target !== 'k8s_audit') return undefined;
  const sql = `SELECT count() > 0 AS shaped FROM ${staged} WHERE source = 'k8s-audit' AND format != 'k8s-audit' AND reason = ''`;
  const [row] = await store.rows(sql, {}, 'write');
  return { shaped: Boolean(row?.['shaped']), parts: false, stored: false };
}

async function lookAtAuditd(store: Store, staged: string, alone = false): Promise<RecordsThere> {
  // Mostly the store holds little of the batch's time: what it holds there is looked up in the batch, not the other way round.
  const stored = `(SELECT count() > 0 FROM ${auditdIn(staged)} AND (cluster, node, event_key) IN (
    SELECT cluster, node, event_key FROM records WHERE source = 'auditd' AND event_key != '' AND ${timeOf(staged)}))`;
  const sql = `SELECT countIf(format != 'auditd') > 0 AS shaped, count() > uniqExact(cityHash64(cluster, node, event_key)) AS parts,
    ${alone ? 'false' : stored} AS stored FROM ${auditdIn(staged)} AND reason = ''`;
  const [row] = await store.rows(sql, {}, 'write');
  const is = (what: string) => Boolean(row?.[what]);
  // what is stored may be of any shape
  return { shaped: is('shaped') || is('stored'), parts: is('parts') || is('stored'), stored: is('stored') };
}
