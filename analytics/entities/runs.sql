-- What auditd saw of each process, in runs: consecutive events of one pid under one parent, within one minute, up to its exit.
-- A run is a process or a part of one (a daemon's hours; runc's child, which changes its parent when runc ends): process-table.ts puts them
-- together. Minutes, so that late records make only theirs anew.
-- Parameter: {version:UInt64}. Columns: those of process_runs.
WITH
    chosen AS
    (
        SELECT
            *,
            toStartOfMinute(time) AS minute,
            syscall_name IN ('execve', 'execveat') AND success = 'yes' AS is_exec,
            syscall_name = 'exit_group' OR has(record_types, 'ANOM_ABEND') AS is_exit,
            -- clone makes a thread where it is told so (CLONE_THREAD); what clone3 is told lies in memory
            syscall_name IN ('clone', 'clone3', 'fork', 'vfork') AND success = 'yes' AND exit > 0
                AND NOT (syscall_name = 'clone' AND bitTest(reinterpretAsUInt64(reverse(unhex(leftPad(args[1], 16, '0')))), 16)) AS is_fork,
            -- what runtimes do for a container is no leaving
            ((success = 'yes' AND syscall_name IN ('setns', 'chroot')) OR (is_exec AND basename(argv[1]) = 'nsenter'))
                AND NOT match(comm, '^(runc|crun|conmon)') AND exe != '/' AS is_leave,
            digests[1] AS digest
        FROM auditd FINAL
        WHERE pid > 0 AND ppid >= 0 AND /*scope minute (cluster, node, toString(toUnixTimestamp(toStartOfMinute(time))))*/ 1
    ),
    ordered AS
    (
        SELECT
            *,
            lagInFrame(ppid, 1, toInt64(-2)) OVER earlier AS ppid_before,
            lagInFrame(is_exit, 1, false) OVER earlier AS exited_before
        FROM chosen
        WINDOW earlier AS (PARTITION BY cluster, node, pid, minute ORDER BY time, serial ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ),
    numbered AS
    (
        SELECT *, sum(ppid != ppid_before OR exited_before) OVER (PARTITION BY cluster, node, pid, minute ORDER BY time, serial ROWS UNBOUNDED PRECEDING) AS run
        FROM ordered
    )
SELECT
    cluster, node, minute, pid, ppid,
    min(time) AS first_seen,
    argMin(serial, (time, serial)) AS first_serial,
    max(time) AS last_seen,
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
    arraySort(groupUniqArrayArrayIf(arrayFilter((d, t) -> startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types), is_exec)) AS exec_devs,
    countIf(is_exec AND arrayExists((d, t) -> d != '' AND NOT startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types)) > 0 AS exec_from_disk,
    arraySort(groupArrayIf((time, serial, digest), is_exec)).3 AS exec_digests,
    argMin(digest, (time, serial)) AS first_digest,
    argMax(digest, (time, serial)) AS last_digest,
    maxIf(time, is_exit) AS exits_at,
    if(countIf(is_exit) = 0, -1, argMaxIf(if(syscall_name = 'exit_group', toInt32(bitAnd(reinterpretAsUInt64(reverse(unhex(leftPad(args[1], 16, '0')))), 255)), 128 + toInt32OrZero(fields['sig'])), (time, serial), is_exit)) AS exit_status,
    argMaxIf(has(record_types, 'ANOM_ABEND'), (time, serial), is_exit) AS crashed,
    argMaxIf(digest, (time, serial), is_exit) AS exit_digest,
    arraySort(groupArrayIf((time, serial, exit, digest), is_fork)) AS forks,
    arraySort(groupArrayIf((time, serial, if(is_exec, 'nsenter', toString(syscall_name)), if(syscall_name = 'chroot', if(path_names_absolute[1] = '', path_names[1], path_names_absolute[1]), ''), digest), is_leave)) AS leaves,
    -- what a collector read of its cgroup; before runc's own has entered the container's, it is the node's
    arraySort(groupUniqArrayIf(toString(cgroup_container_id), cgroup_container_id != '')) AS cgroup_ids,
    arraySort(groupUniqArrayIf(toString(cgroup), cgroup != '')) AS cgroups,
    countIf(container_from = 'host' AND NOT (startsWith(comm, 'runc:[') OR exe = '/')) > 0 AS on_host,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM numbered
GROUP BY cluster, node, minute, pid, ppid, run
