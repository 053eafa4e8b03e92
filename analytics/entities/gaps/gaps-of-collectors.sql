-- What collectors told to be missing, and when they themselves were not there.
-- Parameter: {version:UInt64}. Columns: those of gaps.
-- Algorithm: a notice of a gap is one. Between two notices of a run longer than three heartbeats the collector was silent; where their numbers
-- say that others were written between, which a full spool dropped, it takes as much longer. Between the end of its runs so far and the next
-- one it was away; runs beside one another leave nothing between. So it is after its last notice, if that is no farewell, up to the newest
-- notice of its cluster. What a log still held was read afterwards: nothing is missing of it, unless another gap says so.
-- Clocks are set: how long something took, and what came first, is read from the time since the boot. A clock that was set during a boot
-- said at least two times for each moment; nobody is called silent who is so by one of them only.
WITH
    30 AS silent_s, -- three heartbeats (ingest/collect/run-collector.ts)
    followed AS
    (
        SELECT
            *,
            leadInFrame(time) OVER later AS next_time,
            leadInFrame(uptime_s) OVER later AS next_uptime_s,
            leadInFrame(n) OVER later AS next_n,
            leadInFrame(digest) OVER later AS next_digest
        FROM collector_notices FINAL
        WINDOW later AS (PARTITION BY cluster, node, collector, run ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
    ),
    runs AS
    (
        SELECT
            cluster, node, collector, run,
            if(any(boot_id) = '', run, any(boot_id)) AS boot,
            argMin((time, uptime_s, digest), n) AS began,
            argMax((time, uptime_s, digest), n) AS ended,
            argMax(kind, n) AS last_kind,
            argMin(about, n) AS source,
            argMin(stream, n) AS of_stream,
            any(reads_again) AS is_read_again,
            -- when the boot was, by what the clock said
            min(toUnixTimestamp64Milli(time) - toInt64(uptime_s * 1000)) AS boot_ms_min,
            max(toUnixTimestamp64Milli(time) - toInt64(uptime_s * 1000)) AS boot_ms_max
        FROM collector_notices FINAL
        GROUP BY cluster, node, collector, run
    ),
    placed AS
    (
        SELECT
            *,
            argMin(began.1, began.2) OVER of_boot AS booted,
            (booted, boot, began.2) AS begins_at,
            (booted, boot, ended.2) AS ends_at,
            min(boot_ms_min) OVER of_boot + toInt64(ended.2 * 1000) AS ended_ms_min,
            max(boot_ms_max) OVER of_boot + toInt64(ended.2 * 1000) AS ended_ms_max
        FROM runs
        WINDOW of_boot AS (PARTITION BY cluster, boot)
    ),
    compared AS
    (
        SELECT
            *,
            count() OVER earlier AS runs_before,
            max(ends_at) OVER earlier AS there_until,
            argMax((ended.1, ended.3, last_kind), ends_at) OVER earlier AS before,
            max(ends_at) OVER (PARTITION BY cluster, node, collector) AS last_there,
            max(ended_ms_min) OVER (PARTITION BY cluster) AS newest_ms
        FROM placed
        WINDOW earlier AS (PARTITION BY cluster, node, collector ORDER BY begins_at, run ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    absences AS
    (
        SELECT
            cluster, node, collector, about AS source, stream AS of_stream, reads_again AS is_read_again,
            'collector-silent' AS kind, 'not heard of for a while' AS what, time AS a, next_time AS b, [digest, next_digest] AS digests
        FROM followed
        WHERE next_n > n AND next_uptime_s - uptime_s > silent_s * (next_n - n)
        UNION ALL
        SELECT
            cluster, node, collector, source, of_stream, is_read_again,
            if(before.3 = 'stopped', 'collector-stopped', 'collector-restarted') AS kind,
            if(before.3 = 'stopped', 'stopped, and started again', 'ended without a farewell, and started again') AS what,
            before.1 AS a, began.1 AS b, [before.2, began.3] AS digests
        FROM compared
        WHERE runs_before > 0 AND begins_at >= there_until
        UNION ALL
        SELECT
            cluster, node, collector, source, of_stream, is_read_again,
            'collector-silent' AS kind, 'not heard of since' AS what,
            ended.1 AS a, toDateTime64(fromUnixTimestamp64Milli(newest_ms, 'UTC'), 9, 'UTC') AS b, [ended.3] AS digests
        FROM compared
        WHERE ends_at = last_there AND last_kind != 'stopped' AND newest_ms - ended_ms_max > 1000 * silent_s
    )
SELECT
    cluster,
    about AS source,
    node,
    toDateTime64(gap_from, 9, 'UTC') AS first_seen,
    toDateTime64(gap_to, 9, 'UTC') AS last_seen,
    gap_reason AS kind,
    collector,
    stream,
    missing,
    detail,
    [digest] AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM collector_notices FINAL
WHERE kind = 'gap'
UNION ALL
SELECT
    cluster,
    source,
    node,
    least(a, b) AS first_seen,
    greatest(a, b) AS last_seen,
    kind,
    collector,
    of_stream AS stream,
    if(is_read_again, 0, -1) AS missing,
    concat(what, if(is_read_again, '; its source is a log, which it reads from where it was', '; what happened meanwhile was not seen')) AS detail,
    digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM absences
