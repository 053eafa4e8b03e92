-- Images that no pattern of their namespace allows, at the requests that asked for them and the containers that ran them.
-- Parameter: version. Columns: those of event_marks written here.
-- Algorithm: a namespace that no entry speaks of is not bound. Names are compared as runtimes read them: what has no registry is Docker
-- Hub's, one word there is of its library. A pattern may mean the repository or the whole reference. Of a container the first event tells.
WITH
    asked AS
    (
        SELECT cluster, 'k8s-audit' AS layer, '' AS node, audit_id AS event_key, namespace, arrayJoin(arrayDistinct(images)) AS image
        FROM k8s_audit FINAL
        WHERE notEmpty(images) AND verb IN ('create', 'update', 'patch') AND code < 400 AND subresource IN ('', 'ephemeralcontainers')
          AND position(request_uri, 'dryRun=') = 0
    ),
    ran AS
    (
        SELECT r.cluster AS cluster, r.node AS node, r.container_id AS container_id,
               min((r.time, concat(toString(r.time), '/', r.topic, '/', r.container_id, if(r.exec_id = '', '', concat('/', r.exec_id))))).2 AS event_key,
               max(if(r.pod_namespace != '', r.pod_namespace, c.namespace)) AS namespace, max(if(r.image != '', r.image, c.image)) AS image,
               max(r.kind = 'sandbox' OR c.kind = 'sandbox') AS is_sandbox
        FROM (SELECT * FROM runtime FINAL WHERE topic IN ('container', '/containers/create') AND container_id != '') AS r
        LEFT ANY JOIN (SELECT cluster, node, container_id, namespace, image, kind FROM containers FINAL) AS c
        ON c.cluster = r.cluster AND c.node = r.node AND c.container_id = r.container_id
        GROUP BY cluster, node, container_id
    ),
    seen AS
    (
        SELECT cluster, layer, node, event_key, namespace, image FROM asked
        UNION ALL
        SELECT cluster, 'runtime', node, event_key, namespace, image FROM ran WHERE NOT is_sandbox
    ),
    named AS
    (
        SELECT DISTINCT cluster, namespace, image,
            multiIf(position(image, '/') = 0, concat('docker.io/library/', image),
                    match(image, '^([^/]*[.:][^/]*|localhost)/'), image,
                    concat('docker.io/', image)) AS reference,
            replaceRegexpOne(reference, '@.*$', '') AS undigested,
            replaceRegexpOne(undigested, ':[^/:]*$', '') AS repository
        FROM seen
        -- an id of the node's own says nothing of where it came from
        WHERE image != '' AND NOT match(image, '^(sha256:)?[0-9a-f]{64}$')
    ),
    patterns AS
    (
        SELECT cluster AS of_cluster, list,
               replaceAll(replaceAll(replaceRegexpAll(namespace, '([%_\\\\])', '\\\\\\1'), '*', '%'), '?', '_') AS of_namespace,
               replaceAll(replaceAll(replaceRegexpAll(pattern, '([%_\\\\])', '\\\\\\1'), '*', '%'), '?', '_') AS allowed
        FROM allowed_images FINAL
    ),
    judged AS
    (
        SELECT cluster, namespace, image, min(list) AS told_by,
               max(reference LIKE allowed OR undigested LIKE allowed OR repository LIKE allowed) AS is_allowed
        FROM named CROSS JOIN patterns
        WHERE of_cluster IN ('', cluster) AND namespace LIKE of_namespace
        GROUP BY cluster, namespace, image
    )
SELECT DISTINCT s.cluster AS cluster, s.layer AS layer, s.node AS node, s.event_key AS event_key, 'image-not-allowed' AS kind, '' AS type,
       s.image AS value, 'image' AS place, s.image AS observed, j.told_by AS list, '' AS note, {version:UInt64} AS version
FROM seen AS s
INNER JOIN (SELECT cluster, namespace, image, told_by FROM judged WHERE NOT is_allowed) AS j ON j.cluster = s.cluster AND j.namespace = s.namespace AND j.image = s.image
