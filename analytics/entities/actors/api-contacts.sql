-- Whom each pod had just connected to when a token bound to it was used for the first time: the API server, mostly; api-servers.sql chooses.
-- Parameter: {version:UInt64}. Columns: those of api_contacts.
WITH
    firsts AS
    (
        SELECT cluster, user_pod_uid AS uid, min(first_seen) AS seen FROM ways FINAL
        WHERE user_pod_uid != '' AND /*scope pod (cluster, user_pod_uid)*/ 1
        GROUP BY cluster, user_pod_uid
    ),
    of_pods AS
    (
        SELECT p.cluster AS cluster, p.node AS node, p.container_id AS container_id, p.pod_uid AS uid, f.seen AS seen
        FROM (SELECT cluster, node, container_id, pod_uid FROM containers FINAL WHERE pod_uid != '' AND /*scope pod (cluster, pod_uid)*/ 1) AS p
        INNER JOIN firsts AS f ON f.cluster = p.cluster AND f.uid = p.pod_uid
    ),
    connects AS
    (
        SELECT a.cluster AS cluster, a.node AS node, a.time AS time, a.addr AS addr, a.port AS port, a.digests[1] AS digest, t.container_id AS container_id
        FROM
        (
            SELECT cluster, node, time, serial, addr, port, digests FROM auditd FINAL
            WHERE syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND port > 0 AND NOT startsWith(addr, '127.') AND addr != '::1'
              AND time BETWEEN (SELECT min(seen) FROM firsts) - INTERVAL 5 SECOND AND (SELECT max(seen) FROM firsts) + INTERVAL 1 SECOND
        ) AS a
        INNER JOIN
        (
            SELECT cluster, node, time, serial, container_id FROM attributions FINAL
            WHERE container_id != ''
              AND time BETWEEN (SELECT min(seen) FROM firsts) - INTERVAL 5 SECOND AND (SELECT max(seen) FROM firsts) + INTERVAL 1 SECOND
        ) AS t ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
    )
SELECT
    p.cluster AS cluster,
    p.uid AS pod_uid,
    c.addr AS address,
    c.port AS port,
    min((c.time, c.digest)).1 AS time,
    min((c.time, c.digest)).2 AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM connects AS c
INNER JOIN of_pods AS p ON c.cluster = p.cluster AND c.node = p.node AND c.container_id = p.container_id
-- a handshake and a slow server take less; clocks differ
WHERE c.time BETWEEN p.seen - INTERVAL 5 SECOND AND p.seen + INTERVAL 100 MILLISECOND
GROUP BY p.cluster, p.uid, c.addr, c.port
