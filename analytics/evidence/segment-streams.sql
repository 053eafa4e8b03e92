-- First and last position of each stream among the leaves of a segment: what completeness is judged by.
-- Parameter: {segment:UInt64}. Columns: source, cluster, node, stream, loader, records, first, last.
SELECT source, cluster, node, stream, loader, count() AS records, min(position) AS first, max(position) AS last
FROM records FINAL
WHERE (loader, seq, digest) IN (SELECT loader, seq, digest FROM seal_leaves FINAL WHERE segment = {segment:UInt64})
GROUP BY source, cluster, node, stream, loader
ORDER BY source, cluster, node, stream, loader
