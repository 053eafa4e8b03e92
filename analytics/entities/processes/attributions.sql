-- Every auditd event with the process it was written for: the process that had its pid then. Where a collector read that process's cgroup, the
-- event's container is the one it names. What programs say themselves (PAM's records, USER_CMD) and the kernel's single records (LOGIN, SECCOMP) tell no
-- parent and make no run of a process: a pid that came round again without a call is told by the program.
SELECT
    a.cluster AS cluster, a.node AS node, a.time AS time, a.serial AS serial,
    p.process_key AS process_key,
    if(a.cgroup_container_id != '', toString(a.cgroup_container_id), p.container_id) AS container_id,
    if(a.cgroup_container_id != '', 'cgroup', p.method) AS method,
    if(a.cgroup_container_id != '', 1, p.confidence) AS confidence,
    {version:UInt64} AS version, 0 AS is_deleted
FROM (SELECT cluster, node, time, serial, pid, ppid, exe, cgroup_container_id FROM auditd FINAL WHERE pid > 0 AND /*scope event*/ 1) AS a
ASOF INNER JOIN
(
    SELECT cluster, node, pid, process_key, exe, container_id, method, confidence, first_seen, last_seen FROM processes FINAL
    WHERE seen IN ('exec', 'events') AND /*scope pids*/ 1
    -- of two within a step of the kernel's clock the later
    ORDER BY process_key DESC LIMIT 1 BY cluster, node, pid, first_seen
) AS p
ON a.cluster = p.cluster AND a.node = p.node AND a.pid = p.pid AND a.time >= p.first_seen
WHERE a.ppid >= 0 OR if(a.exe = '', a.time <= p.last_seen, a.exe = p.exe)
