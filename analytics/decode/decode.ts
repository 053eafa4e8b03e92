// From records to typed rows: each decoder is one SELECT over `input_records`, a name that stands for a closed list of
// places records come from. Nothing is decoded outside the engine.
import { type Params, type Store, sqlString } from '../store/store.ts';
import auditEvent from './audit-event.sql';
import auditLines from './audit-lines.sql';
import auditbeatLines from './auditbeat-lines.sql';
import auditd from './auditd.sql';
import auditdParts from './auditd-parts.sql';
import collectorNotices from './collector-notices.sql';
import reason from './dead-letter-reason.sql';
import deadLetters from './dead-letters.sql';
import envelopedEvent from './enveloped-event.sql';
import k8sAudit from './k8s-audit.sql';
import readableJson from './readable-json.sql';
import { PLAIN_RUNTIME, runtimeOfShapes } from './runtime-select.ts';

// Bodies of some kilobytes a row and a dozen arrays made of each: small blocks bound the memory of a decoder.
// The engine refuses a whole batch for one line with more key=value pairs than its bound; decoders read 64 KiB of a line.
// One thread: batches are small, two threads take a third more processor time for a fifth less of waiting (measured).
// Steps of a decoder stay steps: the engine would merge them into one and filter wide tuples (k8s-audit.sql).
// What looks for conditions that repeat themselves finds none, and took a third of a second for every batch.
export const decodeSettings = (
  blockRows: number,
): string => `SETTINGS max_block_size = ${blockRows}, max_insert_block_size = 65536, min_insert_block_size_bytes = 33554432,
  extract_key_value_pairs_max_pairs_per_row = 65536, max_threads = 1, query_plan_merge_expressions = 0,
  optimize_extract_common_expressions = 0, optimize_and_compare_chain = 0, optimize_redundant_comparisons = 0`;
/** Rows of a block, unless they are large (ingest/load/block-rows.ts). */
export const BLOCK_ROWS = 8_192;
export const DECODE_SETTINGS = decodeSettings(BLOCK_ROWS);

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

export type TypedTable = 'k8s_audit' | 'auditd' | 'runtime' | 'collector_notices';
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
const EVENT_COLUMNS = 'cluster, node, event_key, event_time, boot_id, attrs, format, raw, digest, loader, seq';
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
const EVENT = 'cluster, node, event_key, time, boot_id, note, sources, lines';
const auditdOf = ({ shaped, parts }: Need) =>
  auditd
    .replace('{parts}', () => (parts ? auditdParts.replace(/^--.*\n/gm, '') : ''))
    .replaceAll('{audit_lines}', () => (shaped ? linesOfAnyShape : 'raw'))
    .replaceAll('{is_single}', parts ? 'cityHash64(cluster, node, event_key) NOT IN (SELECT event FROM in_parts)' : '1')
    .replace('{events}', `SELECT ${EVENT} FROM single${parts ? ` UNION ALL SELECT ${EVENT} FROM united` : ''}`);

/**
 * What records need of their decoder. What reads other shapes or unites parts is left out where there are none: the engine takes longer
 * to prepare it than to decode a batch.
 */
export interface Need {
  /** Some come in other shapes than their source writes them, or are JSON that the engine's parser refuses. */
  shaped: boolean;
  /** Some events are in several records (auditd). */
  parts: boolean;
  /** Some events have parts that were stored before (auditd). */
  stored: boolean;
}
const ANY: Need = { shaped: true, parts: true, stored: false };

interface Decoder {
  source: string;
  /** Formats in which the source itself writes: all others are shaped. */
  plain: readonly string[];
  select(need: Need): string;
}

const eventsOfEnvelopes = auditEvent
  .replace('{readable_json}', () => readableJsonOf('raw'))
  .replace('{enveloped_event}', () => envelopedEventOf('envelope'));

/** Records of Kubernetes audit as (cluster, digest, loader, seq, raw), where raw is the event, out of its envelope. */
export const auditEvents = (records: string): string =>
  eventsOfEnvelopes.replace('FROM input_records', () => `FROM (${records}) AS input_records`);

