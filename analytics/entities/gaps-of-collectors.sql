-- What collectors told to be missing, and when they themselves were not there.
-- Parameter: {version:UInt64}. Columns: those of gaps.
-- Algorithm: a notice of a gap is one. Between two notices of a collector in order (by run, then by its own count) longer than three
-- heartbeats nobody looked: within a run it was silent, between runs it was away. So it is after its last notice, if that is no farewell,
-- up to the newest notice of its cluster. What a log still held was read afterwards: nothing is missing of it, unless another gap says so.
WITH
    30 AS silent_s, -- three heartbeats (ingest/collect/run-collector.ts)
    notices AS
    (
        SELECT *, min(time) OVER (PARTITION BY cluster, node, collector, run) AS run_began
        FROM collector_notices FINAL
    ),
    followed AS
    (
        SELECT
            *,
            leadInFrame(time) OVER w AS next_time,
            leadInFrame(run) OVER w AS next_run,
            leadInFrame(kind) OVER w AS next_kind,
            leadInFrame(digest) OVER w AS next_digest,
            max(time) OVER (PARTITION BY cluster) AS newest
        FROM notices
        WINDOW w AS (PARTITION BY cluster, node, collector ORDER BY run_began, run, n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
    ),
    absences AS
    (
        SELECT *, next_run = '' AS is_last, if(is_last, newest, next_time) AS until
        FROM followed
        WHERE (is_last AND kind != 'stopped' AND dateDiff('second', time, newest) > silent_s)
           OR (NOT is_last AND (next_run != run OR dateDiff('second', time, next_time) > silent_s))
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
FROM notices
WHERE kind = 'gap'
UNION ALL
SELECT
    cluster,
    about AS source,
    node,
    time AS first_seen,
    greatest(time, until) AS last_seen,
    multiIf(is_last OR next_run = run, 'collector-silent', kind = 'stopped', 'collector-stopped', 'collector-restarted') AS kind,
    collector,
    stream,
    if(reads_again, 0, -1) AS missing,
    concat(
        multiIf(is_last, 'not heard of since', next_run = run, 'not heard of for a while', kind = 'stopped', 'stopped, and started again', 'ended without a farewell, and started again'),
        if(reads_again, '; its source is a log, which it reads from where it was', '; what happened meanwhile was not seen')) AS detail,
    if(is_last, [digest], [digest, next_digest]) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM absences
