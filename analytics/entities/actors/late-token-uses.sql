-- Requests with one token from one address after its pod had ended. Parameters: cluster, username, credential, pod_uid, peer;
-- ended_at (ms since 1970). One row; times in ms.
SELECT
    toUnixTimestamp64Milli(min(time)) AS first_seen,
    toUnixTimestamp64Milli(max(time)) AS last_seen,
    uniqExact(audit_id) AS requests,
    uniqExactIf(audit_id, code IN (401, 403)) AS refused,
    arrayDistinct([lower(hex(argMin(digest, (time, digest)))), lower(hex(argMax(digest, (time, digest))))]) AS digests
FROM k8s_audit FINAL
WHERE cluster = {cluster:String} AND username = {username:String} AND credential_id = {credential:String} AND user_pod_uid = {pod_uid:String}
  AND source_ips[-1] = {peer:String} AND time > fromUnixTimestamp64Milli({ended_at:Int64}, 'UTC')
