-- What auditd and the kernel say of auditing itself, for gaps-of-auditing.ts: rules, switches, starts and ends, counts of what was lost.
-- Columns: cluster, node, time (ms), types, fields, digest; oldest and newest: of the node's events (ms); before: its latest event before (ms, 0 none).
WITH
    notes AS
    (
        SELECT cluster, node, time, serial, types, fields, lower(hex(digest)) AS digest
        FROM audit_notes FINAL
        WHERE time > toDateTime64('2015-01-01 00:00:00', 3, 'UTC') AND /*scope node (cluster, node)*/ 1
    ),
    starts AS (SELECT DISTINCT cluster, node, time FROM notes WHERE has(types, 'DAEMON_START')),
    -- the hours of starts and those before them: all that is read of the events again
    near AS
    (
        SELECT DISTINCT cluster, node, time FROM auditd
        WHERE (cluster, node, toStartOfHour(time)) IN
            (SELECT cluster, node, arrayJoin([toStartOfHour(time), toStartOfHour(time) - INTERVAL 1 HOUR]) FROM starts)
    ),
    hours AS (SELECT cluster, node, hour, last_time FROM auditd_hours FINAL),
    lives AS (SELECT cluster, node, min(first_time) AS oldest, max(last_time) AS newest FROM auditd_hours FINAL GROUP BY cluster, node),
    just_before AS
    (
        SELECT s.cluster AS cluster, s.node AS node, s.time AS time, n.time AS latest
        FROM starts AS s ASOF INNER JOIN near AS n ON n.cluster = s.cluster AND n.node = s.node AND n.time < s.time
        UNION ALL
        SELECT s.cluster AS cluster, s.node AS node, s.time AS time, h.last_time AS latest
        FROM starts AS s INNER JOIN hours AS h ON h.cluster = s.cluster AND h.node = s.node
        WHERE h.last_time < s.time
    ),
    latest AS (SELECT cluster, node, time, max(latest) AS latest FROM just_before GROUP BY cluster, node, time)
SELECT
    n.cluster AS cluster,
    n.node AS node,
    toUnixTimestamp64Milli(n.time) AS time,
    n.types AS types,
    n.fields AS fields,
    n.digest AS digest,
    toUnixTimestamp64Milli(l.oldest) AS oldest,
    toUnixTimestamp64Milli(l.newest) AS newest,
    toUnixTimestamp64Milli(b.latest) AS before
FROM notes AS n
LEFT JOIN lives AS l ON l.cluster = n.cluster AND l.node = n.node
LEFT JOIN latest AS b ON b.cluster = n.cluster AND b.node = n.node AND b.time = n.time
ORDER BY n.cluster, n.node, n.time, n.serial, n.digest
