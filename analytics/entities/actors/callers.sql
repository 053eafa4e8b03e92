-- API requests that came from a pod, each with the pod and, where auditd saw the connection, the process.
-- Parameter: {version:UInt64}. Columns: those of callers.
-- The pod: the address the request came from is the pod's while it lives (a stolen token comes from elsewhere, so the address goes before the
-- token). The last of a request's addresses is the peer; those before it are what it says of others, and count for less.
-- Where the address is a node's, a token bound to one of its pods tells which: one on the host's network, or one whose traffic the node
-- translates. One that asks from its own address, too, is less sure: a process of the node that asks like this (callers-of-node.sql) goes before it. A pod whose address nobody told is believed its token, if the address is no other pod's and none of the Internet.
-- Where one of its processes connected just before its token was first used from there, that address is taken for its own: then whoever asks from it.
-- The process: the last one of that pod to connect() to an API server; a connection may carry many requests, and the clocks of two machines
-- may differ by 100 ms. Of several within a step of the kernel's clock it is the last by serial. A connection to a place that only its port speaks for counts where the pod had no better one before.
WITH
    requests AS MATERIALIZED
    (
        SELECT cluster, audit_id, min(time) AS time, max(source_ips) AS source_ips, max(user_pod_uid) AS token_pod_uid
        FROM k8s_audit FINAL
        WHERE /*scope request (cluster, audit_id)*/ 1
        GROUP BY cluster, audit_id
    ),
    told AS MATERIALIZED
    (
        -- pods on the host's network have no address of their own
        SELECT cluster, ips, pod_uid, pod, namespace, first_seen, if(ended_at > 0, ended_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC')) AS ended_at
        FROM pods FINAL
        WHERE NOT host_network
    ),
    -- where the tokens of pods came from, each pod's first place first
    token_ways AS MATERIALIZED
    (
        SELECT cluster, user_pod_uid AS pod_uid, source_ips[-1] AS ip, min(first_seen) AS first_used
        FROM ways FINAL
        WHERE user_pod_uid != ''
        GROUP BY cluster, pod_uid, ip
    ),
    connections AS MATERIALIZED (SELECT * FROM api_connections FINAL WHERE pod_uid != ''),
    learned AS
    (
        SELECT w.cluster AS cluster, w.ip AS ip, w.pod_uid AS pod_uid
        FROM (SELECT *, first_used + INTERVAL 100 MILLISECOND AS latest FROM token_ways ORDER BY first_used, ip LIMIT 1 BY cluster, pod_uid) AS w
        ASOF INNER JOIN connections AS c ON w.cluster = c.cluster AND w.pod_uid = c.pod_uid AND w.latest >= c.time
        WHERE w.first_used - c.time <= 1
          AND NOT /*outside w.ip*/
          AND (w.cluster, w.ip) NOT IN (SELECT cluster, address FROM node_addresses FINAL)
          AND (w.cluster, w.ip) NOT IN (SELECT cluster, arrayJoin(ips) FROM told)
          -- many pods share the address of a gateway
          AND (w.cluster, w.ip) IN (SELECT cluster, ip FROM token_ways GROUP BY cluster, ip HAVING count() = 1)
    ),
    addresses AS MATERIALIZED
    (
        SELECT cluster, arrayJoin(ips) AS ip, pod_uid, pod, namespace, first_seen, ended_at, 'pod-address' AS method, 0.95 AS confidence FROM told
        UNION ALL
        SELECT t.cluster, l.ip, t.pod_uid, t.pod, t.namespace, t.first_seen, t.ended_at, 'token-address', 0.85
        FROM told AS t INNER JOIN learned AS l ON t.cluster = l.cluster AND t.pod_uid = l.pod_uid
        WHERE empty(t.ips)
    ),
    by_address AS MATERIALIZED
    (
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, any(r.time) AS time,
               argMax((a.namespace, a.pod, a.pod_uid, r.n, a.method, a.confidence), (r.n, a.first_seen, a.pod_uid)) AS of
        FROM (SELECT cluster, audit_id, time, ip, n FROM requests ARRAY JOIN source_ips AS ip, arrayMap(i -> toInt64(i) - toInt64(length(source_ips)), arrayEnumerate(source_ips)) AS n) AS r
        INNER JOIN addresses AS a ON r.cluster = a.cluster AND r.ip = a.ip
        -- a pod's processes get 30 s to end, most of the time
        WHERE r.time BETWEEN a.first_seen - INTERVAL 5 SECOND AND a.ended_at + INTERVAL 60 SECOND
        GROUP BY cluster, audit_id
    ),
    by_token AS
    (
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, (p.namespace, p.pod, p.pod_uid) AS of, p.host_network AS host_network, n.node AS from_node, p.node AS node,
               p.has_address AS has_address, p.asks_from_own AS asks_from_own, /*outside r.source_ips[-1]*/ AS is_outside
        FROM requests AS r
        INNER JOIN
        (
            SELECT cluster, pod_uid, pod, namespace, node, host_network, notEmpty(ips) AS has_address,
                   (cluster, pod_uid) IN (SELECT w.cluster, w.pod_uid FROM token_ways AS w INNER JOIN addresses AS a ON w.cluster = a.cluster AND w.pod_uid = a.pod_uid AND w.ip = a.ip) AS asks_from_own
            FROM pods FINAL
        ) AS p ON r.cluster = p.cluster AND r.token_pod_uid = p.pod_uid
        LEFT ANY JOIN (SELECT cluster, node, address FROM node_addresses FINAL) AS n ON r.cluster = n.cluster AND r.source_ips[-1] = n.address
        WHERE (r.cluster, r.audit_id) NOT IN (SELECT cluster, audit_id FROM by_address)
    ),
    pods_of_requests AS
    (
        SELECT cluster, audit_id, time, of.1 AS namespace, of.2 AS pod, of.3 AS pod_uid, of.3 AS connected_uid, if(of.4 = 0, of.5, 'forwarded-address') AS method, if(of.4 = 0, of.6, 0.6) AS confidence FROM by_address
        UNION ALL
        SELECT cluster, audit_id, time, of.1 AS namespace, of.2 AS pod, of.3 AS pod_uid, if(is_doubtful, '', of.3) AS connected_uid, 'bound-token' AS method,
               multiIf(is_doubtful, 0.5, host_network AND from_node != '', 0.9, from_node != '', 0.85, 0.7) AS confidence
        FROM (SELECT *, from_node != '' AND asks_from_own AND NOT host_network AS is_doubtful FROM by_token)
        WHERE from_node = node AND from_node != '' OR from_node = '' AND NOT has_address AND NOT is_outside
    )
SELECT
    r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, r.namespace AS namespace, r.pod AS pod, r.pod_uid AS pod_uid,
    r.method AS method, r.confidence AS confidence,
    if(k.process_key != '', k.node, u.node) AS node,
    if(k.process_key != '', k.container_id, u.container_id) AS container_id,
    if(k.process_key != '', k.process_key, u.process_key) AS process_key,
    if(k.process_key != '', k.time, u.time) AS connected_at,
    if(k.process_key != '', k.digest, u.digest) AS digest,
    {version:UInt64} AS version, 0 AS is_deleted
FROM (SELECT *, time + INTERVAL 100 MILLISECOND AS latest FROM pods_of_requests) AS r
ASOF LEFT JOIN (SELECT * FROM connections WHERE server != '' ORDER BY serial DESC LIMIT 1 BY cluster, pod_uid, time) AS k ON r.cluster = k.cluster AND r.connected_uid = k.pod_uid AND r.latest >= k.time
ASOF LEFT JOIN (SELECT * FROM connections WHERE server = '' ORDER BY serial DESC LIMIT 1 BY cluster, pod_uid, time) AS u ON r.cluster = u.cluster AND r.connected_uid = u.pod_uid AND r.latest >= u.time
