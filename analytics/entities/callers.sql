-- API requests that came from a pod, each with the pod and, where auditd saw the connection, the process.
-- The pod: the request's address is the pod's while it lives (a stolen token comes from elsewhere, so the address goes before the
-- token), else the pod that a bound token was issued to. The process: the last one of that pod to connect() to a port that API
-- servers use; a connection may carry many requests, and the clocks of two machines may differ by CLOCK_SKEW (100 ms).
WITH
    requests AS
    (
        SELECT cluster, audit_id, min(time) AS time, any(source_ips) AS source_ips, any(user_pod_uid) AS token_pod_uid, any(user_pod_name) AS token_pod
        FROM k8s_audit FINAL
        GROUP BY cluster, audit_id
    ),
    addresses AS
    (
        -- pods on the host's network have no address of their own
        SELECT cluster, ip, pod_uid, pod, namespace, first_seen, if(ended_at > 0, ended_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC')) AS ended_at
        FROM pods FINAL ARRAY JOIN ips AS ip
        WHERE NOT host_network
    ),
    by_address AS
    (
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, any(r.time) AS time,
               argMax(a.namespace, a.first_seen) AS namespace, argMax(a.pod, a.first_seen) AS pod, argMax(a.pod_uid, a.first_seen) AS pod_uid
        FROM (SELECT cluster, audit_id, time, ip FROM requests ARRAY JOIN source_ips AS ip) AS r
        INNER JOIN addresses AS a ON r.cluster = a.cluster AND r.ip = a.ip
        WHERE r.time BETWEEN a.first_seen - INTERVAL 5 SECOND AND a.ended_at + INTERVAL 60 SECOND
        GROUP BY cluster, audit_id
    ),
    by_token AS
    (
        -- only where the pod shares the node's address: elsewhere the address would have said so
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, p.namespace AS namespace, p.pod AS pod, p.pod_uid AS pod_uid
        FROM requests AS r
        INNER JOIN (SELECT cluster, pod_uid, pod, namespace FROM pods FINAL WHERE host_network) AS p ON r.cluster = p.cluster AND r.token_pod_uid = p.pod_uid
    ),
    pods_of_requests AS
    (
        SELECT *, 'pod-address' AS method, 0.95 AS confidence FROM by_address
        UNION ALL
        SELECT *, 'bound-token' AS method, 0.9 AS confidence FROM by_token
    ),
    connects AS
    (
        SELECT a.cluster AS cluster, c.pod_uid AS pod_uid, a.node AS node, t.container_id AS container_id, t.process_key AS process_key,
               a.time AS time, a.digests[1] AS digest
        FROM (SELECT cluster, node, time, serial, digests FROM auditd FINAL
              WHERE syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND port IN (443, 6443, 8443, 16443)) AS a
        INNER JOIN (SELECT cluster, node, time, serial, container_id, process_key FROM attributions FINAL WHERE container_id != '') AS t
            ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
        INNER JOIN (SELECT cluster, node, container_id, pod_uid FROM containers FINAL WHERE pod_uid != '') AS c
            ON t.cluster = c.cluster AND t.node = c.node AND t.container_id = c.container_id
    )
SELECT
    r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, r.namespace AS namespace, r.pod AS pod, r.pod_uid AS pod_uid,
    r.method AS method, r.confidence AS confidence,
    c.node AS node, c.container_id AS container_id, c.process_key AS process_key, c.time AS connected_at, c.digest AS digest,
    {version:UInt64} AS version, 0 AS is_deleted
FROM (SELECT *, time + INTERVAL 100 MILLISECOND AS latest FROM pods_of_requests) AS r
ASOF LEFT JOIN connects AS c ON r.cluster = c.cluster AND r.pod_uid = c.pod_uid AND r.latest >= c.time
