-- What auditd saw of each process, in runs: consecutive events of one pid under one parent, within one minute, up to its exit.
-- A run is a process or a part of one (a daemon's hours; runc's child, which changes its parent when runc ends): process-table.ts puts them
-- together. Minutes, so that late records make only theirs anew.
-- Parameter: {version:UInt64}. Columns: those of process_runs.
WITH
    chosen AS
    (
        SELECT
            -- a pair of time and serial as one number: pairs are compared by far slower
            cluster, node, toStartOfMinute(time) AS minute, time, serial, bitShiftLeft(toUInt128(toUnixTimestamp64Milli(time)), 64) + serial AS at, pid, ppid, exe, comm, argv, uid, auid, ses, path_devs, path_types,
            cgroup, cgroup_container_id, container_from, syscall_name, exit, args[1] AS arg, fields['sig'] AS signal, has(record_types, 'ANOM_ABEND') AS is_crash, digests[1] AS digest,
            if(startsWith(comm, 'runc:[') AND endsWith(cwd, '/rootfs'), extract(cwd, '/([^/]+)/rootfs$'), '') AS stands_in,
            if(path_names_absolute[1] = '', path_names[1], path_names_absolute[1]) AS path,
            syscall_name IN ('execve', 'execveat') AND success = 'yes' AS is_exec,
            syscall_name = 'exit_group' OR is_crash AS is_exit,
            -- clone makes a thread where it is told so (CLONE_THREAD); what clone3 is told lies in memory
            syscall_name IN ('clone', 'clone3', 'fork', 'vfork') AND success = 'yes' AND exit > 0
                AND NOT (syscall_name = 'clone' AND bitTest(reinterpretAsUInt64(reverse(unhex(leftPad(arg, 16, '0')))), 16)) AS is_fork,
            -- what runtimes do for a container is no leaving
            ((success = 'yes' AND syscall_name IN ('setns', 'chroot')) OR (is_exec AND basename(argv[1]) = 'nsenter'))
                AND NOT match(comm, '^(runc|crun|conmon)') AND exe != '/' AS is_leave
        FROM auditd FINAL
        WHERE pid > 0 AND ppid >= 0 AND /*scope minute*/ 1
    ),
    -- most have one run a minute; of the others where each begins
    split AS
    (
        SELECT
            cluster, node, minute, pid,
            arraySort(groupArray((time, serial, ppid, is_exit))) AS events,
            arrayFilter((e, before, n) -> n = 1 OR e.3 != before.3 OR before.4, events, arrayPushFront(arrayPopBack(events), events[1]), arrayEnumerate(events)) AS first_ones,
            arrayMap(e -> (e.1, e.2), first_ones) AS begins
        FROM
        (
            SELECT cluster, node, toStartOfMinute(time) AS minute, time, serial, pid, ppid,
                   syscall_name = 'exit_group' OR has(record_types, 'ANOM_ABEND') AS is_exit
            FROM auditd FINAL
            WHERE pid > 0 AND ppid >= 0 AND /*scope minute*/ 1
        )
        GROUP BY cluster, node, minute, pid
        HAVING uniqExact(ppid) > 1 OR max(is_exit)
    ),
    numbered AS
    (
        SELECT c.*, if(empty(s.begins), 0, arrayCount(b -> b <= (c.time, c.serial), s.begins)) AS run
        FROM chosen AS c
        LEFT ANY JOIN split AS s ON c.cluster = s.cluster AND c.node = s.node AND c.minute = s.minute AND c.pid = s.pid
    )
SELECT
    cluster, node, minute, pid, ppid,
    min(time) AS first_seen,
    argMin(serial, at) AS first_serial,
    max(time) AS last_seen,
    argMax(exe, at + if(is_exec, bitShiftLeft(toUInt128(1), 120), 0)) AS exe,
    argMax(comm, at + if(is_exec, bitShiftLeft(toUInt128(1), 120), 0)) AS comm,
    argMaxIf(argv, at, is_exec) AS argv,
    -- the program a container or an exec was started with: runc's own calls before it do not count
    argMinIf(argv, at, is_exec AND exe != '/' AND comm != 'runc') AS first_argv,
    argMax(uid, at) AS uid,
    argMax(auid, at) AS auid,
    argMax(ses, at) AS ses,
    argMin(is_exec, at) AS starts_with_exec,
    countIf(startsWith(comm, 'runc:[') OR (exe = '/' AND comm IN ('runc', 'exe', '6'))) = count() AS setup,
    -- runc --root ... create --bundle .../ID ID; runc exec ... ID; its child stands in .../ID/rootfs while it mounts what the container sees
    if(anyIf(extract(arrayStringConcat(argv, ' '), '/([0-9a-f]{64}|[A-Za-z0-9_.-]+)/log\\.json'), is_exec AND comm = 'runc') AS of_call != '', of_call,
       max(stands_in)) AS called_for,
    arraySort(groupUniqArrayArrayIf(arrayFilter((d, t) -> startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types), is_exec)) AS exec_devs,
    countIf(is_exec AND arrayExists((d, t) -> d != '' AND NOT startsWith(d, '00:') AND t = 'NORMAL', path_devs, path_types)) > 0 AS exec_from_disk,
    arraySort(groupArrayIf((time, serial, digest), is_exec)).3 AS exec_digests,
    argMin(digest, at) AS first_digest,
    argMax(digest, at) AS last_digest,
    maxIf(time, is_exit) AS exits_at,
    if(countIf(is_exit) = 0, -1, argMaxIf(if(syscall_name = 'exit_group', toInt32(bitAnd(reinterpretAsUInt64(reverse(unhex(leftPad(arg, 16, '0')))), 255)), 128 + toInt32OrZero(signal)), at, is_exit)) AS exit_status,
    argMaxIf(is_crash, at, is_exit) AS crashed,
    argMaxIf(digest, at, is_exit) AS exit_digest,
    arraySort(groupArrayIf((time, serial, exit, digest), is_fork)) AS forks,
    arraySort(groupArrayIf((time, serial, if(is_exec, 'nsenter', toString(syscall_name)), if(syscall_name = 'chroot', path, ''), digest), is_leave)) AS leaves,
    -- what a collector read of its cgroup; before runc's own has entered the container's, it is the node's
    arraySort(groupUniqArrayIf(toString(cgroup_container_id), cgroup_container_id != '')) AS cgroup_ids,
    arraySort(groupUniqArrayIf(toString(cgroup), cgroup != '')) AS cgroups,
    countIf(container_from = 'host' AND NOT match(comm, '^(runc|crun|youki)') AND exe != '/') > 0 AS on_host,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM numbered
GROUP BY cluster, node, minute, pid, ppid, run
