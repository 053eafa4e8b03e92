-- Boots of each node. Told by a collector (boot_id and the time since), by a record of the system's start (SYSTEM_BOOT), by serials that
-- begin anew: the kernel counts audit events from each boot on. A blocked call's event has a serial too high for its time, never one too
-- low, so the lowest of a minute is the count at its begin; it falls under the lowest of the three minutes with events before it by more
-- than half only when counting began anew (or passed 2^32, which takes years).
-- Parameter: {version:UInt64}. Columns: those of boots.
WITH
    minutes AS
    (
        SELECT cluster, node, minute, (lowest_serial, lowest_at, lowest_digest) AS lowest FROM serial_minutes FINAL
        WHERE lowest_serial > 0 AND /*scope node (cluster, node)*/ 1
    ),
    resets AS
    (
        SELECT cluster, node, lowest.2 AS began_at, lowest.3 AS digest
        FROM
        (
            SELECT *, min(lowest.1) OVER (PARTITION BY cluster, node ORDER BY minute ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS before
            FROM minutes
        )
        WHERE before > 0 AND lowest.1 < before / 2
    ),
    starts AS
    (
        SELECT cluster, node, time AS began_at, digest
        FROM audit_notes FINAL
        WHERE has(types, 'SYSTEM_BOOT') AND /*scope node (cluster, node)*/ 1
    ),
    -- by the clock as it stood most of the time: a clock that is set tells of several moments
    collectors AS
    (
        SELECT cluster, node, toString(boot_id) AS boot,
               fromUnixTimestamp64Milli(quantileExact(0.5)(toUnixTimestamp64Milli(time) - toInt64(uptime_s * 1000)), 'UTC') AS began_at, min((time, digest)).2 AS proof
        FROM collector_notices FINAL
        WHERE boot_id != '' AND node != '' AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, boot
    ),
    told AS
    (
        SELECT cluster, node, '' AS boot, began_at, 'boot-record' AS told_by, digest, 1 AS rank FROM starts
        UNION ALL
        SELECT cluster, node, boot, began_at, 'collector' AS told_by, proof AS digest, 0 AS rank FROM collectors
        UNION ALL
        SELECT cluster, node, '' AS boot, began_at, 'serials' AS told_by, digest, 2 AS rank FROM resets
    ),
    -- an imported log's, where nothing tells of more than one
    envelopes AS
    (
        SELECT cluster, node, max(boot_ids[1]) AS boot, min((named_at, named_serial, named_digest)) AS first
        FROM serial_minutes FINAL
        WHERE notEmpty(boot_ids) AND (cluster, node) NOT IN (SELECT cluster, node FROM told) AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node
        HAVING uniqExactArray(boot_ids) = 1
    ),
    -- what tells of one boot lies close together: a machine takes longer to boot twice
    numbered AS
    (
        SELECT *, sum(began_at > before + INTERVAL 60 SECOND) OVER (PARTITION BY cluster, node ORDER BY began_at, rank, digest ROWS UNBOUNDED PRECEDING) AS n
        FROM
        (
            SELECT *, lagInFrame(began_at, 1, toDateTime64(0, 3, 'UTC')) OVER (PARTITION BY cluster, node ORDER BY began_at, rank, digest ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
            FROM told
        )
    )
SELECT
    cluster, node,
    if(maxIf(boot, boot != '') = '', concat('@', toString(toUnixTimestamp64Milli(min(began_at)))), maxIf(boot, boot != '')) AS name,
    min(began_at) AS begins_at,
    argMin(told_by, rank) AS teller,
    argMin(digest, (began_at, rank, digest)) AS proof,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM numbered
GROUP BY cluster, node, n
UNION ALL
SELECT cluster, node, boot AS name, first.1 AS begins_at, 'envelope' AS teller, first.3 AS proof, {version:UInt64} AS version, 0 AS is_deleted FROM envelopes
