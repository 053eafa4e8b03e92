-- Records of chains: every event of the processes and requests reached, and what the cluster did because of them.
-- Table {events}: chain-events.sql. Parameters: cluster; processes, requests (audit ids), accepts (hex digests): core. containers (the intruder's own), exec_ids, sessions
-- (node/audit session number of jobs the node ran), objects (uids), names (namespace/name of those objects): context.
-- Columns: member_id, digest_hex, layer, at, role, and by what it belongs: via_kind, via (one of the parameters' values).
SELECT event_id AS member_id, lower(hex(digest)) AS digest_hex, layer, toString(time) AS at,
       -- what runc does before the container's program runs is the runtime's doing, in whatever process
       if(basename(exe) IN ('runc', 'crun', 'runsc') OR exe = '/', 'context', 'core') AS role, 'process' AS via_kind, process_key AS via
FROM {events}
WHERE cluster = {cluster:String} AND layer = 'auditd' AND process_key IN {processes:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'core', 'request', splitByChar('/', event_id)[1]
FROM {events}
WHERE cluster = {cluster:String} AND layer = 'k8s-audit' AND splitByChar('/', event_id)[1] IN {requests:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'core', 'accept', lower(hex(digest))
FROM {events}
WHERE cluster = {cluster:String} AND digest IN (SELECT unhex(arrayJoin({accepts:Array(String)})))
UNION ALL
-- runtime and set-up of the intruder's own containers
SELECT event_id, lower(hex(digest)), layer, toString(time), 'context', 'container', container_id
FROM {events}
WHERE cluster = {cluster:String} AND layer IN ('runtime', 'auditd') AND container_id IN {containers:Array(String)} AND process_key NOT IN {processes:Array(String)}
UNION ALL
-- shims started for them, and runc called for an exec
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', 'called', p.called_for
FROM {events} AS e
INNER JOIN
(
    SELECT process_key, node,
           arrayFirst(w -> w IN {containers:Array(String)} OR w IN {exec_ids:Array(String)},
                      arrayFlatten(arrayMap(w -> splitByRegexp('[/.]', w), arrayConcat(argv, first_argv)))) AS called_for
    FROM processes FINAL
    WHERE cluster = {cluster:String} AND (comm IN ('runc', 'crun', 'runsc') OR startsWith(comm, 'containerd-shim') OR comm = 'conmon') AND called_for != ''
) AS p ON e.process_key = p.process_key AND e.node = p.node
WHERE e.cluster = {cluster:String} AND e.layer = 'auditd' AND e.process_key NOT IN {processes:Array(String)}
UNION ALL
SELECT event_id, lower(hex(digest)), layer, toString(time), 'context', 'exec', splitByChar('/', event_id)[-1]
FROM {events}
WHERE cluster = {cluster:String} AND layer = 'runtime' AND splitByChar('/', event_id)[-1] IN {exec_ids:Array(String)}
UNION ALL
-- the node's login session around a job: cron's PAM records
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', 'session', a.session
FROM {events} AS e
INNER JOIN
(
    SELECT node, time, serial, concat(node, '/', toString(ses)) AS session
    FROM auditd FINAL WHERE cluster = {cluster:String} AND ses >= 0 AND session IN {sessions:Array(String)}
) AS a
    ON e.node = a.node AND e.event_id = concat(toString(intDiv(toUnixTimestamp64Milli(a.time), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(a.time) % 1000), 3, '0'), ':', toString(a.serial))
WHERE e.cluster = {cluster:String} AND e.layer = 'auditd' AND e.process_key NOT IN {processes:Array(String)}
UNION ALL
-- what controllers, scheduler and kubelet did with the objects; Events are named after their object
SELECT e.event_id, lower(hex(e.digest)), e.layer, toString(e.time), 'context', 'object', k.via
FROM {events} AS e
INNER JOIN
(
    SELECT audit_id,
           any(multiIf(
               object_uid IN {objects:Array(String)}, object_uid,
               owner_uid IN {objects:Array(String)}, owner_uid,
               resource = 'events', concat(namespace, '/', replaceRegexpOne(name, '\\.[0-9a-f]+$', '')),
               concat(namespace, '/', name))) AS via
    FROM k8s_audit FINAL
    WHERE cluster = {cluster:String} AND startsWith(username, 'system:') AND username != 'system:anonymous'
      AND (object_uid IN {objects:Array(String)} OR owner_uid IN {objects:Array(String)} OR concat(namespace, '/', name) IN {names:Array(String)}
           OR (resource = 'events' AND concat(namespace, '/', replaceRegexpOne(name, '\\.[0-9a-f]+$', '')) IN {names:Array(String)}))
    GROUP BY audit_id
) AS k ON splitByChar('/', e.event_id)[1] = k.audit_id
WHERE e.cluster = {cluster:String} AND e.layer = 'k8s-audit' AND k.audit_id NOT IN {requests:Array(String)}
