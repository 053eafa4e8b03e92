-- Events of containers that the runtime must have made and of which there is none.
-- Columns: cluster, node, from and to (ms), missing, container_id, what, digest.
--
-- A container that came to be between the first and the last event of its node's runtime has a create and a start; one that was deleted after it ran, or
-- whose pod is gone since ten minutes, has an exit. Ten minutes: a pod goes when its containers ended, unless somebody forced it, and then
-- the kubelet ends them within the grace period. When it came to be is known by its document or its pod's creation; ten seconds are
-- allowed for clocks. Kinds of events that a runtime's records never hold are not expected of it.
WITH
    lifecycle AS
    (
        SELECT
            cluster, node, runtime_namespace, container_id,
            minIf(time, topic = '/containers/create') AS created,
            minIf(time, topic = '/tasks/start') AS started,
            maxIf(time, topic = '/tasks/exit' AND exec_id = '') AS ended,
            maxIf(time, topic = '/containers/delete') AS deleted,
            min(time) AS first_told,
            minIf(created_at, created_at > 0) AS document_created,
            minIf(started_at, started_at > 0) AS document_started,
            max(finished_at) AS document_finished,
            max(pod_uid) AS uid,
            argMin(digest, (time, digest)) AS first_digest,
            argMax(digest, (time, digest)) AS last_digest
        FROM runtime FINAL
        WHERE container_id != '' AND NOT startsWith(topic, '/snapshot') AND NOT startsWith(topic, '/image') AND topic != 'image' AND time > toDateTime64('2015-01-01 00:00:00', 9, 'UTC')
          AND toString(toYYYYMM(time)) NOT IN (SELECT partition FROM retention_drops FINAL)
          AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, runtime_namespace, container_id
    ),
    streams AS
    (
        SELECT
            cluster, node, runtime_namespace,
            min(time) AS begun, max(time) AS newest,
            countIf(topic = '/containers/create') > 0 AS tells_create, countIf(topic = '/tasks/start') > 0 AS tells_start, countIf(topic = '/tasks/exit') > 0 AS tells_exit
        FROM runtime FINAL
        WHERE startsWith(topic, '/') AND time > toDateTime64('2015-01-01 00:00:00', 9, 'UTC') AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, runtime_namespace
    ),
    known AS
    (
        SELECT
            c.cluster AS cluster, c.node AS node, c.container_id AS container_id, c.first_digest AS first_digest, c.last_digest AS last_digest,
            c.created AS created, c.started AS started, c.ended AS ended, c.deleted AS deleted, c.first_told AS first_told,
            c.document_started AS document_started, c.document_finished AS document_finished,
            s.tells_create AS tells_create, s.tells_start AS tells_start, s.tells_exit AS tells_exit, s.newest AS newest,
            toDateTime64(0, 9, 'UTC') AS never,
            if(c.document_created > never, c.document_created, p.created_at) AS came_to_be,
            p.ended_at AS pod_ended,
            came_to_be > s.begun + INTERVAL 10 SECOND AND came_to_be < s.newest AS was_watched
        FROM lifecycle AS c
        INNER JOIN streams AS s ON s.cluster = c.cluster AND s.node = c.node AND s.runtime_namespace = c.runtime_namespace
        LEFT JOIN (SELECT cluster, pod_uid, created_at, ended_at FROM pods FINAL) AS p ON p.cluster = c.cluster AND p.pod_uid = c.uid AND c.uid != ''
    ),
    missed AS
    (
        SELECT
            cluster, node, container_id, first_digest, last_digest, came_to_be, first_told, started, deleted, pod_ended, never,
            was_watched AND tells_create AND created = never AS no_create,
            was_watched AND tells_start AND started = never AND (ended > never OR document_started > never) AS no_start,
            tells_exit AND ended = never AND started > never AND document_finished <= started AND (deleted > never OR pod_ended > started AND newest > pod_ended + INTERVAL 10 MINUTE) AS no_exit
        FROM known
    )
SELECT
    cluster,
    node,
    toUnixTimestamp64Milli(if(no_create OR no_start, came_to_be, started)) AS from,
    toUnixTimestamp64Milli(multiIf(NOT no_exit, greatest(first_told, came_to_be), deleted > never, deleted, pod_ended)) AS to,
    no_create + no_start + no_exit AS missing,
    container_id,
    arrayStringConcat(arrayFilter(w -> w != '', [if(no_create, 'create', ''), if(no_start, 'start', ''), if(no_exit, 'exit', '')]), ', ') AS what,
    arrayMap(d -> lower(hex(d)), arrayDistinct([first_digest, last_digest])) AS digests
FROM missed
WHERE no_create OR no_start OR no_exit
ORDER BY cluster, node, from, container_id
