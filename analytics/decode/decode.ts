// From records to typed rows: each decoder is one SELECT over `input_records`, a name that stands for a closed list of
// places records come from. Nothing is decoded outside the engine.
import type { Store } from '../store/store.ts';
import auditLines from './audit-lines.sql';
import auditbeatLines from './auditbeat-lines.sql';
import auditd from './auditd.sql';
import reason from './dead-letter-reason.sql';
import deadLetters from './dead-letters.sql';
import k8sAudit from './k8s-audit.sql';
import readableJson from './readable-json.sql';
import { PLAIN_RUNTIME, runtimeOfShapes } from './runtime-select.ts';

// Bodies of some kilobytes a row and a dozen arrays made of each: small blocks bound the memory of a decoder.
// The engine refuses a whole batch for one line with more key=value pairs than its bound; decoders read 64 KiB of a line.
// One thread: batches are small, two threads take a third more processor time for a fifth less of waiting (measured).
// Steps of a decoder stay steps: the engine would merge them into one and filter wide tuples (k8s-audit.sql).
export const DECODE_SETTINGS = `SETTINGS max_block_size = 8192, max_insert_block_size = 65536, min_insert_block_size_bytes = 67108864,
  extract_key_value_pairs_max_pairs_per_row = 65536, max_threads = 1, query_plan_merge_expressions = 0`;

/** The JSON of `raw` as the engine can read it, as an expression; what ingest takes identity and time from. */
export const READABLE_JSON = readableJson;
/** Why no typed row can be made of a staged record, as an expression; '' when one can. */
export const DEAD_LETTER_REASON = reason.replace('{readable_json}', () => READABLE_JSON);

export type TypedTable = 'k8s_audit' | 'auditd' | 'runtime';
export type Target = TypedTable | 'dead_letters';
/** `batch`: staged, {batch:String}. `window`: stored, of one source and time, see windows.ts. */
type Place = 'batch' | 'window';

const inWindow = `source = {source:String} AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
  AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')`;

const places: Record<Place, string> = {
  batch: 'staged WHERE batch = {batch:String}',
  // with the records that are kept beyond their time; one that both tables hold counts once
  window: `(SELECT *, ${DEAD_LETTER_REASON} AS reason FROM
    (SELECT * FROM records FINAL WHERE ${inWindow} UNION ALL SELECT * FROM records_kept FINAL WHERE ${inWindow})
    LIMIT 1 BY source, cluster, node, digest) WHERE 1`,
};

// An auditd event may have come in part before: the parts in records join those of the batch.
const EVENT_COLUMNS = 'cluster, node, event_key, event_time, boot_id, format, raw, digest, loader, seq';
const auditdOfBatch = `staged WHERE batch = {batch:String} AND source = 'auditd'`;
const timeOfBatch = `event_time BETWEEN (SELECT min(event_time) FROM ${auditdOfBatch}) AND (SELECT max(event_time) FROM ${auditdOfBatch})`;
const storedParts = `records FINAL
  WHERE source = 'auditd' AND event_key != ''
    AND ${timeOfBatch}
    AND (cluster, node, event_key) IN (SELECT cluster, node, event_key FROM ${auditdOfBatch})
    AND (cluster, node, digest) NOT IN (SELECT cluster, node, digest FROM ${auditdOfBatch})`;

// Comments go: a replacement stands in the middle of a line.
const withoutComments = (sql: string) => sql.replace(/^--.*\n/gm, '').replace(/^ +-- .*\n/gm, '');
const linesOfAnyShape = withoutComments(auditLines).replace('{auditbeat_lines}', () => withoutComments(auditbeatLines));
const auditdOfShapes = (any: boolean) => auditd.replaceAll('{audit_lines}', () => (any ? linesOfAnyShape : 'raw'));

