-- Exec, attach and port-forward requests, one row an auditID, each with the starts that may be its own:
-- execs in that pod's container from shortly before the request's stamp to 10 s after. sessions.ts chooses.
WITH
    requests AS
    (
        SELECT
            cluster, audit_id, any(subresource) AS kind, any(username) AS principal, any(source_ips) AS source_ips, any(user_agent) AS user_agent,
            any(namespace) AS namespace, any(name) AS pod, any(exec_command) AS command, any(exec_container) AS container_name,
            toUnixTimestamp64Milli(min(time)) AS requested_at, max(code) AS code,
            toUnixTimestamp64Milli(maxIf(stage_time, stage = 'ResponseComplete')) AS completed_at,
            arrayMap(d -> lower(hex(d)), groupUniqArray(digest)) AS digests
        FROM k8s_audit FINAL
        WHERE resource = 'pods' AND subresource IN ('exec', 'attach', 'portforward')
        GROUP BY cluster, audit_id
    )
SELECT r.*, c.container_id AS container_id, c.pod_uid AS pod_uid, c.node AS node, c.container_ended_at AS container_ended_at
FROM requests AS r
LEFT JOIN
(
    SELECT cluster, namespace, pod, container_name, container_id, pod_uid, node,
           toUnixTimestamp64Milli(if(started_at > 0, started_at, created_at)) AS container_started_at, toUnixTimestamp64Milli(ended_at) AS container_ended_at
    FROM containers FINAL
    WHERE kind != 'sandbox'
) AS c
ON r.cluster = c.cluster AND r.namespace = c.namespace AND r.pod = c.pod
WHERE c.container_id = ''
   OR ((r.container_name = '' OR r.container_name = c.container_name)
       AND r.requested_at >= c.container_started_at AND (c.container_ended_at = 0 OR r.requested_at <= c.container_ended_at))
ORDER BY r.requested_at
