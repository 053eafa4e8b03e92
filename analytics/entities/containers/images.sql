-- One row an image, by digest, or by name where no record tells the digest: who pulled it first, and who ran it first.
-- Parameter: {version:UInt64}. Columns: those of images.
-- Algorithm: containers tell their image and mostly its digest; of those that do not, a name that stood for one digest only on all nodes
-- tells it. Pods tell images that no runtime was heard of. A pull is the first event or document of the image on a node: an image that was
-- there before the records begin shows no event, and its document the time it was read.
WITH
    pulls AS
    (
        SELECT
            cluster, node, digest, time,
            topic = '/images/create' AS is_event,
            image_digest AS of_digest,
            arrayFilter(n -> n != '' AND NOT match(n, '^sha256:'), arrayDistinct(arrayPushBack(image_names, image))) AS names
        FROM runtime FINAL
        WHERE topic IN ('image', '/images/create', '/images/update')
            AND (cluster, node, time) IN (SELECT cluster, node, time FROM runtime WHERE topic IN ('image', '/images/create', '/images/update'))
    ),
    ran AS
    (
        SELECT cluster, node, container_id, namespace, pod, pod_uid, image, image_digest, if(created_at > 0, created_at, started_at) AS begins, digests[1] AS digest
        FROM containers FINAL WHERE kind != 'sandbox' AND (image != '' OR image_digest != '')
    ),
    named AS
    (
        SELECT cluster, name, if(uniqExact(of) = 1, max(of), '') AS of
        FROM
        (
            SELECT cluster, image AS name, image_digest AS of FROM ran WHERE image_digest != '' AND image != ''
            UNION ALL
            SELECT cluster, arrayJoin(names) AS name, of_digest AS of FROM pulls WHERE of_digest != ''
            UNION ALL
            -- a pod of one image has its digest
            SELECT cluster, images[1] AS name, image_digests[1] AS of FROM pods FINAL WHERE length(images) = 1 AND length(image_digests) = 1
        )
        GROUP BY cluster, name
    ),
    seen AS
    (
        SELECT cluster, image_digest AS own, image AS name, 'ran' AS how, begins AS at, node, container_id, namespace, pod, pod_uid, digest FROM ran
        UNION ALL
        SELECT cluster, of_digest, arrayJoin(if(empty(names), [''], names)), if(is_event, 'pulled', 'there'), time, node, '', '', '', '', digest FROM pulls
        UNION ALL
        SELECT cluster, if(length(images) = 1, image_digests[1], ''), arrayJoin(images), 'ran', first_seen, node, '', namespace, pod, pod_uid, if(empty(begin_digests), digests[1], begin_digests[1])
        FROM pods FINAL WHERE notEmpty(images) AND NOT has(known_by, 'runtime')
    ),
    placed AS
    (
        SELECT s.*, if(s.own != '', s.own, n.of) AS of, if(of != '', of, s.name) AS image
        FROM seen AS s
        LEFT ANY JOIN (SELECT cluster AS n_cluster, name AS n_name, of FROM named) AS n ON n.n_cluster = s.cluster AND n.n_name = s.name AND s.name != ''
    ),
    firsts AS
    (
        SELECT
            cluster,
            image,
            max(of) AS image_digest,
            arraySort(groupUniqArrayIf(name, name != '')) AS names,
            minIf((at, node, digest), how = 'pulled') AS pull,
            minIf((at, node, container_id, namespace, pod, pod_uid, digest), how = 'ran') AS run,
            min(at) AS first_seen,
            max(at) AS last_seen,
            arraySort(groupUniqArray(node)) AS nodes,
            uniqExactIf(container_id, container_id != '') AS containers,
            uniqExactIf(pod_uid, pod_uid != '') AS pods
        FROM placed
        WHERE image != ''
        GROUP BY cluster, image
    )
SELECT
    cluster, image, image_digest, names,
    pull.1 AS pulled_at, pull.2 AS pulled_node,
    run.1 AS ran_at, run.2 AS ran_node, run.3 AS ran_container_id, run.4 AS ran_namespace, run.5 AS ran_pod, run.6 AS ran_pod_uid,
    first_seen, last_seen, arrayFilter(n -> n != '', nodes) AS nodes, containers, pods,
    arraySort(arrayDistinct(arrayFilter(d -> d != toFixedString('', 32), [pull.3, run.7]))) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM firsts
