// Findings of a run to their table. A finding's id comes from rule and event alone, so that the next run replaces it;
// what the run no longer finds is marked deleted.
import { createHash } from 'node:crypto';
import { insertJudged } from '../../noise/judge.ts';
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import type { EventRule, Rule } from '../language/rule.ts';
import { timeSql } from './scan.ts';
import { hasNoHit } from './stored-hits.ts';

export interface Finding {
  rule: Rule;
  cluster: string;
  node: string;
  time: string;
  source: 'k8s-audit' | 'auditd' | 'runtime';
  event_key: string;
  digests: string[];
  principal: string;
  namespace: string;
  pod: string;
  pod_uid: string;
  container_id: string;
  process_key: string;
  summary: string;
}

const STRUCTURE =
  'cluster String, id String, rule_id String, title String, severity String, signal String, techniques Array(String), tactics Array(String), time String, source String, event_key String, node String, namespace String, pod String, pod_uid String, container_id String, process_key String, principal String, digests Array(String), summary String';

// The rows travel as a literal of the query, of which the engine's parser reads 256 KiB by default.
const BATCH_BYTES_MAX = 100_000;

export interface FindingWriter {
  add(finding: Finding): Promise<void>;
}

export interface Retiring {
  /** Ids of rules whose findings stay. */
  others: readonly string[];
  /** Rules whose findings stay for as long as there is the hit that they were made of. */
  telling: readonly EventRule[];
  /** Findings of events before a time (RFC 3339) stay, but for those of some rules. */
  since?: { since: string; whole: readonly string[] } | undefined;
}

/**
 * Findings that `work` adds, written with what their context makes of them (noise/judge.ts): nobody sees one before it is judged.
 * What earlier runs found and this one did not is retired, but for what is known to stand.
 */
export async function writeFindings(
  store: Store,
  version: number,
  work: (writer: FindingWriter) => Promise<void>,
  { others = [], telling = [], since }: Partial<Retiring> = {},
): Promise<void> {
  await withScratchTable(store, 'findings', 'AS findings ENGINE = MergeTree ORDER BY id', async (table) => {
    const { writer, flush, count } = createWriter(store, table, version);
    await work(writer);
    await flush();
    if (count() > 0) await insertJudged(store, table);
  });
  await store.run(
    `INSERT INTO findings SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
     FROM
     (
       SELECT * FROM findings FINAL
       WHERE version < {version:UInt64} AND rule_id NOT IN (${list(others)}) AND ${hasNoHit(telling)}
         ${since ? `AND (time >= ${timeSql(since.since)} OR rule_id IN (${list(since.whole)}))` : ''}
     )`,
    { version },
  );
}

/** Of all rules but some. */
export async function countFindings(store: Store, others: readonly string[]): Promise<number> {
  const sql = `SELECT count() AS findings FROM findings FINAL WHERE rule_id NOT IN (${list(others)})`;
  const [row] = await store.rows(sql, {}, 'background');
  return Number(row?.['findings'] ?? 0);
}

// an empty list is no list for the engine
const list = (ids: readonly string[]) => ['', ...ids].map(sqlString).join(', ');

function createWriter(store: Store, table: string, version: number) {
  let waiting: string[] = [];
  let bytes = 0;
  let written = 0;
  const flush = async () => {
    if (waiting.length > 0) await insert(store, table, waiting, version);
    waiting = [];
    bytes = 0;
  };
  const writer: FindingWriter = {
    add: async (finding) => {
      const line = JSON.stringify(rowOf(finding));
      if (bytes + line.length > BATCH_BYTES_MAX) await flush();
      waiting.push(line);
      bytes += line.length;
      written++;
    },
  };
  return { writer, flush, count: () => written };
}

function insert(store: Store, table: string, lines: readonly string[], version: number): Promise<void> {
  return store.run(
    `INSERT INTO ${table} (cluster, id, rule_id, title, severity, signal, techniques, tactics, time, source, event_key, node, namespace, pod, pod_uid, container_id, process_key, principal, digests, summary, version)
     SELECT cluster, id, rule_id, title, severity, signal, techniques, tactics, parseDateTime64BestEffort(time, 9, 'UTC'), source, event_key, node, namespace, pod, pod_uid, container_id, process_key, principal,
            arrayMap(d -> toFixedString(unhex(d), 32), digests), summary, {version:UInt64}
     FROM format(JSONEachRow, ${sqlString(STRUCTURE)}, ${sqlString(lines.join('\n'))})`,
    { version },
  );
}

function rowOf({ rule, ...finding }: Finding) {
  const { title, severity, signal = '', techniques, tactics } = rule;
  return {
    ...finding,
    id: findingId(rule.id, finding),
    rule_id: rule.id,
    title,
    severity,
    signal,
    techniques,
    tactics,
  };
}

// A Kubernetes event is of no node, whatever its finding says of where it led.
function findingId(ruleId: string, finding: Omit<Finding, 'rule'>): string {
  const node = finding.source === 'k8s-audit' ? '' : finding.node;
  const identity = [ruleId, finding.cluster, node, finding.event_key].join('\0');
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}
