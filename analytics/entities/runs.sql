-- What auditd saw of each process, in runs: consecutive events of one pid under one parent.
-- A run is a process or a part of one (runc's child changes its parent when runc ends); analytics/entities/processes.ts puts them together.
-- Columns: cluster, node, pid, ppid, first_seen and last_seen (ms), first_serial, events, what the last execve ran, whether every event is
-- of runc preparing a container, the container a runc or shim was called for, the anonymous devices its programs were read from.
WITH
    ordered AS
    (
        SELECT *, lagInFrame(ppid, 1, toInt64(-2)) OVER (PARTITION BY cluster, node, pid ORDER BY time, serial ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS ppid_before
        FROM auditd FINAL
        WHERE pid > 0 AND ppid >= 0
    ),
    numbered AS
    (
        SELECT *, sum(ppid != ppid_before) OVER (PARTITION BY cluster, node, pid ORDER BY time, serial ROWS UNBOUNDED PRECEDING) AS run,
               syscall_name IN ('execve', 'execveat') AND success = 'yes' AS is_exec
        FROM ordered
    )
SELECT
    cluster, node, pid, ppid,
    toUnixTimestamp64Milli(min(time)) AS first_seen,
    argMin(serial, (time, serial)) AS first_serial,
    toUnixTimestamp64Milli(max(time)) AS last_seen,
    argMax(exe, (is_exec, time, serial)) AS exe,
    argMax(comm, (is_exec, time, serial)) AS comm,
    argMaxIf(argv, (time, serial), is_exec) AS argv,
    -- the program a container or an exec was started with: runc's own calls before it do not count
    argMinIf(argv, (time, serial), is_exec AND exe != '/' AND comm != 'runc') AS first_argv,
    argMax(uid, (time, serial)) AS uid,
    argMax(auid, (time, serial)) AS auid,
    argMax(ses, (time, serial)) AS ses,
    argMin(is_exec, (time, serial)) AS starts_with_exec,
    countIf(startsWith(comm, 'runc:[') OR (exe = '/' AND comm IN ('runc', 'exe', '6'))) = count() AS setup,
    -- runc --root ... create --bundle .../ID ID; runc exec ... ID
    anyIf(extract(arrayStringConcat(argv, ' '), '/([0-9a-f]{64}|[A-Za-z0-9_.-]+)/log\\.json'), is_exec AND comm = 'runc') AS called_for,
    groupUniqArrayArrayIf(arrayFilter((d, t) -> startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types), is_exec) AS exec_devs,
    countIf(is_exec AND arrayExists((d, t) -> d != '' AND NOT startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types)) > 0 AS exec_from_disk,
    groupArrayIf(digests[1], is_exec) AS exec_digests_raw,
    arrayMap(d -> lower(hex(d)), exec_digests_raw) AS exec_digests
FROM numbered
GROUP BY cluster, node, pid, ppid, run
ORDER BY cluster, node, first_seen, first_serial
