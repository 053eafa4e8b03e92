-- Digests of every record that says something of one container: its own documents and events, its processes, sessions
-- and findings, its pod, and the API requests about or by that pod.
-- Parameters: {cluster:String}, {node:String}, {container:String}, {pod_uid:String} ('' when unknown). Columns: cluster, digest.
SELECT DISTINCT {cluster:String} AS cluster, arrayJoin(digests) AS digest
FROM
(
    SELECT digests FROM containers FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}
    UNION ALL SELECT digests FROM processes FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}
    UNION ALL SELECT digests FROM sessions FINAL WHERE cluster = {cluster:String} AND container_id = {container:String}
    UNION ALL SELECT digests FROM findings FINAL WHERE cluster = {cluster:String} AND container_id = {container:String}
    UNION ALL SELECT digests FROM pods FINAL WHERE cluster = {cluster:String} AND pod_uid = {pod_uid:String} AND pod_uid != ''
    UNION ALL SELECT [digest] FROM runtime FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}
    UNION ALL SELECT [digest] FROM events FINAL WHERE cluster = {cluster:String} AND (node = {node:String} OR node = '') AND container_id = {container:String}
    UNION ALL SELECT [digest] FROM events FINAL WHERE cluster = {cluster:String} AND pod_uid = {pod_uid:String} AND pod_uid != '' AND layer = 'k8s-audit'
    UNION ALL SELECT [digest] FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND {pod_uid:String} != '' AND (user_pod_uid = {pod_uid:String} OR object_uid = {pod_uid:String})
    UNION ALL SELECT [digest] FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND audit_id IN
        (SELECT audit_id FROM callers FINAL WHERE cluster = {cluster:String} AND (container_id = {container:String} OR pod_uid = {pod_uid:String} AND pod_uid != ''))
    -- the row of an auditd event names all its records, the axis only one
    UNION ALL SELECT digests FROM auditd FINAL WHERE cluster = {cluster:String} AND node = {node:String}
        AND (time, serial) IN (SELECT time, serial FROM attributions FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String})
)
