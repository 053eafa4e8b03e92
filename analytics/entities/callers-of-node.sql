-- API requests that came from a node's own address, each with the process of the node, or of a pod on the node's network, that sent it.
-- Many share that address, so the user agent has to name the program ("kubectl/v1.34.4 ..." for comm kubectl), and the process is the last
-- one of that name to connect() to a port that API servers use before the request (clocks: 100 ms). Requests that table callers has
-- already given to a pod with an address of its own are left out.
WITH
    node_addresses AS
    (
        SELECT DISTINCT cluster, node, ip FROM pods FINAL ARRAY JOIN ips AS ip WHERE host_network AND node != ''
    ),
    requests AS
    (
        SELECT cluster, audit_id, min(time) AS time, any(source_ips) AS source_ips,
               lower(splitByRegexp('[/ ]', any(user_agent))[1]) AS agent
        FROM k8s_audit FINAL
        WHERE (cluster, audit_id) NOT IN (SELECT cluster, audit_id FROM callers FINAL WHERE version = {version:UInt64} AND process_key != '')
        GROUP BY cluster, audit_id
    ),
    of_nodes AS
    (
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, r.time + INTERVAL 100 MILLISECOND AS latest, n.node AS node,
               -- libraries name the language, its interpreter is the program
               if(startsWith(r.agent, 'python-'), 'python', r.agent) AS program
        FROM (SELECT cluster, audit_id, time, agent, ip FROM requests ARRAY JOIN source_ips AS ip) AS r
        INNER JOIN node_addresses AS n ON r.cluster = n.cluster AND r.ip = n.ip
        WHERE r.agent != ''
    ),
    connects AS
    (
        SELECT a.cluster AS cluster, a.node AS node, a.time AS time, a.digest AS digest, t.container_id AS container_id, t.process_key AS process_key,
               if(startsWith(a.program, 'python'), 'python', a.program) AS program
        FROM (SELECT cluster, node, time, serial, digests[1] AS digest, lower(arrayJoin(arrayDistinct([toString(comm), basename(exe)]))) AS program FROM auditd FINAL
              WHERE syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND port IN (443, 6443, 8443, 16443)) AS a
        INNER JOIN (SELECT cluster, node, time, serial, container_id, process_key FROM attributions FINAL) AS t
            ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
    )
SELECT
    r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, p.namespace AS namespace, p.pod AS pod, p.pod_uid AS pod_uid,
    'node-address' AS method, 0.85 AS confidence,
    c.node AS node, c.container_id AS container_id, c.process_key AS process_key, c.time AS connected_at, c.digest AS digest,
    {version:UInt64} AS version, 0 AS is_deleted
FROM of_nodes AS r
ASOF INNER JOIN connects AS c ON r.cluster = c.cluster AND r.node = c.node AND r.program = c.program AND r.latest >= c.time
LEFT ANY JOIN (SELECT cluster, node, container_id, namespace, pod, pod_uid FROM containers FINAL) AS p
    ON c.cluster = p.cluster AND c.node = p.node AND c.container_id = p.container_id
