-- Containers of the pods that requests named, or by their ids. Parameters: pods (cluster/namespace/pod), containers (cluster/node/id). Times in microseconds, 0 unknown.
SELECT
    cluster, node, container_id, container_name, namespace, pod, pod_uid, pid,
    toUnixTimestamp64Micro(if(started_at > 0, started_at, created_at)) AS begun_us,
    toUnixTimestamp64Micro(ended_at) AS ended_us,
    exit_status,
    args,
    arrayMap(d -> lower(hex(d)), begin_digests) AS begin_digests,
    arrayMap(d -> lower(hex(d)), end_digests) AS end_digests
FROM containers FINAL
WHERE kind != 'sandbox' AND concat(cluster, '/', namespace, '/', pod) IN {pods:Array(String)}
   OR concat(cluster, '/', node, '/', container_id) IN {containers:Array(String)}
ORDER BY cluster, node, container_id
