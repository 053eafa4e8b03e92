// Hits of event rules, kept: what a scan finds replaces what was found before in the same events, and what says the same as before keeps its
// version, so that whoever concludes from hits sees which of them are new to it.
import { z } from 'zod';
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import type { EventRule } from '../language/rule.ts';
import type { Source } from '../sources/source.ts';
import { HIT_COLUMNS, type Hit, HitRow, type ScanOptions, scans } from './scan.ts';
import type { Extent } from './scope.ts';

const KEY = 'source, cluster, node, minute, event_key, rule_id';
const SCANNED = `source, rule_id, layer, cluster, node, minute, time, event_key, event_id, digests, principal, namespace, pod, pod_uid,
  container_id, process_key, words, values`;
const PLACED = `${SCANNED}, of_node`;

/** Of a scratch table for hits. */
export const HITS = 'AS rule_hits ENGINE = MergeTree ORDER BY (event_key, rule_id)';

/** Tests rules of one source on the events of an extent, and replaces their hits there. */
export async function refreshHits(
  store: Store,
  source: Source,
  rules: readonly EventRule[],
  { within, stored }: Extent,
  version: number,
  asked: Pick<ScanOptions, 'fields' | 'askedOf'>,
): Promise<void> {
  if (rules.length === 0) return;
  await withScratchTable(store, 'hits', HITS, async (found) => {
    if (within !== '0')
      await collectHits(store, source, rules, found, { ...asked, within: within === '1' ? undefined : within });
    const known = `SELECT * FROM rule_hits FINAL WHERE ${stored} AND rule_id IN (${listOf(rules)})`;
    const [any] = await store.rows(`SELECT 1 FROM ${found} LIMIT 1`, {}, 'background');
    if (any !== undefined)
      await store.run(
        `INSERT INTO rule_hits (${PLACED}, content, version)
         SELECT *, cityHash64(*) AS content, {version:UInt64} FROM (${placed(source, found, within)})
         WHERE (${KEY}, content) NOT IN (SELECT ${KEY}, content FROM (${known}))
         SETTINGS prefer_column_name_to_alias = 1, join_use_nulls = 0`,
        { version },
        'background',
      );
    // also those of another source, where a rule has moved; the inner SELECT keeps the rows' own version apart from the new
    await store.run(
      `INSERT INTO rule_hits SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
       FROM (SELECT * FROM (${known}) WHERE version < {version:UInt64} AND (${KEY}) NOT IN (SELECT ${KEY} FROM ${found}))`,
      { version },
      'background',
    );
  });
}

/** Hits of rules that there are no more go. */
export const retireHits = (
  store: Store,
  remaining: readonly { id: string }[],
  stored: string,
  version: number,
): Promise<void> =>
  store.run(
    `INSERT INTO rule_hits SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
     FROM (SELECT * FROM rule_hits FINAL WHERE ${stored} AND rule_id NOT IN (${listOf(remaining)}))`,
    { version },
    'background',
  );

/** Into a table (HITS) what rules match. */
// Several rows of one event may match (records of one auditd event, kinds of news): of each rule the first, with words and values of its own row.
export async function collectHits(
  store: Store,
  source: Source,
  rules: readonly EventRule[],
  found: string,
  options: ScanOptions,
): Promise<void> {
  for await (const { ofNumber, sql, settings } of scans(store, source, rules, options)) {
    const ids = ofNumber.map(({ id }) => sqlString(id)).join(', ');
    await store.run(
      `INSERT INTO ${found} (${SCANNED})
       SELECT ${sqlString(source.name)}, rule_id, ${sqlString(source.layer)}, cluster, node, toStartOfMinute(time), time, event_key, event_id, digests,
         principal, namespace, pod, pod_uid, container_id, process_key, mapFilter((k, v) -> v != '', words), mapFilter((k, v) -> v != '', values)
       FROM (SELECT *, [${ids}][hit] AS rule_id FROM (SELECT *, arrayJoin(hits) AS hit FROM (${sql})))
       LIMIT 1 BY cluster, node, event_key, rule_id ${settings}`,
      {},
      'background',
    );
  }
}

/**
 * With what the three layers together know of where it happened and who did it. Namespace, pod, container and process belong together: all
 * of `events`, or all of what the hit says itself.
 */
