-- Which images workloads ran: the repository (image) and what of it (image-version: the digest, or the tag where no record tells the digest), from the first
-- runtime event of each container; of pods that only the API knows from the request that made them.
-- Table {containers}: container-subjects.sql. Parameters: {version:UInt64}; {novelty_rules:Array(String)}. Columns: those of behaviours.
WITH
    bad AS
    (
        SELECT DISTINCT arrayJoin(digests) AS digest FROM findings FINAL
        WHERE severity IN ('medium', 'high', 'critical') AND source != 'auditd' AND NOT has({novelty_rules:Array(String)}, rule_id)
    ),
    runs AS
    (
        SELECT
            c.cluster AS cluster, c.subject AS subject, c.subject_kind AS subject_kind, c.likeness AS likeness, c.image_version AS image_version, 'runtime' AS layer, r.time AS time,
            concat(toString(r.time), '/', r.topic, '/', r.container_id, if(r.exec_id = '', '', concat('/', r.exec_id))) AS event_id, event_id AS event_key,
            r.digest AS digest, c.node AS node, c.namespace AS namespace, c.pod AS pod, c.pod_uid AS pod_uid, c.container_id AS container_id, '' AS principal,
            if(c.pod_uid = '', c.container_id, c.pod_uid) AS instance
        FROM {containers} AS c
        INNER JOIN
        (
            SELECT cluster, node, container_id, argMin((time, topic, container_id, exec_id, digest), (time, topic, digest)) AS first
            FROM runtime FINAL WHERE NOT startsWith(topic, '/snapshot') AND container_id != ''
            GROUP BY cluster, node, container_id
        ) AS f ON c.cluster = f.cluster AND c.node = f.node AND c.container_id = f.container_id
        INNER JOIN (SELECT cluster, node, container_id, time, topic, exec_id, digest FROM runtime FINAL) AS r
            ON r.cluster = f.cluster AND r.node = f.node AND r.container_id = f.container_id AND r.time = f.first.1 AND r.topic = f.first.2 AND r.digest = f.first.5
        WHERE c.likeness != ''
        UNION ALL
        SELECT
            cluster, concat(namespace, '/', if(workload_kind = '', 'Pod', workload_kind), '/', if(workload_kind IN ('', 'Pod', 'Job'), replaceRegexpOne(if(workload_kind = '', pod, workload_name), '-([0-9]{4,}|[bcdfghjklmnpqrstvwxz2456789]{5})$', '-*'), workload_name)) AS subject,
            'workload' AS subject_kind, replaceRegexpOne(image, '(:[\\w.-]+)?(@sha256:[0-9a-f]{64})?$', '') AS likeness, image AS image_version, 'k8s-audit' AS layer, created_at AS time,
            concat(created_audit_id, '/ResponseComplete') AS event_id, created_audit_id AS event_key, if(empty(begin_digests), digests[1], begin_digests[1]) AS digest,
            node, namespace, pod, pod_uid, '' AS container_id, created_by AS principal, pod_uid AS instance
        FROM (SELECT *, arrayJoin(arrayDistinct(images)) AS image FROM pods FINAL WHERE created_audit_id != '' AND NOT has(known_by, 'runtime'))
    ),
    facts AS
    (
        SELECT *, digest IN (SELECT digest FROM bad) AS is_bad,
            arrayJoin([('image', likeness), ('image-version', concat(likeness, ' ', replaceOne(image_version, concat(likeness, ':'), '')))]) AS fact
        FROM runs
    ),
    hourly AS
    (
        SELECT
            cluster, subject, fact.1 AS kind, fact.2 AS value, toStartOfHour(f.time) AS hour,
            argMin((subject_kind, likeness, layer, f.time, event_key, event_id, digest, node, namespace, pod, pod_uid, container_id, principal, image_version), (f.time, event_key)) AS first,
            uniqExact(instance) AS shown_in,
            count() AS seen,
            countIf(NOT is_bad) AS seen_good
        FROM facts AS f
        GROUP BY cluster, subject, kind, value, hour
        ORDER BY first.4, first.5, value
        LIMIT 200 BY cluster, subject, kind, hour
    )
SELECT
    cluster, subject, kind, value, hour, first.1 AS subject_kind, first.2 AS likeness, first.3 AS layer, first.4 AS time, first.5 AS event_key, first.6 AS event_id,
    first.7 AS digest, first.8 AS node, first.9 AS namespace, first.10 AS pod, first.11 AS pod_uid, first.12 AS container_id, '' AS process_key,
    first.13 AS principal, first.14 AS image_version, shown_in AS instances, seen AS events, seen_good AS learned, {version:UInt64} AS version, 0 AS is_deleted
FROM hourly
