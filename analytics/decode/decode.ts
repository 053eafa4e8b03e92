// From records to typed rows: each decoder is one SELECT over `input_records`, a name that stands for a closed list of
// places records come from. Nothing is decoded outside the engine.
import type { Store } from '../store/store.ts';
import auditd from './auditd.sql';
import reason from './dead-letter-reason.sql';
import deadLetters from './dead-letters.sql';
import k8sAudit from './k8s-audit.sql';
import readableJson from './readable-json.sql';
import runtime from './runtime.sql';

// Bodies of some kilobytes a row and a dozen arrays made of each: small blocks bound the memory of a decoder.
// The engine refuses a whole batch for one line with more key=value pairs than its bound; decoders read 64 KiB of a line.
// One thread: batches are small, two threads take a third more processor time for a fifth less of waiting (measured).
// Steps of a decoder stay steps: the engine would merge them into one and filter wide tuples (k8s-audit.sql).
const LIMITS = `SETTINGS max_block_size = 8192, max_insert_block_size = 65536, min_insert_block_size_bytes = 67108864,
  extract_key_value_pairs_max_pairs_per_row = 65536, max_threads = 1, query_plan_merge_expressions = 0`;

/** The JSON of `raw` as the engine can read it, as an expression; what ingest takes identity and time from. */
export const READABLE_JSON = readableJson;
/** Why no typed row can be made of a staged record, as an expression; '' when one can. */
export const DEAD_LETTER_REASON = reason.replace('{readable_json}', () => READABLE_JSON);

const ofBatch = (formats: string) =>
  `(SELECT * FROM staged WHERE batch = {batch:String} AND format IN (${formats}) AND reason = '')`;

// An auditd event may have come in part before: the parts in records join those of the batch.
const auditdOfBatch = `(
  SELECT cluster, node, event_key, event_time, boot_id, raw, digest, loader, seq
  FROM staged WHERE batch = {batch:String} AND format = 'auditd' AND reason = ''
  UNION ALL
  SELECT cluster, node, event_key, event_time, boot_id, raw, digest, loader, seq
  FROM records FINAL
  WHERE source = 'auditd'
    AND event_time BETWEEN (SELECT min(event_time) FROM staged WHERE batch = {batch:String} AND format = 'auditd')
                       AND (SELECT max(event_time) FROM staged WHERE batch = {batch:String} AND format = 'auditd')
    AND (cluster, node, event_key) IN (SELECT cluster, node, event_key FROM staged WHERE batch = {batch:String} AND format = 'auditd')
    AND (cluster, node, digest) NOT IN (SELECT cluster, node, digest FROM staged WHERE batch = {batch:String} AND format = 'auditd'))`;

// `when`: a condition on staged rows that are of the step's concern; without such rows the step is left out.
const steps = [
  {
    target: 'k8s_audit',
    select: k8sAudit.replace('{readable_json}', () => READABLE_JSON),
    from: ofBatch("'k8s-audit'"),
    when: "format = 'k8s-audit'",
  },
  { target: 'auditd', select: auditd, from: auditdOfBatch, when: "format = 'auditd'" },
  {
    target: 'runtime',
    select: runtime,
    from: ofBatch("'containerd-event', 'containerd-container'"),
    when: "format IN ('containerd-event', 'containerd-container')",
  },
  {
    target: 'dead_letters',
    select: deadLetters,
    from: '(SELECT * FROM staged WHERE batch = {batch:String})',
    when: "reason != ''",
  },
];

/** Typed rows and dead letters of one staged batch. Running it again changes nothing: rows replace themselves. */
export async function decodeBatch(store: Store, batch: string): Promise<void> {
  const conditions = steps.map(({ target, when }) => `countIf(${when}) > 0 AS ${target}`);
  const [concerned] = await store.rows(
    `SELECT ${conditions.join(', ')} FROM staged WHERE batch = {batch:String}`,
    { batch },
    'write',
  );
  for (const { target, select, from } of steps) {
    if (!concerned?.[target]) continue;
    await store.run(
      `INSERT INTO ${target} ${select.replace('input_records\n', () => `${from} AS input_records\n`)} ${LIMITS}`,
      { batch },
    );
  }
}