function placed(source: Source, found: string, within: string): string {
  const known = "(e_pod != '' OR e_container_id != '' OR e_process_key != '')";
  const either = (name: string) => `if(${known}, toString(e_${name}), toString(h.${name})) AS ${name}`;
  // a Kubernetes event is of no node, whatever node it led to
  const onNode = source.layer === 'k8s-audit' ? '' : 'AND e_node = h.node';
  const ofEvents = source.isSmall || within === '0' ? '1' : within;
  return `
  SELECT source, rule_id, layer, cluster, node, minute, time, event_key, event_id, digests,
    if(e_principal != '', toString(e_principal), h.principal) AS principal, ${['namespace', 'pod', 'pod_uid', 'container_id', 'process_key'].map(either).join(', ')},
    words, values, e_node AS of_node
  FROM ${found} AS h
  LEFT ANY JOIN
  (
    SELECT cluster AS e_cluster, event_id AS e_id, node AS e_node, principal AS e_principal, namespace AS e_namespace, pod AS e_pod, pod_uid AS e_pod_uid,
      container_id AS e_container_id, process_key AS e_process_key
    FROM events FINAL
    WHERE layer = '${source.layer}' AND (${ofEvents}) AND event_id IN (SELECT event_id FROM ${found})
  ) AS e ON e_cluster = h.cluster AND e_id = h.event_id ${onNode}`;
}

const listOf = (rules: readonly { id: string }[]) => ['', ...rules.map(({ id }) => id)].map(sqlString).join(', ');

/** Hits of some rules. */
export const readHits = (store: Store, rules: readonly EventRule[]): AsyncIterable<Hit> =>
  read(store, rules, `SELECT * FROM rule_hits FINAL WHERE rule_id IN (${listOf(rules)})`);

/**
 * Hits that findings were not made of yet, or not of what they say now.
 * @param all of these every hit
 */
export const readUntold = (
  store: Store,
  rules: readonly EventRule[],
  all: readonly EventRule[],
  stored: string,
): AsyncIterable<Hit> =>
  read(
    store,
    rules,
    `SELECT h.* FROM (SELECT * FROM rule_hits FINAL WHERE rule_id IN (${listOf(rules)}) AND ${stored}) AS h
     LEFT ANY JOIN
     (
       SELECT rule_id AS f_rule, cluster AS f_cluster, if(source = 'k8s-audit', '', toString(node)) AS f_node, event_key AS f_key, version AS f_version
       FROM findings FINAL
     ) AS f ON f_rule = h.rule_id AND f_cluster = h.cluster AND f_node = h.node AND f_key = h.event_key
     WHERE f_version < h.version OR h.rule_id IN (${listOf(all)})`,
  );

const StoredRow = HitRow.extend({ rule_id: z.string() });

async function* read(store: Store, rules: readonly EventRule[], hits: string): AsyncIterable<Hit> {
  const ofId = new Map(rules.map((rule) => [rule.id, rule]));
  // where events know more of the node than the event's own record does
  const columns = HIT_COLUMNS.replace('node,', "if(of_node != '', of_node, node) AS node,");
  const sql = `SELECT ${columns}, rule_id FROM (${hits}) ORDER BY time, event_key, rule_id
    SETTINGS prefer_column_name_to_alias = 1, join_use_nulls = 0, output_format_json_quote_64bit_integers = 0`;
  for await (const row of store.stream(sql)) {
    const { rule_id, ...hit } = StoredRow.parse(row);
    const rule = ofId.get(rule_id);
    if (rule) yield { ...hit, rules: [rule] };
  }
}

/** Of each rule when its hits last changed, or went. */
export async function lastChanges(store: Store): Promise<Map<string, number>> {
  const rows = await store.rows(
    'SELECT rule_id, max(version) AS last FROM rule_hits GROUP BY rule_id',
    {},
    'background',
  );
  return new Map(rows.map((row) => [String(row['rule_id']), Number(row['last'])]));
}

/** Of the findings of these rules, those that have no hit (SQL over findings). */
export const hasNoHit = (rules: readonly EventRule[]): string =>
  `(rule_id, cluster, if(source = 'k8s-audit', '', toString(node)), event_key) NOT IN
     (SELECT rule_id, cluster, node, event_key FROM rule_hits FINAL WHERE rule_id IN (${listOf(rules)}))`;
