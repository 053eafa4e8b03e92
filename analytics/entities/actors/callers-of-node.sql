-- API requests that came from a node's own address, each with the process of the node, or of a pod on the node's network, that sent it.
-- Parameter: {version:UInt64}. Columns: those of callers, which are being put into table {into}.
-- Many share that address, so the user agent has to name the program ("kubectl/v1.34.4 ..." for comm kubectl), and the process is the last
-- one of that name to connect() to an API server before the request (clocks: 100 ms). Requests that table callers has already given to a
-- process are left out.
WITH
    requests AS
    (
        SELECT cluster, audit_id, min(time) AS time, max(source_ips)[-1] AS peer,
               lower(splitByRegexp('[/ ]', max(user_agent))[1]) AS agent
        FROM k8s_audit FINAL
        WHERE (cluster, audit_id) NOT IN (SELECT cluster, audit_id FROM {into} FINAL WHERE version = {version:UInt64} AND process_key != '')
          AND /*scope request (cluster, audit_id)*/ 1
        GROUP BY cluster, audit_id
    ),
    of_nodes AS
    (
        SELECT r.cluster AS cluster, r.audit_id AS audit_id, r.time AS time, r.time + INTERVAL 100 MILLISECOND AS latest, n.node AS node,
               -- libraries name the language, its interpreter is the program
               if(startsWith(r.agent, 'python-'), 'python', r.agent) AS program
        FROM requests AS r
        INNER JOIN (SELECT cluster, node, address FROM node_addresses FINAL) AS n ON r.cluster = n.cluster AND r.peer = n.address
        WHERE r.agent != ''
    ),
    connects AS
    (
        SELECT cluster, node, time, digest, container_id, process_key, if(startsWith(program, 'python'), 'python', program) AS program
        FROM (SELECT *, arrayJoin(programs) AS program FROM api_connections FINAL)
        -- the last within a step of the kernel's clock
        ORDER BY serial DESC LIMIT 1 BY cluster, node, program, time
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
