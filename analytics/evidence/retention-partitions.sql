-- Partitions of records with what decides on them. Parameter: {sealed:UInt64}, the last sealed segment.
-- Columns: partition, records, newest_received_at, unsealed, needed (by a chain or a hold), uncorrelated (no run of correlate
-- has seen all of it), parts (name, rows; as they were read).
SELECT
    _partition_id AS partition,
    count() AS records,
    max(received_at) AS newest_received_at,
    toUnixTimestamp64Milli(max(received_at)) AS newest_received_ms,
    countIf((source, cluster, node, digest) NOT IN (SELECT source, cluster, node, digest FROM seal_leaves WHERE segment <= {sealed:UInt64})) AS unsealed,
    countIf((cluster, digest) IN ({needed})) AS needed,
    -- a run of correlate is numbered by the milliseconds of its start
    (SELECT max(version) FROM cursors WHERE job = 'correlate') < newest_received_ms AS uncorrelated,
    arraySort(sumMap(map(_part, toUInt64(1)))::Array(Tuple(String, UInt64))) AS parts
FROM records
GROUP BY _partition_id
ORDER BY toUInt32OrZero(partition)
