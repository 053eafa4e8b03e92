-- Serials of auditd's events by node and hour, in runs without a hole: what gaps-of-serials.sql looks for missing ones in.
-- Parameter: {version:UInt64}. Columns: those of auditd_hours. An hour depends on the events of that hour alone.
--
-- The kernel counts one serial up for each event from the boot on, and takes none for what no rule asks for, nor for records of excluded
-- types (kernel/audit.c, audit_log_start): in a log that is whole no serial is missing. auditd numbers its own records (DAEMON_*) by
-- itself. A call's time is that of its entry, its serial that of its end: a call that blocked has a serial far above those beside it.
-- A restart of the count is looked for among events that do not block: five in a row below the five before, and a second of silence
-- between, which no reboot undercuts. Another boot told by a collector is one as well.
-- A log that was filtered on its way has a hole after nearly every event: where an hour has more than a thousand, what was written within
-- ten seconds is one run that counts its holes. Serials of calls that began in another hour count as missing there: a thousand holes are a
-- hundred times what such calls leave.
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
    followed AS
    (
        SELECT
            *,
            lagInFrame(serial, 1, serial) OVER so_far AS serial_before,
            max(time) OVER (PARTITION BY cluster, node, hour, part ORDER BY serial, time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS written
        FROM placed
        WINDOW so_far AS (PARTITION BY cluster, node, hour, part ORDER BY serial, time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    counted AS
    (
        SELECT
            *,
            toInt64(serial) - toInt64(serial_before) - 1 AS gap_before, -- -1 for the first, and where one serial is told twice
            countIf(serial > serial_before + 1) OVER (PARTITION BY cluster, node, hour, part ORDER BY serial, time ROWS UNBOUNDED PRECEDING) AS run,
            countIf(serial > serial_before + 1) OVER (PARTITION BY cluster, node, hour, part) AS holes_of_part
        FROM followed
    ),
    runs AS
    (
        SELECT
            cluster, node, hour, part, if(holes_of_part > 1000, intDiv(toUnixTimestamp64Milli(greatest(written, time)), 10000), toInt64(run)) AS slice,
            min(serial) AS lo,
            max(serial) AS hi,
            -- younger than all before it, and did not block: the first of these
            minIf(time, is_prompt AND time > written) AS young,
            min(time) AS earliest,
            max(time) AS latest,
            count() AS events,
            sumIf(gap_before, gap_before > 0) - greatest(argMin(gap_before, serial), 0) AS missing,
            countIf(gap_before > 0) - (argMin(gap_before, serial) > 0) AS holes,
            -- serial and time as one number: pairs are compared by far slower
            argMin(digest, bitShiftLeft(serial, 32) + toUInt32(time)) AS lo_digest,
            argMax(digest, bitShiftLeft(serial, 32) + toUInt32(time)) AS hi_digest
        FROM counted
        GROUP BY cluster, node, hour, part, slice
    ),
    runs_of AS
    (
        SELECT cluster, node, hour, part, sum(events) AS events, min(earliest) AS first_time, max(latest) AS last_time,
               arraySort(r -> r.1, groupArray((lo, hi, young, latest, toUInt64(missing), toUInt64(holes), lo_digest, hi_digest))) AS runs
        FROM runs
        GROUP BY cluster, node, hour, part
    ),
    ends_of AS
    (
        SELECT
            cluster, node, hour, part,
            argMinIf(boot_id, (time, serial), boot_id != '') AS boot_first,
            argMaxIf(boot_id, (time, serial), boot_id != '') AS boot_last,
            arrayMap(e -> e.2, groupArraySortedIf(5)((time, serial), is_prompt)) AS head,
            arrayReverse(arrayMap(e -> toUInt64(-e.2), groupArraySortedIf(5)((-toUnixTimestamp64Milli(time), -toInt64(serial)), is_prompt))) AS tail
        FROM placed
        GROUP BY cluster, node, hour, part
    )
SELECT
    r.cluster AS cluster,
    r.node AS node,
    r.hour AS hour,
    r.part AS part,
    r.events AS events,
    r.first_time AS first_time,
    r.last_time AS last_time,
    e.boot_first AS boot_first,
    e.boot_last AS boot_last,
    e.head AS head,
    e.tail AS tail,
    r.runs AS runs,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM runs_of AS r
INNER JOIN ends_of AS e ON e.cluster = r.cluster AND e.node = r.node AND e.hour = r.hour AND e.part = r.part
