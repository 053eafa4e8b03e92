-- The ways in which users come to the API: with which credential, from which addresses, by which program, as whom. Few rows for a busy
-- user: what is asked of users, credentials and addresses is asked of these and not of every request.
-- Parameter: {version:UInt64}. Columns: those of ways.
SELECT
    cluster,
    username,
    cityHash64(user_uid, user_groups, credential_id, user_pod_uid, source_ips, user_agent, impersonated_user, impersonated_groups) AS way,
    user_uid,
    user_groups,
    credential_id,
    user_pod_uid,
    max(user_pod_name) AS user_pod_name,
    max(user_node_name) AS user_node_name,
    source_ips,
    user_agent,
    impersonated_user,
    impersonated_groups,
    min((time, digest)).1 AS first_seen,
    max((time, digest)).1 AS last_seen,
    uniqExact(audit_id) AS requests,
    uniqExactIf(audit_id, code IN (401, 403)) AS refused,
    uniqExact(toDate(time)) AS days,
    min((time, digest)).2 AS first_digest,
    max((time, digest)).2 AS last_digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM k8s_audit FINAL
WHERE /*scope principal (cluster, username)*/ 1
GROUP BY cluster, username, user_uid, user_groups, credential_id, user_pod_uid, source_ips, user_agent, impersonated_user, impersonated_groups
