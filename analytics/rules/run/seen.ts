// What rules see of each minute, as one number: a sum of hashes over its events and over all that is joined to them (entities, marks, first uses,
// places). Where the number is what it was when rules were last tested, they would find the same again (scope.ts).
import type { Store } from '../../store/store.ts';
import { k8sAudit } from '../sources/k8s-audit.ts';
import { LINEAGE_TABLES, startedByExec } from '../sources/lineage.ts';

/** From the first to the last event, in ms since 1970. */
export const SEEN = `(layer LowCardinality(String), cluster LowCardinality(String), node LowCardinality(String), minute DateTime('UTC'),
  content UInt64, first_ms Int64, last_ms Int64) ENGINE = Memory`;

/** Fills a table of columns SEEN; a minute may have several rows, which add up. */
export async function fillSeen(store: Store, table: string): Promise<void> {
  // a statement takes the engine some tenths of a second to prepare, and few stores have all layers
  const sql = 'SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0';
  const filled = new Set((await store.rows(sql, {}, 'background')).map((row) => row['name']));
  for (const [of, select] of Object.entries(SELECTS)) {
    if (filled.has(of)) await store.run(`INSERT INTO ${table} ${select} ${SETTINGS}`, {}, 'background');
  }
}

const SETTINGS = `SETTINGS prefer_column_name_to_alias = 1, join_use_nulls = 0, query_plan_optimize_join_order_limit = 0, query_plan_join_swap_table = 'false'`;

/** Of rows with cluster, node, time and h, the hash of each. */
const summed = (layer: string, rows: string) => `
SELECT ${layer}, cluster, node, toStartOfMinute(time) AS minute, sum(h), min(toUnixTimestamp64Milli(time)), max(toUnixTimestamp64Milli(time))
FROM (${rows})
GROUP BY ALL`;

// A typed row says something else only under another version (analytics/decode).
const OF_AUDITD = summed(
  "'auditd'",
  'SELECT cluster, node, time, cityHash64(time, serial, version) AS h FROM auditd FINAL',
);
const OF_RUNTIME = summed(
  "'runtime'",
  'SELECT cluster, node, time, cityHash64(time, topic, container_id, exec_id, digest, version) AS h FROM runtime FINAL',
);

// Of each process one number, then of each event: the strings of a million events are not copied through the joins.
const { attributions, processes, containers } = LINEAGE_TABLES;
const ofSession = (process: string, key: string) => startedByExec(`${process}.cluster`, `${process}.${key}`);
const OF_LINEAGE = `
WITH
    p AS (SELECT cluster, node, process_key, parent_key, cityHash64(*) AS h FROM (${processes})),
    lineage AS
    (
        SELECT p.cluster AS cluster, p.node AS node, p.process_key AS process_key,
               cityHash64(p.h, pp.h, ${ofSession('p', 'process_key')}, ${ofSession('p', 'parent_key')}, ${ofSession('pp', 'parent_key')}) AS of_process
        FROM p LEFT ANY JOIN p AS pp ON p.cluster = pp.cluster AND p.node = pp.node AND p.parent_key = pp.process_key
    ),
    c AS (SELECT cluster, node, container_id, cityHash64(*) AS of_container FROM (${containers}))
${summed(
  "'auditd'",
  `SELECT t.cluster AS cluster, t.node AS node, t.time AS time, cityHash64(t.time, t.serial, t.process_key, t.container_id, of_process, of_container) AS h
    FROM (${attributions}) AS t
    LEFT ANY JOIN lineage AS l ON t.cluster = l.cluster AND t.node = l.node AND t.process_key = l.process_key
    LEFT ANY JOIN c ON t.cluster = c.cluster AND t.node = c.node AND t.container_id = c.container_id`,
)}`;

const joined = k8sAudit.joined ?? {};
const ofAudit = k8sAudit.rows({ joins: new Set(Object.keys(joined)) });
const OF_AUDIT = summed(
  "'k8s-audit'",
  `SELECT cluster, node, time, cityHash64(event_id, arraySort(digests), of_version, ${Object.values(joined).flat().join(', ')}) AS h
    FROM (SELECT k.version AS of_version, ${ofAudit.columns} FROM ${ofAudit.from})`,
);

// Places of auditd's events are those of its lineage.
const OF_PLACES = summed(
  'layer',
  `SELECT toString(layer) AS layer, cluster, if(layer = 'k8s-audit', '', toString(node)) AS node, time,
       cityHash64(event_id, node, principal, namespace, pod, pod_uid, container_id, process_key) AS h
    FROM (SELECT * FROM events FINAL WHERE layer != 'auditd')`,
);

/** How the key of an event of a layer tells its time; a request's does not. */
const OF_MARKS = summed(
  'layer',
  `SELECT layer, cluster, node, multiIf(layer = 'k8s-audit', asked_at, layer = 'auditd', fromUnixTimestamp64Milli(toInt64(toFloat64(splitByChar(':', event_key)[1]) * 1000 + 0.5), 'UTC'),
         parseDateTime64BestEffort(splitByChar('/', event_key)[1], 9, 'UTC')) AS time, mark AS h
    FROM (SELECT layer, cluster, node, event_key, cityHash64(* EXCEPT (version, is_deleted)) AS mark FROM event_marks FINAL) AS m
    LEFT ANY JOIN (SELECT cluster AS k_cluster, audit_id, time AS asked_at FROM k8s_audit WHERE audit_id IN (SELECT event_key FROM event_marks FINAL WHERE layer = 'k8s-audit')) AS k
    ON m.cluster = k_cluster AND m.event_key = audit_id`,
);

/** By the table without whose rows there is nothing to see. */
const SELECTS: Readonly<Record<string, string>> = {
  auditd: OF_AUDITD,
  runtime: OF_RUNTIME,
  attributions: OF_LINEAGE,
  k8s_audit: OF_AUDIT,
  events: OF_PLACES,
  event_marks: OF_MARKS,
};
