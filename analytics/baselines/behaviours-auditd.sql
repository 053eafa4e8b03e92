-- What workloads and the programs of nodes did, hour by hour: the facts of their processes.
-- Tables {containers}, {family}, {processes}: container-subjects.sql, process-family.sql, process-subjects.sql. Parameters: {version:UInt64}; {novelty_rules:Array(String)}, rules over
-- novelties, whose findings keep nothing out. Columns: those of behaviours.
-- Kept out of learning: what a process did in the minute of an event that a rule calls bad (level medium or above), and what its children and
-- their children did within the hour after; a daemon that was misused once is learned from again then.
-- Bounds: a scan makes a fact of each address and port; of one kind in one hour of one subject the first 200 are kept.
WITH
    bad AS
    (
        SELECT digests, cluster, node, process_key, time FROM findings FINAL
        WHERE severity IN ('medium', 'high', 'critical') AND source = 'auditd' AND NOT has({novelty_rules:Array(String)}, rule_id)
    ),
    bad_minutes AS
    (
        SELECT DISTINCT cluster, node, toStartOfMinute(time) AS minute, pid FROM auditd
        WHERE arrayExists(d -> d IN (SELECT arrayJoin(digests) FROM bad), digests)
    ),
    bad_processes AS (SELECT cluster, node, process_key, min(time) AS since, max(time) AS until FROM bad WHERE process_key != '' GROUP BY cluster, node, process_key),
    family AS (SELECT cluster, node, process_key, parent_key, first_seen FROM {family} WHERE parent_key != ''),
    children AS
    (
        SELECT f.cluster AS cluster, f.node AS node, f.process_key AS process_key, b.since AS since, b.until AS until FROM family AS f
        INNER JOIN bad_processes AS b ON f.cluster = b.cluster AND f.node = b.node AND f.parent_key = b.process_key
        WHERE f.first_seen >= b.since AND f.first_seen <= b.until + INTERVAL 1 HOUR
    ),
    bad_descendants AS
    (
        SELECT cluster, node, process_key FROM children
        UNION ALL
        SELECT f.cluster, f.node, f.process_key FROM family AS f
        INNER JOIN children AS b ON f.cluster = b.cluster AND f.node = b.node AND f.parent_key = b.process_key
        WHERE f.first_seen <= b.until + INTERVAL 1 HOUR
    ),
    placed AS
    (
        SELECT
            f.cluster AS cluster, f.node AS node, f.minute AS minute, f.pid AS pid, f.kind AS kind, f.value AS value, f.port AS port, f.program AS program,
            f.time AS time, f.serial AS serial, f.events AS events, f.digest AS digest, t.process_key AS process_key, t.container_id AS container_id
        FROM (SELECT cluster, node, time, serial, process_key, container_id FROM attributions FINAL) AS t
        INNER JOIN (SELECT * FROM process_facts FINAL) AS f ON t.cluster = f.cluster AND t.node = f.node AND t.time = f.time AND t.serial = f.serial
    ),
    of_subjects AS
    (
        SELECT
            p.cluster AS cluster, p.node AS node, p.minute AS minute, p.pid AS pid, p.kind AS kind, p.value AS value, p.port AS port, p.program AS program, p.time AS time, p.serial AS serial, p.events AS events, p.digest AS digest, p.process_key AS process_key, p.container_id AS container_id,
            multiIf(p.container_id = '', concat('node/', if(s.unit = '', 'unknown', s.unit)), c.subject = '', '', s.in_session, concat(c.subject, ' exec'), c.subject) AS subject,
            multiIf(p.container_id = '', 'node', s.in_session, 'session', toString(c.subject_kind)) AS subject_kind,
            -- hands are unlike what runs by itself
            multiIf(c.likeness = '', '', s.in_session, concat(c.likeness, ' exec'), c.likeness) AS likeness,
            c.image_version AS image_version, c.namespace AS namespace, c.pod AS pod, c.pod_uid AS pod_uid, s.parent_program AS parent_program,
            (p.cluster, p.node, p.minute, p.pid) IN (SELECT cluster, node, minute, pid FROM bad_minutes)
                OR (p.cluster, p.node, p.process_key) IN (SELECT cluster, node, process_key FROM bad_descendants) AS is_bad
        FROM placed AS p
        LEFT ANY JOIN {processes} AS s ON p.cluster = s.cluster AND p.node = s.node AND p.process_key = s.process_key
        LEFT ANY JOIN {containers} AS c ON p.cluster = c.cluster AND p.node = c.node AND p.container_id = c.container_id
    ),
    -- whose address it was then
    addressed AS
    (
        SELECT
            o.cluster AS cluster, o.node AS node, o.kind AS kind, o.value AS value, o.port AS port, o.program AS program, o.time AS time, o.serial AS serial, o.events AS events, o.digest AS digest, o.process_key AS process_key, o.container_id AS container_id, o.subject AS subject, o.subject_kind AS subject_kind, o.likeness AS likeness, o.image_version AS image_version, o.namespace AS namespace, o.pod AS pod, o.pod_uid AS pod_uid, o.parent_program AS parent_program, o.is_bad AS is_bad,
            if(w.ended_at > 0 AND o.time > w.ended_at + INTERVAL 2 SECOND, '', w.address) AS pod_address, concat(w.namespace, '/', w.workload_kind, '/', w.workload_name) AS peer_workload, w.workload_kind AS peer_kind,
            if(isIPv4String(o.value), o.value, '0.0.0.0') AS v4, if(isIPv6String(o.value), o.value, '::') AS v6
        FROM of_subjects AS o
        ASOF LEFT JOIN
        (
            SELECT cluster, arrayJoin(ips) AS address, first_seen, ended_at, namespace, workload_kind, workload_name FROM pods FINAL WHERE NOT host_network
            ORDER BY pod_uid DESC LIMIT 1 BY cluster, address, first_seen
        ) AS w ON o.cluster = w.cluster AND if(o.kind = 'peer', o.value, '') = w.address AND o.time >= w.first_seen
        WHERE o.subject != ''
    ),
    facts AS
    (
        SELECT
            *,
            multiIf(
                v4 = '0.0.0.0' AND v6 = '::' OR isIPAddressInRange(v4, '127.0.0.0/8') OR v6 = '::1', 'loopback',
                v4 IN ('169.254.169.254', '169.254.170.2') OR v6 = 'fd00:ec2::254', 'metadata',
                (cluster, value, port) IN (SELECT cluster, address, port FROM api_servers FINAL), 'api-server',
                pod_address != '', if(peer_kind = '', 'pod', peer_workload),
                (cluster, value) IN (SELECT cluster, address FROM node_addresses FINAL), 'node',
                v6 != '::', concat(toString(IPv6CIDRToRange(toIPv6(v6), 48).1), '/48'),
                concat(toString(IPv4CIDRToRange(toIPv4(v4), 24).1), '/24')) AS peer,
            if(kind IN ('peer', 'listen'), if(port >= 32768, 'high', toString(port)), '') AS port_name,
            multiIf(kind = 'peer', concat(peer, ':', port_name), kind = 'listen', concat(value, ':', port_name), value) AS told,
            arrayJoin(if(kind = 'exec' AND parent_program != '', [(toString(kind), told), ('spawn', concat(parent_program, ' > ', program))], [(toString(kind), told)])) AS fact
        FROM addressed
    ),
    hourly AS
    (
        SELECT
            cluster, subject, fact.1 AS fact_kind, fact.2 AS fact_value, toStartOfHour(f.time) AS hour,
            argMin((subject_kind, likeness, f.time, serial, digest, f.node, namespace, pod, pod_uid, container_id, process_key, image_version), (f.time, serial, f.node)) AS first,
            uniqExact(multiIf(subject_kind = 'node', f.node, pod_uid != '', pod_uid, container_id)) AS shown_in,
            sum(f.events) AS seen,
            sumIf(f.events, NOT is_bad) AS seen_good
        FROM facts AS f
        GROUP BY cluster, subject, fact_kind, fact_value, hour
        ORDER BY first.3, first.4, fact_value
        LIMIT 200 BY cluster, subject, fact_kind, hour
    )
SELECT
    cluster, subject, fact_kind AS kind, fact_value AS value, hour, first.1 AS subject_kind, first.2 AS likeness, 'auditd' AS layer, toDateTime64(first.3, 9, 'UTC') AS time,
    concat(toString(intDiv(toUnixTimestamp64Milli(first.3), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(first.3) % 1000), 3, '0'), ':', toString(first.4)) AS event_key,
    event_key AS event_id, first.5 AS digest, first.6 AS node, first.7 AS namespace, first.8 AS pod, first.9 AS pod_uid, first.10 AS container_id, first.11 AS process_key,
    '' AS principal, first.12 AS image_version, shown_in AS instances, seen AS events, seen_good AS learned, {version:UInt64} AS version, 0 AS is_deleted
FROM hourly
