-- Serials of auditd's events by node and hour, in runs without a hole: what gaps-of-serials.sql looks for missing ones in.
-- Parameter: {version:UInt64}. Columns: those of auditd_hours. An hour depends on the events of that hour alone.
--
-- The kernel counts one serial up for each event from the boot on, and takes none for what no rule asks for, nor for records of excluded
-- types (kernel/audit.c, audit_log_start): in a log that is whole no serial is missing. auditd numbers its own records (DAEMON_*) by
-- itself. A call's time is that of its entry, its serial that of its end: a call that blocked has a serial far above those beside it.
-- A restart of the count is looked for among events that do not block: five in a row below the five before, and a second of silence
-- between, which no reboot undercuts. Another boot told by a collector is one as well.
WITH
    told AS
    (
        SELECT
            cluster, node, time, serial, boot_id, digests[1] AS digest,
            toStartOfHour(time) AS hour,
            -- these wait for another, for as long as it takes
            syscall_name NOT IN ('accept', 'accept4', 'connect', 'read', 'readv', 'recvfrom', 'recvmsg', 'recvmmsg', 'write', 'sendto', 'sendmsg', 'sendmmsg',
                'poll', 'ppoll', 'select', 'pselect6', 'epoll_wait', 'epoll_pwait', 'epoll_pwait2', 'io_getevents', 'io_uring_enter', 'wait4', 'waitid', 'futex',
                'nanosleep', 'clock_nanosleep', 'pause', 'rt_sigsuspend', 'rt_sigtimedwait', 'flock', 'fcntl', 'semop', 'semtimedop', 'msgrcv', 'msgsnd',
                'mq_timedreceive', 'clone', 'clone3', 'fork', 'vfork', 'ptrace', 'mount', 'umount2', 'fsync', 'sync', 'init_module', 'finit_module') AS is_prompt
        FROM auditd FINAL
        -- the kernel's serial has 32 bits; a time that no record holds has no hour
        WHERE serial BETWEEN 1 AND 4294967295 AND odd_key = '' AND time > toDateTime64('2015-01-01 00:00:00', 3, 'UTC')
          AND NOT arrayExists(t -> startsWith(t, 'DAEMON_'), record_types)
          -- of a month whose bulk expired only what chains need is there: that proves nothing
          AND toString(toYYYYMM(time)) NOT IN (SELECT partition FROM retention_drops FINAL)
          AND /*scope hour (cluster, node, toStartOfHour(time))*/ 1
    ),
    prompt AS
    (
        SELECT
            cluster, node, hour, time, serial,
            min(serial) OVER five_before AS low_before,
            max(time) OVER five_before AS time_before,
            count() OVER five_before AS before,
            max(serial) OVER five_from_here AS high_after,
            count() OVER five_from_here AS after
        FROM told
        WHERE is_prompt
        WINDOW
            five_before AS (PARTITION BY cluster, node, hour ORDER BY time, serial ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING),
            five_from_here AS (PARTITION BY cluster, node, hour ORDER BY time, serial ROWS BETWEEN CURRENT ROW AND 4 FOLLOWING)
    ),
    restarts AS
    (
        SELECT cluster, node, hour, time AS at FROM prompt
        WHERE before >= 3 AND after >= 3 AND high_after < low_before AND time >= time_before + INTERVAL 1 SECOND
        UNION ALL
        SELECT cluster, node, hour, begun AS at
        FROM
        (
            SELECT cluster, node, hour, min(time) AS begun, row_number() OVER (PARTITION BY cluster, node, hour ORDER BY begun) AS n
            FROM told WHERE boot_id != '' GROUP BY cluster, node, hour, boot_id
        )
        WHERE n > 1
    ),
    placed AS
    (
        SELECT t.*, toUInt16(arrayCount(at -> at <= t.time, r.times)) AS part
        FROM told AS t
        LEFT JOIN (SELECT cluster, node, hour, groupArray(at) AS times FROM restarts GROUP BY cluster, node, hour) AS r
            ON r.cluster = t.cluster AND r.node = t.node AND r.hour = t.hour
    ),
    counted AS
    (
        SELECT *, serial - dense_rank() OVER (PARTITION BY cluster, node, hour, part ORDER BY serial) AS run FROM placed
    ),
    runs AS
    (
        SELECT
            cluster, node, hour, part, run,
            min(serial) AS lo,
            max(serial) AS hi,
            -- eight: a call in flight on each of the processors of a small node
            arrayMap(e -> e.2, groupArraySortedIf(8)((serial, time), is_prompt)) AS entered,
            maxIf(time, is_prompt) AS latest_prompt,
            min(time) AS earliest,
            max(time) AS latest,
            count() AS events,
            minIf((time, serial, boot_id), boot_id != '') AS boot_first,
            maxIf((time, serial, boot_id), boot_id != '') AS boot_last,
            groupArraySortedIf(5)((time, serial), is_prompt) AS heads,
            arrayMap(e -> (fromUnixTimestamp64Milli(-e.1, 'UTC'), toUInt64(-e.2)), groupArraySortedIf(5)((-toUnixTimestamp64Milli(time), -toInt64(serial)), is_prompt)) AS tails,
            argMin(digest, (serial, time, digest)) AS lo_digest,
            argMax(digest, (serial, time, digest)) AS hi_digest
        FROM counted
        GROUP BY cluster, node, hour, part, run
    )
SELECT
    cluster,
    node,
    hour,
    part,
    sum(events) AS events_in_it,
    min(earliest) AS first_time,
    max(latest) AS last_time,
    argMinIf(boot_first.3, boot_first, boot_first.3 != '') AS boot_first_told,
    argMaxIf(boot_last.3, boot_last, boot_last.3 != '') AS boot_last_told,
    arrayMap(e -> e.2, arraySlice(arraySort(groupArrayArray(heads)), 1, 5)) AS head,
    arrayMap(e -> e.2, arraySlice(arraySort(groupArrayArray(tails)), -5)) AS tail,
    arraySort(r -> r.1, groupArray((lo, hi, entered, latest_prompt, latest, lo_digest, hi_digest))) AS runs,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM runs
GROUP BY cluster, node, hour, part
