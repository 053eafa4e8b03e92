-- API requests on the one axis, a row a stage. The pod is the one the request is about, else the one it came from.
WITH
    addresses AS
    (
        -- an address belongs to a pod while it lives; pods on the host's network have none of their own
        SELECT cluster, ip, pod_uid, pod, namespace, first_seen, if(ended_at > 0, ended_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC')) AS ended_at
        FROM pods FINAL ARRAY JOIN ips AS ip
        WHERE NOT host_network
    ),
    callers AS
    (
        SELECT k.cluster AS cluster, k.audit_id AS audit_id, argMax(a.pod_uid, a.first_seen) AS pod_uid, argMax(a.pod, a.first_seen) AS pod, argMax(a.namespace, a.first_seen) AS namespace
        FROM (SELECT DISTINCT cluster, audit_id, time, ip FROM k8s_audit FINAL ARRAY JOIN source_ips AS ip) AS k
        INNER JOIN addresses AS a ON k.cluster = a.cluster AND k.ip = a.ip
        WHERE k.time BETWEEN a.first_seen - INTERVAL 5 SECOND AND a.ended_at + INTERVAL 60 SECOND
        GROUP BY cluster, audit_id
    )
SELECT
    k.cluster AS cluster,
    k.time AS time,
    'k8s-audit' AS layer,
    concat(k.audit_id, '/', k.stage) AS event_id,
    multiIf(named.pod_uid != '', named.node, k.user_node_name) AS node,
    if(k.impersonated_user != '', concat(k.impersonated_user, ' (by ', k.username, ')'), k.username) AS principal,
    if(k.subresource = '', concat(k.verb, ' ', k.resource), concat(k.verb, ' ', k.resource, '/', k.subresource)) AS action,
    if(k.resource = '', k.request_uri, concat(if(k.namespace = '', '', concat(k.namespace, '/')), k.name)) AS object,
    if(k.code = 0, '', toString(k.code)) AS outcome,
    if(k.namespace != '', k.namespace, caller_namespace) AS namespace,
    multiIf(k.resource = 'pods' AND k.name != '', k.name, caller.pod != '', caller.pod, k.user_pod_name) AS pod,
    multiIf(k.resource = 'pods' AND k.name != '', if(k.object_uid != '', k.object_uid, named.pod_uid), caller.pod_uid != '', caller.pod_uid, k.user_pod_uid) AS pod_uid,
    s.container_id AS container_id,
    s.process_key AS process_key,
    if(s.process_key = '', -1, s.pid) AS pid,
    '' AS exe,
    multiIf(s.container_id != '', 'exec-session', k.resource = 'pods' AND k.name != '', '', k.user_pod_uid != '' AND caller.pod_uid = '', 'bound-token', caller.pod_uid != '', 'pod-address', '') AS method,
    multiIf(s.container_id != '', s.confidence, k.user_pod_uid != '' AND caller.pod_uid = '', 0.9, caller.pod_uid != '', 0.95, 0) AS confidence,
    k.digest AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (SELECT * FROM k8s_audit FINAL) AS k
LEFT ANY JOIN (SELECT cluster, audit_id, pod_uid, pod, namespace AS caller_namespace FROM callers) AS caller ON k.cluster = caller.cluster AND k.audit_id = caller.audit_id
LEFT ANY JOIN (SELECT cluster, namespace, pod, argMax(pod_uid, first_seen) AS pod_uid, argMax(node, first_seen) AS node FROM pods FINAL GROUP BY cluster, namespace, pod) AS named
    ON k.cluster = named.cluster AND k.namespace = named.namespace AND k.name = named.pod
LEFT ANY JOIN (SELECT cluster, session_id, container_id, process_key, pid, confidence FROM sessions FINAL) AS s ON k.cluster = s.cluster AND k.audit_id = s.session_id
