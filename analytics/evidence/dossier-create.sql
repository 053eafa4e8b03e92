-- Who created an object: the successful create request of it, by kind, namespace and name.
-- Parameters: {cluster:String}, {resource:String}, {namespace:String}, {name:String}, {audit_id:String} (known already, else '').
-- Columns: audit_id, time, principal, source_ips, user_agent, credential_id, owner_kind, owner_name, digests (hex).
SELECT
    audit_id, min(k.time) AS time, any(username) AS principal, any(k.source_ips) AS source_ips, any(k.user_agent) AS user_agent,
    max(k.credential_id) AS credential_id, max(k.owner_kind) AS owner_kind, max(k.owner_name) AS owner_name,
    groupUniqArray(20)(lower(hex(digest))) AS digests
FROM k8s_audit AS k FINAL
WHERE cluster = {cluster:String} AND verb = 'create' AND subresource = '' AND (code = 0 OR code < 400)
    AND if({audit_id:String} != '', audit_id = {audit_id:String},
           resource = {resource:String} AND namespace = {namespace:String} AND name = {name:String})
GROUP BY audit_id
ORDER BY time DESC
LIMIT 1
