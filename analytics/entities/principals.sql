-- One row an API user: what it called itself with, and from where.
SELECT
    cluster,
    username AS principal,
    arraySort(groupUniqArrayArray(user_groups)) AS user_groups,
    arraySort(groupUniqArrayIf(credential_id, credential_id != '')) AS credential_ids,
    arraySort(groupUniqArrayArray(source_ips)) AS source_ips,
    arraySort(groupUniqArray(user_agent)) AS user_agents,
    min(time) AS first_seen,
    max(time) AS last_seen,
    uniqExact(audit_id) AS requests,
    uniqExactIf(audit_id, code IN (401, 403)) AS refused,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM k8s_audit FINAL
WHERE username != ''
GROUP BY cluster, username
