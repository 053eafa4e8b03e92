-- Records that no sealed segment holds. Those at or below the last sealed seq of their loader stand where sealing has
-- already been: they were added afterwards (a seal takes a loader's records in order).
-- Parameter: {sealed:UInt64}, the last sealed segment.
-- Columns: records, behind; of the first record behind: source, cluster, node, event_time, loader, seq, digest (hex).
WITH
    fresh AS
    (
        SELECT source, cluster, node, event_time, loader, seq, digest
        FROM records FINAL
        WHERE (source, cluster, node, digest) NOT IN (SELECT source, cluster, node, digest FROM seal_leaves WHERE segment <= {sealed:UInt64})
    ),
    last_sealed AS
    (
        SELECT loader, max(seq) AS last_seq FROM seal_leaves WHERE segment <= {sealed:UInt64} GROUP BY loader
    )
SELECT
    count() AS records,
    countIf(l.loader != '' AND f.seq <= l.last_seq) AS behind,
    argMinIf((f.source, f.cluster, f.node, f.event_time, f.loader, f.seq, lower(hex(f.digest))), (f.loader, f.seq), l.loader != '' AND f.seq <= l.last_seq) AS first
FROM fresh AS f
LEFT JOIN last_sealed AS l ON l.loader = f.loader