/** Of the blocks `-- of bodies ... [-- without ...] -- end` of a statement, what stands first or what stands in its place. */
const ofBodies = (sql: string, hasBody: boolean): string =>
  sql.replace(/ *-- of bodies\n([\s\S]*?)(?: *-- without\n([\s\S]*?))? *-- end\n/g, (_, read: string, without = '') =>
    hasBody ? read : without,
  );
const k8sOf = (shaped: boolean, hasBody: boolean) =>
  ofBodies(k8sAudit, hasBody)
    .replaceAll('{has_body}', String(hasBody))
    .replace('{is_mended}', shaped ? "plain.auditID = ''" : 'false')
    .replace('{readable_json}', () => readableJsonOf('raw'));
const withoutBody = k8sOf(false, false).replace('FROM input_records', 'FROM input_records WHERE NOT has_body');
const withBody = k8sOf(false, true).replace('FROM input_records', 'FROM input_records WHERE has_body');
const plainK8s = `SELECT * FROM (${withBody}) UNION ALL SELECT * FROM (${withoutBody})`;
const decoders: Record<TypedTable, Decoder> = {
  k8s_audit: {
    source: 'k8s-audit',
    plain: ['k8s-audit'],
    select: ({ shaped }) => (shaped ? k8sOf(true, true) : plainK8s),
  },
  auditd: { source: 'auditd', plain: ['auditd'], select: auditdOf },
  runtime: { source: 'runtime', plain: PLAIN_RUNTIME, select: ({ shaped }) => runtimeOfShapes(shaped) },
  collector_notices: { source: 'collector', plain: ['collector-notice'], select: () => collectorNotices },
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
  collector_notices: { key: 'cluster, node, collector, time, run, n, digest', madeOf: '[digest]' },
};

export const TYPED_TABLES: readonly Typed[] = typedTables.map((table) => ({
  table,
  source: decoders[table].source,
  ...keys[table],
}));

/** Rows of a derived table from the records of a place, as one SELECT; it runs with DECODE_SETTINGS. */
export function selectRows(target: Target, place: Place, need: Need = ANY): string {
  const read = (select: string, records: string) =>
    select.replaceAll(/FROM input_records\b/g, () => `FROM (${records}) AS input_records`);
  const from = place === 'window' ? windowRecords : place.staged;
  if (target === 'dead_letters') return read(deadLetters, `SELECT * FROM ${from}`);
  const { source, plain, select } = decoders[target];
  // one of another shape may have come in since the need was counted: its own import has made its row
  const shapes = place === 'window' && !need.shaped ? ` AND format IN (${plain.map(sqlString).join(', ')})` : '';
  const decodable = `FROM ${from} WHERE source = '${source}' AND reason = ''${shapes}`;
  if (target === 'auditd' && place !== 'window' && need.stored) {
    const stored = `SELECT ${EVENT_COLUMNS} FROM ${storedParts(place.staged)}`;
    return read(select(need), `SELECT ${EVENT_COLUMNS} ${decodable} UNION ALL ${stored}`);
  }
  const records = `SELECT * ${decodable}`;
  return read(select(need), target === 'k8s_audit' && need.shaped ? auditEvents(records) : records);
}

/** What lies in a staged table. */
export interface Staged {
  records: number;
  /** Of them no typed row can be made. */
  dead: number;
  /** By table: decodable records, the events they belong to, and those of them in other shapes. */
  tables: Record<TypedTable, { records: number; events: number; shaped: number }>;
}

