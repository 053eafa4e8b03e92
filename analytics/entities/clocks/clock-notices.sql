-- What the kernels themselves say of their clocks, through collectors' heartbeats: a node's and that of the machine on which the API
-- server's log is read (from a file, so it is the API server's own). Both within their error of true time, so within the sum of each other.
-- Columns as in clock-pairs.sql.
WITH
    told AS
    (
        SELECT cluster, node, about, startsWith(stream, '/') AS is_file, toUnixTimestamp64Micro(time) AS at_us, intDiv(at_us, 60000000) AS minute, clock_error_us, digest
        FROM collector_notices FINAL
        WHERE clock = 'synchronised' AND clock_error_us >= 0 AND kind IN ('started', 'heartbeat')
    ),
    of_api AS
    (
        SELECT cluster, minute, max(clock_error_us) AS error_us, argMax(digest, clock_error_us) AS of
        FROM told WHERE about = 'k8s-audit' AND is_file GROUP BY cluster, minute
    ),
    of_nodes AS
    (
        SELECT cluster, node, about, minute, max(clock_error_us) AS error_us, argMax(at_us, clock_error_us) AS at, argMax(digest, clock_error_us) AS of
        FROM told WHERE about IN ('auditd', 'runtime') AND /*scope node (cluster, node)*/ 1 GROUP BY cluster, node, about, minute
    )
SELECT n.cluster AS cluster, n.node AS node, n.about AS layer, 'k8s-audit' AS reference, side, n.at AS at_us,
       if(side = 'high', 1, -1) * (n.error_us + a.error_us) AS bound_us, toUInt64(1) AS pairs, arrayMap(d -> lower(hex(d)), [n.of, a.of]) AS digests
FROM of_nodes AS n
INNER JOIN of_api AS a ON n.cluster = a.cluster AND n.minute = a.minute
ARRAY JOIN ['high', 'low'] AS side
ORDER BY cluster, node, layer, side, at_us