const decoders: Record<TypedTable, { source: string; select: string }> = {
  k8s_audit: { source: 'k8s-audit', select: k8sAudit.replace('{readable_json}', () => READABLE_JSON) },
  auditd: { source: 'auditd', select: auditdOfShapes(true) },
  runtime: { source: 'runtime', select: runtimeOfShapes(true) },
};
/** Tables whose decoder is a shorter one where records have no other shapes than these, which the sources write themselves. */
const plain: Partial<Record<Target, { formats: readonly string[]; select: string }>> = {
  auditd: { formats: ['auditd'], select: auditdOfShapes(false) },
  runtime: { formats: PLAIN_RUNTIME, select: runtimeOfShapes(false) },
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

/**
 * Rows of a derived table from the records of a place, as one SELECT; it runs with DECODE_SETTINGS.
 * @param united whether auditd events of a batch have parts that were stored before
 * @param shaped whether some came in other shapes: what reads them takes the engine a quarter of a second to prepare
 */
export function selectRows(target: Target, place: Place, united = true, shaped = true): string {
  const read = (select: string, from: string) =>
    select.replaceAll(/FROM input_records\b/g, () => `FROM (${from}) AS input_records`);
  if (target === 'dead_letters') return read(deadLetters, `SELECT * FROM ${places[place]}`);
  const { source } = decoders[target];
  const select = (shaped ? undefined : plain[target]?.select) ?? decoders[target].select;
  const decodable = `FROM ${places[place]} AND source = '${source}' AND reason = ''`;
  if (target === 'auditd' && place === 'batch' && united)
    return read(select, `SELECT ${EVENT_COLUMNS} ${decodable} UNION ALL SELECT ${EVENT_COLUMNS} FROM ${storedParts}`);
  return read(select, `SELECT * ${decodable}`);
}

/** Derived tables that a staged batch has rows for. */
export async function targetsOf(store: Store, batch: string): Promise<Target[]> {
  const ofSources = typedTables.map((t) => `countIf(source = '${decoders[t].source}' AND reason = '') > 0 AS ${t}`);
  const [concerned] = await store.rows(
    `SELECT ${ofSources.join(', ')}, countIf(reason != '') > 0 AS dead_letters FROM staged WHERE batch = {batch:String}`,
    { batch },
    'write',
  );
  return ([...typedTables, 'dead_letters'] as const).filter((target) => concerned?.[target]);
}

/** Typed rows and dead letters of one staged batch. Running it again changes nothing: rows replace themselves. */
export async function decodeBatch(store: Store, batch: string): Promise<void> {
  for (const target of await targetsOf(store, batch)) {
    const united = target === 'auditd' && (await hasStoredParts(store, batch));
    const shaped = united || (await hasShapes(store, batch, target));
    await store.run(`INSERT INTO ${target} ${selectRows(target, 'batch', united, shaped)} ${DECODE_SETTINGS}`, {
      batch,
    });
  }
}

/** Whether records of a batch have shapes that the shorter decoder of their table does not read. */
export async function hasShapes(store: Store, batch: string, target: Target): Promise<boolean> {
  const formats = plain[target]?.formats;
  if (formats === undefined || target === 'dead_letters') return false;
  const { source } = decoders[target];
  const sql = `SELECT count() > 0 AS found FROM staged
    WHERE batch = {batch:String} AND source = '${source}' AND reason = '' AND format NOT IN {formats:Array(String)}`;
  const [row] = await store.rows(sql, { batch, formats }, 'write');
  return Boolean(row?.['found']);
}

// Asked first, for the decoder reads what it is given more than once. Mostly the store holds little of the batch's time:
// what it holds there is looked up in the batch, not the other way round.
async function hasStoredParts(store: Store, batch: string): Promise<boolean> {
  const [row] = await store.rows(
    `SELECT count() > 0 AS found FROM ${auditdOfBatch} AND (cluster, node, event_key) IN (
       SELECT cluster, node, event_key FROM records WHERE source = 'auditd' AND event_key != '' AND ${timeOfBatch})`,
    { batch },
    'write',
  );
  return Boolean(row?.['found']);
}
