-- Records of one chain: every event of the processes and requests reached, and what the cluster did because of them.
-- Parameters: cluster; processes, requests (audit ids), accepts (hex digests): core. containers (the intruder's own), exec_ids, sessions (audit
-- session numbers of jobs the node ran), objects (uids), names (namespace/name of those objects): context.
-- Columns: member_id, digest (hex), layer, time, role, process_key, audit_id.
WITH
    -- what runc does before the container's program runs is the runtime's doing, in whatever process
    basename(exe) IN ('runc', 'crun', 'runsc') OR exe = '/' AS is_runtime
SELECT event_id AS member_id, lower(hex(digest)) AS digest_hex, layer, toString(time) AS at, if(is_runtime, 'context', 'core') AS role, process_key, '' AS audit_id
FROM events FINAL
WHERE cluster = {cluster:String} AND layer = 'auditd' AND process_key IN {processes:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'core', '', splitByChar('/', event_id)[1]
FROM events FINAL
WHERE cluster = {cluster:String} AND layer = 'k8s-audit' AND splitByChar('/', event_id)[1] IN {requests:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'core', '', ''
FROM events FINAL
WHERE cluster = {cluster:String} AND digest IN (SELECT unhex(arrayJoin({accepts:Array(String)})))
UNION ALL
-- runtime and set-up of the intruder's own containers
SELECT event_id, lower(hex(digest)), layer, toString(time), 'context', '', ''
FROM events FINAL
WHERE cluster = {cluster:String} AND layer IN ('runtime', 'auditd') AND container_id IN {containers:Array(String)} AND process_key NOT IN {processes:Array(String)}
UNION ALL
-- shims started for them, and runc called for an exec
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', '', ''
FROM events AS e FINAL
WHERE e.cluster = {cluster:String} AND e.layer = 'auditd' AND e.process_key IN
(
    SELECT process_key FROM processes FINAL
    WHERE cluster = {cluster:String} AND (arrayExists(w -> w IN {containers:Array(String)}, argv) OR arrayExists(w -> w IN {containers:Array(String)}, first_argv)
       OR arrayExists(w -> arrayExists(x -> position(w, x) > 0, {exec_ids:Array(String)}), argv))
) AND e.process_key NOT IN {processes:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'context', '', ''
FROM events FINAL
WHERE cluster = {cluster:String} AND layer = 'runtime' AND arrayExists(x -> endsWith(event_id, x), {exec_ids:Array(String)})
UNION ALL
-- the node's login session around a job: cron's PAM records
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', '', ''
FROM events AS e FINAL
INNER JOIN (SELECT node, time, serial FROM auditd FINAL WHERE cluster = {cluster:String} AND ses >= 0 AND ses IN {sessions:Array(Int64)}) AS a
    ON e.node = a.node AND e.event_id = concat(toString(intDiv(toUnixTimestamp64Milli(a.time), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(a.time) % 1000), 3, '0'), ':', toString(a.serial))
WHERE e.cluster = {cluster:String} AND e.layer = 'auditd' AND e.process_key NOT IN {processes:Array(String)}
UNION ALL
-- what controllers, scheduler and kubelet did with the objects; Events are named after their object
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', '', ''
FROM events AS e FINAL
INNER JOIN
(
    SELECT DISTINCT audit_id FROM k8s_audit FINAL
    WHERE cluster = {cluster:String} AND startsWith(username, 'system:') AND username != 'system:anonymous'
      AND (object_uid IN {objects:Array(String)} OR owner_uid IN {objects:Array(String)} OR concat(namespace, '/', name) IN {names:Array(String)}
           OR (resource = 'events' AND concat(namespace, '/', replaceRegexpOne(name, '\\.[0-9a-f]+$', '')) IN {names:Array(String)}))
) AS k ON splitByChar('/', e.event_id)[1] = k.audit_id
WHERE e.cluster = {cluster:String} AND e.layer = 'k8s-audit' AND k.audit_id NOT IN {requests:Array(String)}
