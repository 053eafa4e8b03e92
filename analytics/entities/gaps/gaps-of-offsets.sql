-- Messages of a Kafka partition that were never delivered: offsets missing between those that were.
-- Parameter: {version:UInt64}. Columns: those of gaps. Reads receipts, whose seq is the offset for a loader `kafka:CLUSTER/TOPIC/PARTITION`.
-- The ends of transactions and messages without a value have offsets too and are no records: a single offset proves nothing, and of
-- several the number is the most that can be missing. Positions in files prove nothing of the kind: lines of auditd's events interleave,
-- and a rotated log begins anew under its name; what a follower or an import could not read it tells itself.
-- Algorithm: partitions with as many offsets as lie between their first and their last are whole, and are left alone.
WITH
    broken AS
    (
        SELECT loader FROM receipts
        WHERE startsWith(loader, 'kafka:')
        GROUP BY loader
        HAVING uniqExact(seq) < max(seq) - min(seq) + 1
    ),
    offsets AS
    (
        SELECT loader, seq, min(received_at) AS at, min(source) AS source, min(cluster) AS cluster, min(digest) AS digest
        FROM receipts FINAL
        WHERE loader IN (SELECT loader FROM broken)
        GROUP BY loader, seq
    ),
    followed AS
    (
        SELECT
            *,
            lagInFrame(seq) OVER before AS seq_before,
            lagInFrame(at) OVER before AS at_before,
            lagInFrame(digest) OVER before AS digest_before,
            row_number() OVER before AS n
        FROM offsets
        WINDOW before AS (PARTITION BY loader ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    -- the longest thousand of a partition are told
    holes AS
    (
        SELECT * FROM followed WHERE n > 1 AND seq > seq_before + 2 ORDER BY loader, seq - seq_before DESC, seq LIMIT 1000 BY loader
    )
SELECT
    cluster,
    source,
    '' AS node,
    toDateTime64(least(at_before, at), 9, 'UTC') AS first_seen,
    toDateTime64(greatest(at_before, at), 9, 'UTC') AS last_seen,
    'offsets-missing' AS kind,
    '' AS collector,
    loader AS stream,
    toInt64(seq - seq_before - 1) AS missing,
    concat('offsets ', toString(seq_before + 1), ' to ', toString(seq - 1), ' of the topic were not delivered; the times are those of receipt') AS detail,
    [digest_before, digest] AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM holes
