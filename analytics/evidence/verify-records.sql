-- Leaves of one window of a segment against the records as they are now: digest of the bytes and leaf computed again.
-- Parameters: {segment:UInt64}, {from:UInt64}, {to:UInt64} (leaf numbers, `to` excluded); {partitions:Array(String)} and
-- {segments:Array(UInt64)}: what retention took, up to which segment.
-- Columns: difference ('' | bytes | envelope | missing | expired), leaves, and of the first such leaf: first_n, source,
-- cluster, node, event_time, loader, seq, digest, actual (hex of what the bytes hash to now).
-- Every copy is looked at: a record that is both in records and kept has to be right in both. Only where a partition has
-- expired may one copy differ in its envelope: the record was received again.
WITH
    window_leaves AS
    (
        SELECT * FROM seal_leaves FINAL WHERE segment = {segment:UInt64} AND n >= {from:UInt64} AND n < {to:UInt64}
    ),
    wanted AS (SELECT source, cluster, node, event_time, digest FROM window_leaves),
    copies AS
    (
        SELECT source, cluster, node, event_time, digest, SHA256(raw) AS actual, {leaf} AS leaf
        FROM records FINAL WHERE (source, cluster, node, event_time, digest) IN (SELECT * FROM wanted)
        UNION ALL
        SELECT source, cluster, node, event_time, digest, SHA256(raw) AS actual, {leaf} AS leaf
        FROM records_kept FINAL WHERE (source, cluster, node, event_time, digest) IN (SELECT * FROM wanted)
    ),
    found AS
    (
        SELECT source, cluster, node, event_time, digest, groupArray(actual) AS actuals, groupArray(leaf) AS leaves_now
        FROM copies GROUP BY source, cluster, node, event_time, digest
    ),
    compared AS
    (
        SELECT
            w.n AS n, w.source AS source, w.cluster AS cluster, w.node AS node, w.event_time AS event_time,
            w.loader AS loader, w.seq AS seq, w.digest AS digest,
            arrayFirst(a -> a != w.digest, f.actuals) AS other,
            {covered} AS covered,
            w.n IN (SELECT n FROM retention_kept WHERE segment = {segment:UInt64}) AS was_kept,
            multiIf(
                arrayExists(a -> a != w.digest, f.actuals), 'bytes',
                covered AND has(f.leaves_now, w.leaf), '',
                covered AND NOT was_kept, 'expired',
                empty(f.actuals), 'missing',
                arrayExists(l -> l != w.leaf, f.leaves_now), 'envelope',
                '') AS difference
        FROM window_leaves AS w
        LEFT JOIN found AS f ON w.source = f.source AND w.cluster = f.cluster AND w.node = f.node
            AND w.event_time = f.event_time AND w.digest = f.digest
    )
SELECT
    difference, count() AS leaves, min(n) AS first_n,
    argMin(source, n) AS source, argMin(cluster, n) AS cluster, argMin(node, n) AS node, argMin(event_time, n) AS event_time,
    argMin(loader, n) AS loader, argMin(seq, n) AS seq, lower(hex(argMin(digest, n))) AS digest, lower(hex(argMin(other, n))) AS actual
FROM compared
GROUP BY difference
ORDER BY first_n
