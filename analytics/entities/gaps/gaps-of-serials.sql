-- Serials that are missing in auditd's events of a node.
-- Parameter: {version:UInt64}. Columns: those of gaps. Reads auditd_hours.
--
-- Algorithm: hours of a node are put in order of time and cut where the count of the kernel began anew; the runs of serials of each
-- piece are put in order of serial. Where the next run begins beyond the end of those before, serials are missing. They were written
-- after the latest event before them (events are written in order of serial), and before the first later one that is younger than that
-- and did not block. Where there is none the log may simply end: of what was written behind its end only calls that began before it
-- are there.
-- Neighbours less than a minute apart are one gap, and a node has at most a thousand of them: beyond that the nearest are one.
WITH
    ordered AS
    (
        SELECT
            *,
            argMaxIf(tail, (hour, part), notEmpty(tail)) OVER earlier AS tail_before,
            argMaxIf(boot_last, (hour, part), boot_last != '') OVER earlier AS boot_before,
            count() OVER earlier AS hours_before
        FROM auditd_hours FINAL
        WHERE /*scope node (cluster, node)*/ 1
        WINDOW earlier AS (PARTITION BY cluster, node ORDER BY hour, part ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    cut AS
    (
        SELECT
            cluster, node, runs,
            -- five against five, as within an hour
            sum(hours_before > 0 AND (part > 0
                OR boot_first != '' AND boot_before != '' AND boot_first != boot_before
                OR length(tail_before) >= 3 AND length(head) >= 3 AND arrayMax(head) < arrayMin(tail_before)))
                OVER (PARTITION BY cluster, node ORDER BY hour, part ROWS UNBOUNDED PRECEDING) AS boot
        FROM ordered
    ),
    runs_of AS
    (
        SELECT cluster, node, boot, r.1 AS lo, r.2 AS hi, r.3 AS young, r.4 AS latest, r.5 AS missing, r.6 AS holes, r.7 AS lo_digest, r.8 AS hi_digest
        FROM cut ARRAY JOIN runs AS r
    ),
    followed AS
    (
        SELECT
            *,
            max(hi) OVER earlier AS covered,
            argMax(hi_digest, hi) OVER earlier AS digest_before,
            max(latest) OVER earlier AS written
        FROM runs_of
        WINDOW earlier AS (PARTITION BY cluster, node, boot ORDER BY lo, hi ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    witnessed AS
    (
        SELECT
            *,
            minIf(young, young > written) OVER (PARTITION BY cluster, node, boot ORDER BY lo DESC, hi DESC ROWS UNBOUNDED PRECEDING) AS back
        FROM followed
    ),
    holes AS
    (
        SELECT cluster, node, boot, written AS a, back AS b, covered, lo, toInt64(lo - covered - 1) AS missed, toUInt64(1) AS places, digest_before, lo_digest
        FROM witnessed
        WHERE covered > 0 AND lo > covered + 1 AND back > toDateTime64(0, 3, 'UTC')
        UNION ALL
        -- of an hour that has too many the holes were counted there
        SELECT cluster, node, boot, if(young > toDateTime64(0, 3, 'UTC'), young, latest) AS a, latest AS b, lo AS covered, hi AS lo, toInt64(missing) AS missed,
               holes AS places, lo_digest AS digest_before, hi_digest AS lo_digest
        FROM runs_of
        WHERE holes > 0
    ),
    apart AS
    (
        SELECT
            *,
            count() OVER earlier AS holes_before,
            dateDiff('millisecond', max(b) OVER earlier, a) AS apart_ms
        FROM holes
        WINDOW earlier AS (PARTITION BY cluster, node ORDER BY a, b, boot, lo ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    ranked AS
    (
        SELECT *, row_number() OVER (PARTITION BY cluster, node ORDER BY holes_before = 0 DESC, apart_ms DESC, a, b, lo) AS rank FROM apart
    ),
    grouped AS
    (
        SELECT
            *,
            sum(holes_before = 0 OR apart_ms > 60000 AND rank <= 1000)
                OVER (PARTITION BY cluster, node ORDER BY a, b, boot, lo ROWS UNBOUNDED PRECEDING) AS gap
        FROM ranked
    ),
    merged AS
    (
        SELECT
            cluster, node, gap,
            min(a) AS gap_from,
            max(b) AS gap_to,
            sum(missed) AS missed,
            sum(places) AS holes,
            -- of one boot: how many serials there were between
            if(uniqExact(boot) = 1, max(lo) - min(covered) - 1, 0) AS span,
            [argMin(digest_before, (a, b, lo)), argMax(lo_digest, (a, b, lo))] AS ends
        FROM grouped
        GROUP BY cluster, node, gap
    )
SELECT
    cluster,
    'auditd' AS source,
    node,
    toDateTime64(gap_from, 9, 'UTC') AS first_seen,
    toDateTime64(gap_to, 9, 'UTC') AS last_seen,
    'serials-missing' AS kind,
    '' AS collector,
    '' AS stream,
    missed AS missing,
    concat(toString(missed), if(span > missed, concat(' of ', toString(span)), ''), if(missed = 1, ' serial', ' serials'),
        if(holes > 1, concat(', in ', toString(holes), ' places'), ''),
        -- a loss is a hole; holes everywhere are a choice
        if(holes > 100 AND missed * 4 > span, '; so many everywhere that the records may have been filtered on their way', '')) AS detail,
    arrayDistinct(ends) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM merged
