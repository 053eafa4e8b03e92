-- Names of images that came to stand for another digest than before in their cluster, at the event that first shows it.
-- Parameter: version. Columns: those of event_marks written here: value the name; type fixed (a whole version, a commit, a day: what is not
-- meant to move), version (another with a number) or word (latest, main); place deployed where the pod's workload was made or changed
-- after the digest before was first seen, same where not; note both digests.
-- Algorithm: statuses of pods tell what a name was resolved to, and containers of runtimes whose image is known; an image alone on a node
-- tells no time. Old and new may run side by side for long: each digest is told once, by the first
-- status that shows it, else by the first container.
WITH
    statuses AS
    (
        SELECT cluster, audit_id, time, object_uid, arrayJoin(container_statuses) AS status
        FROM k8s_audit FINAL WHERE resource = 'pods' AND notEmpty(container_statuses) AND code < 400
    ),
    seen AS
    (
        SELECT cluster, 'k8s-audit' AS layer, '' AS node, audit_id AS event_key, time, object_uid AS pod_uid, status.4 AS image,
               extract(status.5, '@(sha256:[0-9a-f]{64})$') AS image_digest
        FROM statuses
        UNION ALL
        SELECT r.cluster, 'runtime', r.node, concat(toString(r.time), '/', r.topic, '/', r.container_id, if(r.exec_id = '', '', concat('/', r.exec_id))), r.time,
               c.pod_uid, c.image, c.image_digest
        FROM (SELECT cluster, node, time, topic, container_id, exec_id FROM runtime FINAL WHERE topic IN ('container', '/containers/create', '/tasks/start') AND container_id != '') AS r
        INNER JOIN (SELECT cluster, node, container_id, pod_uid, image, image_digest FROM containers FINAL WHERE image_digest != '' AND kind != 'sandbox') AS c
        ON c.cluster = r.cluster AND c.node = r.node AND c.container_id = r.container_id
    ),
    named AS
    (
        SELECT cluster, layer, node, event_key, time, pod_uid, image_digest,
               replaceRegexpOne(replaceRegexpOne(image, '^(index\\.)?docker\\.io/(library/)?', ''), '^([^:]+(:[0-9]+/[^:]+)?)$', '\\1:latest') AS name
        FROM seen
        WHERE image_digest != '' AND image != '' AND position(image, '@') = 0 AND NOT match(image, '^(sha256:)?[0-9a-f]{64}$')
    ),
    firsts AS
    (
        SELECT cluster, name, image_digest, min(time) AS first_at, min((layer = 'runtime', time, layer, node, event_key, pod_uid)) AS first
        FROM named GROUP BY cluster, name, image_digest
    ),
    followed AS
    (
        SELECT *, lagInFrame(image_digest) OVER (PARTITION BY cluster, name ORDER BY first_at, image_digest ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
               lagInFrame(first_at) OVER (PARTITION BY cluster, name ORDER BY first_at, image_digest ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before_at,
               row_number() OVER (PARTITION BY cluster, name ORDER BY first_at, image_digest) AS nth,
               splitByChar(':', name)[-1] AS tag
        FROM firsts
    )
SELECT
    f.cluster AS cluster, f.first.3 AS layer, f.first.4 AS node, f.first.5 AS event_key, 'image-retagged' AS kind,
    multiIf(match(tag, '[0-9]+[.][0-9]+[.][0-9]+|(^|[^0-9a-f])[0-9a-f]{7,40}([^0-9a-f]|$)|20[0-9]{2}-?[01][0-9]-?[0-3][0-9]'), 'fixed', match(tag, '[0-9]'), 'version', 'word') AS type,
    f.name AS value,
    if(greatest(p.creator_at, p.changed_at, if(p.workload_kind = 'Pod', p.created_at, toDateTime64(0, 9, 'UTC'))) > f.before_at, 'deployed', 'same') AS place,
    f.image_digest AS observed, '' AS list,
    concat('was ', substring(f.before, 1, 19), ', is ', substring(f.image_digest, 1, 19)) AS note,
    {version:UInt64} AS version
FROM followed AS f
LEFT ANY JOIN (SELECT cluster, pod_uid, workload_kind, creator_at, changed_at, created_at FROM pods FINAL) AS p ON p.cluster = f.cluster AND p.pod_uid = f.first.6
WHERE f.nth > 1