/** Counts what is staged, once, for all who need to know. */
export async function countStaged(store: Store, staged: string): Promise<Staged> {
  const counts = typedTables.map((table) => {
    const { source, plain } = decoders[table];
    const mine = `source = '${source}' AND reason = ''`;
    // a record of a runtime is an event of its own; hashes are compared, not names: one in ten billion batches counts one too few
    const events =
      table === 'runtime' ? `countIf(${mine})` : `uniqExactIf(cityHash64(cluster, node, event_key), ${mine})`;
    const other = `countIf(${mine} AND (is_mended OR format NOT IN (${plain.map(sqlString).join(', ')})))`;
    return `countIf(${mine}) AS ${table}_records, ${events} AS ${table}_events, ${other} AS ${table}_shaped`;
  });
  const sql = `SELECT count() AS records, countIf(reason != '') AS dead, ${counts.join(', ')} FROM ${staged}`;
  const [row] = await store.rows(sql, {}, 'write');
  const n = (name: string) => Number(row?.[name]);
  const of = (table: TypedTable) => ({
    records: n(`${table}_records`),
    events: n(`${table}_events`),
    shaped: n(`${table}_shaped`),
  });
  const [k8s_audit, auditd, runtime] = [of('k8s_audit'), of('auditd'), of('runtime')];
  const tables = { k8s_audit, auditd, runtime, collector_notices: of('collector_notices') };
  return { records: n('records'), dead: n('dead'), tables };
}

/**
 * What the records of a window need (parameters of the place `window`); nothing where no typed row can come of any. Formats alone tell: a dead
 * letter may be counted as a record. Only of auditd, whose other shapes take the engine six times as long to prepare (measured: 1.2 s, 0.2 s).
 */
export async function needOfWindow(store: Store, table: TypedTable, window: Params): Promise<Need | undefined> {
  const plain = decoders[table].plain.map(sqlString).join(', ');
  const sql = `SELECT count() AS records, uniqExact(cityHash64(cluster, node, event_key)) AS events, countIf(format NOT IN (${plain})) AS shaped
    FROM (SELECT cluster, node, event_key, format FROM records_all WHERE ${inWindow} AND format NOT IN ('unknown', 'oversized') LIMIT 1 BY source, cluster, node, digest)`;
  const [row] = await store.rows(sql, window, 'background');
  const [records, events, shaped] = [Number(row?.['records']), Number(row?.['events']), Number(row?.['shaped'])];
  if (records === 0) return undefined;
  return table === 'auditd' ? { shaped: shaped > 0, parts: events < records, stored: false } : ANY;
}

/** What the records of a table need, as far as is staged. */
export function needOf({ tables }: Staged, table: TypedTable): Need {
  const { records, events, shaped } = tables[table];
  return { shaped: shaped > 0, parts: events < records, stored: false };
}

// What lies in memory has no index to be chosen, and looking for one takes the engine a quarter of the time it prepares a decoder.
const UNPLANNED = 'query_plan_enable_optimizations = 0';

/** Typed rows and dead letters of what is staged. Running it again changes nothing: rows replace themselves. */
export async function decodeStaged(
  store: Store,
  staged: string,
  counts: Staged,
  blockRows = BLOCK_ROWS,
): Promise<void> {
  const decoding = decodeSettings(blockRows);
  for (const table of typedTables) {
    if (counts.tables[table].records === 0) continue;
    const stored = table === 'auditd' ? await storedShapes(store, staged) : undefined;
    const mine = needOf(counts, table);
    const need = stored ? { shaped: mine.shaped || stored.shaped, parts: true, stored: true } : mine;
    const settings = stored ? decoding : `${decoding}, ${UNPLANNED}`;
    await store.run(`INSERT INTO ${table} ${selectRows(table, { staged }, need)} ${settings}`);
  }
  if (counts.dead > 0)
    await store.run(`INSERT INTO dead_letters ${selectRows('dead_letters', { staged })} ${decoding}`);
}

// Parts of the batch's events that were stored before. Mostly the store holds little of the batch's time: what it holds there is looked up in the
// batch, not the other way round.
async function storedShapes(store: Store, staged: string): Promise<{ shaped: boolean } | undefined> {
  const stored = `records WHERE source = 'auditd' AND event_key != '' AND ${timeOf(staged)}`;
  const sql = `SELECT count() > 0 AS found, (SELECT countIf(format != 'auditd') FROM ${stored}) AS shaped FROM ${auditdIn(staged)} AND (SELECT count() FROM ${stored}) > 0
    AND (cluster, node, event_key) IN (SELECT cluster, node, event_key FROM ${stored})`;
  const [row] = await store.rows(sql, {}, 'write');
  return row?.['found'] ? { shaped: Number(row['shaped']) > 0 } : undefined;
}
