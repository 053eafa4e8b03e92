-- API requests on the one axis, a row a stage. The pod is the one the request is about, else the one it came from; table callers
-- has the latter for every request.
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
    -- namespace, pod and pod_uid go together: of the pod named, else of the pod that asked; the object says its own namespace
    multiIf(k.resource = 'pods' AND k.name != '', k.namespace, caller.pod != '', caller_namespace, k.namespace) AS namespace,
    if(k.resource = 'pods' AND k.name != '', k.name, caller.pod) AS pod,
    if(k.resource = 'pods' AND k.name != '', if(k.object_uid != '', k.object_uid, named.pod_uid), caller.pod_uid) AS pod_uid,
    -- an exec belongs to the container it entered; a request that is not about a named pod to the container it came from
    multiIf(s.container_id != '', s.container_id, k.resource = 'pods' AND k.name != '', '', caller_container) AS container_id,
    multiIf(s.container_id != '', s.process_key, k.resource = 'pods' AND k.name != '', '', caller_process) AS process_key,
    if(s.process_key = '', -1, s.pid) AS pid,
    '' AS exe,
    multiIf(s.container_id != '', 'exec-session', k.resource = 'pods' AND k.name != '', '', caller_method) AS method,
    multiIf(s.container_id != '', s.confidence, k.resource = 'pods' AND k.name != '', 0, caller_confidence) AS confidence,
    k.digest AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (SELECT * FROM k8s_audit FINAL WHERE /*scope moment*/ 1) AS k
LEFT ANY JOIN (SELECT cluster, audit_id, pod_uid, pod, namespace AS caller_namespace, container_id AS caller_container, process_key AS caller_process, method AS caller_method, confidence AS caller_confidence FROM callers FINAL) AS caller ON k.cluster = caller.cluster AND k.audit_id = caller.audit_id
LEFT ANY JOIN (SELECT cluster, namespace, pod, argMax(pod_uid, first_seen) AS pod_uid, argMax(node, first_seen) AS node FROM pods FINAL GROUP BY cluster, namespace, pod) AS named
    ON k.cluster = named.cluster AND k.namespace = named.namespace AND k.name = named.pod
LEFT ANY JOIN (SELECT cluster, session_id, container_id, process_key, pid, confidence FROM sessions FINAL) AS s ON k.cluster = s.cluster AND k.audit_id = s.session_id
