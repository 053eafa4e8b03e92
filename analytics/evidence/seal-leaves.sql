-- Leaves of a new segment: records that no sealed segment holds yet, by loader and seq, at most {limit:UInt64} of them.
-- Parameters: {segment:UInt64} (every segment below it is sealed), {limit:UInt64}. Columns: as seal_leaves.
-- The leaf is the expression of envelope.ts, put in its place. The set of sealed records is held as 16 bytes each.
SELECT
    {segment:UInt64} AS segment,
    row_number() OVER (ORDER BY loader, seq, digest, source, cluster, node) - 1 AS n,
    source, cluster, node, event_time, loader, seq, digest, leaf
FROM
(
    SELECT source, cluster, node, event_time, loader, seq, digest, {leaf} AS leaf
    FROM records FINAL
    WHERE (source, cluster, node, digest) NOT IN (SELECT source, cluster, node, digest FROM seal_leaves WHERE segment < {segment:UInt64})
    ORDER BY loader, seq, digest, source, cluster, node
    LIMIT {limit:UInt64}
)
