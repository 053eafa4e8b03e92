-- One row a pod, by UID: from the API's bodies and from the labels that the runtime keeps.
-- A mirror pod of a static pod has a UID of its own; the runtime's label names the manifest's.
WITH
    api AS
    (
        SELECT
            cluster,
            object_uid AS pod_uid,
            argMax(namespace, time) AS namespace,
            argMax(name, time) AS pod,
            argMaxIf(node_name, time, node_name != '') AS node,
            groupUniqArrayIf(pod_ip, pod_ip != '') AS ips,
            argMaxIf(service_account, time, service_account != '') AS service_account,
            anyIf(owner_kind, owner_kind != '') AS owner_kind,
            anyIf(owner_name, owner_name != '') AS owner_name,
            anyIf(owner_uid, owner_uid != '') AS owner_uid,
            argMinIf(username, time, verb = 'create' AND subresource = '') AS created_by,
            argMinIf(audit_id, time, verb = 'create' AND subresource = '') AS created_audit_id,
            argMinIf(username, time, verb = 'delete' AND subresource = '') AS deleted_by,
            argMinIf(audit_id, time, verb = 'delete' AND subresource = '') AS deleted_audit_id,
            groupUniqArrayArray(images) AS images,
            groupUniqArrayArray(host_paths) AS host_paths,
            max(privileged) AS privileged,
            max(host_network) AS host_network,
            max(host_pid) AS host_pid,
            minIf(time, verb = 'create' AND subresource = '') AS created_at,
            min(time) AS first_seen,
            max(time) AS last_seen,
            minIf(time, verb = 'delete' AND subresource = '') AS deleted_at,
            groupUniqArrayIf(digest, verb IN ('create', 'delete')) AS digests
        FROM k8s_audit FINAL
        WHERE resource = 'pods' AND object_uid != '' AND code < 400
        GROUP BY cluster, object_uid
    ),
    live AS
    (
        SELECT
            cluster,
            pod_uid,
            any(namespace) AS namespace,
            any(pod) AS pod,
            any(node) AS node,
            groupUniqArrayIf(image, kind != 'sandbox' AND image != '') AS images,
            max(privileged) AS privileged,
            min(if(created_at > 0, created_at, started_at)) AS first_seen,
            max(greatest(created_at, started_at, ended_at, removed_at)) AS last_seen,
            max(ended_at) AS ended_at,
            countIf(ended_at = 0) AS running,
            groupUniqArrayArray(digests) AS digests
        FROM (SELECT * FROM containers FINAL)
        WHERE pod_uid != ''
        GROUP BY cluster, pod_uid
    )
SELECT
    if(a.pod_uid != '', a.cluster, l.cluster) AS cluster,
    if(a.pod_uid != '', a.pod_uid, l.pod_uid) AS pod_uid,
    if(l.namespace != '', l.namespace, a.namespace) AS namespace,
    if(l.pod != '', l.pod, a.pod) AS pod,
    if(l.node != '', l.node, a.node) AS node,
    arraySort(a.ips) AS ips,
    a.service_account AS service_account,
    a.owner_kind AS owner_kind,
    a.owner_name AS owner_name,
    a.owner_uid AS owner_uid,
    a.created_by AS created_by,
    a.created_audit_id AS created_audit_id,
    a.deleted_by AS deleted_by,
    a.deleted_audit_id AS deleted_audit_id,
    arraySort(if(empty(a.images), l.images, a.images)) AS images,
    arraySort(a.host_paths) AS host_paths,
    a.privileged OR l.privileged AS privileged,
    a.host_network AS host_network,
    a.host_pid AS host_pid,
    a.created_at AS created_at,
    arrayMin(arrayFilter(t -> t > 0, [a.first_seen, l.first_seen])) AS first_seen,
    greatest(a.last_seen, l.last_seen) AS last_seen,
    if(l.pod_uid != '' AND l.running = 0, l.ended_at, toDateTime64(0, 9, 'UTC')) AS ended_at,
    arraySort(arrayDistinct(arrayConcat(a.digests, l.digests))) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM api AS a FULL JOIN live AS l ON a.cluster = l.cluster AND a.pod_uid = l.pod_uid
