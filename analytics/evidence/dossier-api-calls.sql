-- API requests that came from a container: callers names the pod by token or address and, where a connect() was seen, the
-- container; a request of which only the pod is known is any of its containers'.
-- Parameters: {cluster:String}, {container:String}, {pod_uid:String}, {limit:UInt32}.
-- Columns: audit_id, time, verb, resource, namespace, name, code, decision, principal, user_agent, source_ips, credential_id,
-- method, confidence, from_container (the container itself is known), digests (hex: of each stage), total.
WITH
    mine AS
    (
        SELECT audit_id, method, confidence, container_id FROM callers FINAL
        WHERE cluster = {cluster:String} AND (container_id = {container:String} OR container_id = '' AND pod_uid = {pod_uid:String} AND pod_uid != '')
    )
SELECT
    k.audit_id AS audit_id,
    min(k.time) AS time,
    any(k.verb) AS verb,
    any(if(k.resource = '', k.request_uri, if(k.subresource = '', k.resource, concat(k.resource, '/', k.subresource)))) AS resource,
    any(k.namespace) AS namespace,
    max(k.name) AS name,
    max(k.code) AS code,
    max(k.decision) AS decision,
    any(k.username) AS principal,
    any(k.user_agent) AS user_agent,
    any(k.source_ips) AS source_ips,
    max(k.credential_id) AS credential_id,
    any(m.method) AS method,
    any(m.confidence) AS confidence,
    max(m.container_id != '') AS from_container,
    groupUniqArray(20)(lower(hex(k.digest))) AS digests,
    count() OVER () AS total
FROM (SELECT * FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND audit_id IN (SELECT audit_id FROM mine)) AS k
INNER JOIN mine AS m ON k.audit_id = m.audit_id
GROUP BY k.audit_id
ORDER BY time, audit_id
LIMIT {limit:UInt32}
