-- Runtime events and container documents on the one axis.
SELECT
    r.cluster AS cluster,
    r.time AS time,
    'runtime' AS layer,
    concat(toString(r.time), '/', r.topic, '/', r.container_id, if(r.exec_id = '', '', concat('/', r.exec_id))) AS event_id,
    r.node AS node,
    '' AS principal,
    r.topic AS action,
    multiIf(c.container_name != '', c.container_name, c.kind = 'sandbox', 'sandbox', r.image) AS object,
    if(r.topic = '/tasks/exit', toString(r.exit_status), '') AS outcome,
    c.namespace AS namespace,
    c.pod AS pod,
    c.pod_uid AS pod_uid,
    if(c.container_id != '', c.container_id, '') AS container_id,
    '' AS process_key,
    r.pid AS pid,
    '' AS exe,
    if(c.container_id != '', 'runtime-id', '') AS method,
    if(c.container_id != '', 1, 0) AS confidence,
    r.digest AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (SELECT * FROM runtime FINAL WHERE /*scope moment*/ 1) AS r
LEFT ANY JOIN (SELECT cluster, node, container_id, container_name, kind, namespace, pod, pod_uid FROM containers FINAL) AS c
    ON r.cluster = c.cluster AND r.node = c.node AND r.container_id = c.container_id
