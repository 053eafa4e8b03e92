-- auditd events on the one axis, each with its process and container.
SELECT
    a.cluster AS cluster,
    a.time AS time,
    'auditd' AS layer,
    concat(toString(intDiv(toUnixTimestamp64Milli(a.time), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(a.time) % 1000), 3, '0'), ':', toString(a.serial)) AS event_id,
    a.node AS node,
    multiIf(a.acct != '', a.acct, a.auid >= 0, concat('auid ', toString(a.auid)), a.uid >= 0, concat('uid ', toString(a.uid)), '') AS principal,
    if(a.syscall_name != '', a.syscall_name, arrayElement(a.record_types, 1)) AS action,
    multiIf(
        notEmpty(a.argv), arrayStringConcat(a.argv, ' '),
        a.addr != '', if(a.port > 0, if(position(a.addr, ':') > 0, concat('[', a.addr, ']:', toString(a.port)), concat(a.addr, ':', toString(a.port))), a.addr),
        notEmpty(a.path_names), arrayElement(arrayFilter(n -> n != '', arrayReverse(a.path_names)), 1),
        a.op) AS object,
    multiIf(a.success = 'yes', 'success', a.success = 'no', concat('failed ', toString(a.exit)), a.result) AS outcome,
    c.namespace AS namespace,
    c.pod AS pod,
    c.pod_uid AS pod_uid,
    t.container_id AS container_id,
    t.process_key AS process_key,
    a.pid AS pid,
    a.exe AS exe,
    t.method AS method,
    t.confidence AS confidence,
    arrayElement(a.digests, 1) AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (SELECT * FROM auditd FINAL WHERE /*scope event*/ 1) AS a
LEFT ANY JOIN (SELECT cluster, node, time, serial, process_key, container_id, method, confidence FROM attributions FINAL WHERE /*scope event*/ 1) AS t
    ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
LEFT ANY JOIN (SELECT cluster, node, container_id, namespace, pod, pod_uid FROM containers FINAL) AS c
    ON t.cluster = c.cluster AND t.node = c.node AND t.container_id = c.container_id
