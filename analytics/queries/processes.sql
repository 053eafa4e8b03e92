-- Processes with the container each belongs to, in order of time.
-- Parameters: since, until (RFC 3339: the process was there at some moment between); cluster, node, namespace, pod_namespace, pod (patterns of
--   LIKE, '%' for all); container (of an id); containers (ids, empty for all); pid (-1 for all); exe (pattern: its path, the end of it, or what it
--   was called as); keys, parents (process_key and parent_key, empty for all); setup (also what runc does to prepare a container); limit.
-- Columns: those of processes, and of the container its name, namespace, pod and uid.
SELECT
    p.cluster AS cluster,
    p.node AS node,
    p.boot AS boot,
    p.process_key AS process_key,
    p.pid AS pid,
    p.ppid AS ppid,
    p.parent_key AS parent_key,
    p.first_seen AS first_seen,
    p.last_seen AS last_seen,
    p.seen AS seen,
    if(p.ended_at = toDateTime64(0, 3, 'UTC'), NULL, p.ended_at) AS ended_at,
    p.ended_by AS ended_by,
    if(p.exit_status < 0, NULL, p.exit_status) AS exit_status,
    p.exe AS exe,
    p.comm AS comm,
    p.argv AS argv,
    p.first_argv AS first_argv,
    if(p.uid < 0, NULL, p.uid) AS uid,
    if(p.auid < 0, NULL, p.auid) AS auid,
    if(p.ses < 0, NULL, p.ses) AS ses,
    p.container_id AS container_id,
    c.container_name AS container_name,
    c.namespace AS namespace,
    c.pod AS pod,
    c.pod_uid AS pod_uid,
    p.method AS method,
    p.confidence AS confidence,
    p.left_by AS left_by,
    if(p.left_at = toDateTime64(0, 3, 'UTC'), NULL, p.left_at) AS left_at,
    p.setup AS setup,
    p.exec_id AS exec_id,
    p.exec_devs AS exec_devs,
    p.exec_from_disk AS exec_from_disk,
    if(p.begin_digest = toFixedString('', 32), NULL, lower(hex(p.begin_digest))) AS begin_digest,
    if(p.end_digest = toFixedString('', 32), NULL, lower(hex(p.end_digest))) AS end_digest,
    if(p.left_digest = toFixedString('', 32), NULL, lower(hex(p.left_digest))) AS left_digest,
    arrayMap(d -> lower(hex(d)), p.digests) AS digests
FROM (SELECT * FROM processes FINAL WHERE cluster LIKE {cluster:String} AND node LIKE {node:String}) AS p
LEFT ANY JOIN
(
    SELECT cluster, node, container_id, container_name, namespace, pod, pod_uid FROM containers FINAL WHERE cluster LIKE {cluster:String} AND node LIKE {node:String}
) AS c ON c.cluster = p.cluster AND c.node = p.node AND c.container_id = p.container_id AND p.container_id != ''
WHERE greatest(p.last_seen, p.ended_at) >= parseDateTime64BestEffort({since:String}, 9, 'UTC')
  AND p.first_seen < parseDateTime64BestEffort({until:String}, 9, 'UTC')
  AND c.namespace LIKE {namespace:String}
  AND c.namespace LIKE {pod_namespace:String}
  AND (c.pod LIKE {pod:String} OR c.pod_uid LIKE {pod:String})
  AND p.container_id LIKE {container:String}
  AND (empty({containers:Array(String)}) OR p.container_id IN {containers:Array(String)})
  AND ({pid:Int64} < 0 OR p.pid = {pid:Int64})
  AND (p.exe LIKE {exe:String} OR p.exe LIKE concat('%/', {exe:String}) OR p.argv[1] LIKE {exe:String} OR p.comm LIKE {exe:String})
  AND (empty({keys:Array(String)}) OR p.process_key IN {keys:Array(String)})
  AND (empty({parents:Array(String)}) OR p.parent_key IN {parents:Array(String)})
  AND ({setup:Bool} OR NOT p.setup)
ORDER BY p.first_seen, p.cluster, p.node, p.process_key
LIMIT {limit:UInt64}
