-- What rules found, the worst first, then in order of time.
-- Parameters: those of findings-filter.sql, which stands for the filter; limit.
SELECT
    f.id AS id,
    f.rule_id AS rule_id,
    f.title AS title,
    f.severity AS severity,
    f.rule_severity AS rule_severity,
    f.severity_reason AS severity_reason,
    f.techniques AS techniques,
    f.tactics AS tactics,
    if(f.time = toDateTime64(0, 9, 'UTC'), NULL, f.time) AS time,
    f.source AS source,
    f.cluster AS cluster,
    f.node AS node,
    f.namespace AS namespace,
    f.pod AS pod,
    f.pod_uid AS pod_uid,
    if(f.workload_name = '', '', concat(f.workload_kind, '/', f.workload_name)) AS workload,
    f.container_id AS container_id,
    f.principal AS principal,
    arrayMap(d -> lower(hex(d)), f.digests) AS digests,
    f.summary AS summary,
    f.suppressed_by AS suppressed_by
FROM findings AS f FINAL
WHERE {filter}
ORDER BY indexOf(['informational', 'low', 'medium', 'high', 'critical'], f.severity) DESC, f.time, f.cluster, f.id
LIMIT {limit:UInt64}
