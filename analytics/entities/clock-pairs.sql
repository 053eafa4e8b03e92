-- Pairs of one cause told by the API server and by a node: each bounds how far the node's clock is ahead of the API server's.
-- An effect cannot come before its cause, whatever the clocks say:
--   high  the cause is the API's: a pod was bound before its sandbox was made. Ahead by at most (node - API).
--   low   the cause is the node's: a container was made before the API named its id, before a token of its pod was used, and had ended
--         before its kubelet deleted the pod. Ahead by at least (node - API).
-- All pairs are told by identity (container id, pod uid), so no skew can mix them up. Of ten seconds the sharpest of either side is kept.
-- Columns: cluster, node, layer (whose clock), reference, side, at_us (the layer's own time), bound_us, pairs (of those ten seconds), digests.
WITH
    births AS
    (
        SELECT cluster, node, container_id, 'runtime' AS layer, min(if(topic = 'container', created_at, time)) AS at,
               argMin(digest, if(topic = 'container', created_at, time)) AS digest
        FROM runtime FINAL
        WHERE (topic = '/containers/create' OR topic = 'container' AND created_at > 0) AND container_id != '' AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, container_id
        UNION ALL
        -- runc create ... ID
        SELECT cluster, node, argv[-1] AS made, 'auditd' AS layer, min(toDateTime64(first_seen, 9, 'UTC')) AS at,
               argMin(digests[1], first_seen) AS digest
        FROM processes FINAL
        WHERE comm IN ('runc', 'crun', 'runsc', 'youki', 'kata-runtime') AND has(argv, 'create') AND notEmpty(digests) AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, made
    ),
    told AS (SELECT cluster, pod_uid, object_uid, container_ids, time, stage_time, verb, resource, subresource, username, user_pod_uid, code, digest, stage
             FROM (SELECT *, object_uid AS pod_uid FROM k8s_audit FINAL WHERE resource = 'pods' OR user_pod_uid != '')),
    pods_of AS
    (
        SELECT cluster, container_id, any(pod_uid) AS pod_uid
        FROM
        (
            SELECT cluster, container_id, pod_uid FROM containers FINAL WHERE pod_uid != ''
            UNION ALL
            SELECT cluster, arrayJoin(container_ids) AS container_id, pod_uid FROM told WHERE resource = 'pods' AND pod_uid != ''
        )
        GROUP BY cluster, container_id
    ),
    named AS
    (
        -- who sends an id knew it when the request came; an answer may have learned it until it was sent
        SELECT cluster, arrayJoin(container_ids) AS container_id, if(verb IN ('patch', 'update') AND subresource = 'status', time, stage_time) AS at, digest
        FROM told WHERE resource = 'pods' AND notEmpty(container_ids)
        ORDER BY at LIMIT 1 BY cluster, container_id
    ),
    used AS (SELECT cluster, user_pod_uid, min(time) AS at, argMin(digest, time) AS digest FROM told WHERE user_pod_uid != '' GROUP BY cluster, user_pod_uid),
    bound AS
    (
        -- a mirror pod is created after its containers
        SELECT cluster, pod_uid, max(time) AS at, argMax(digest, time) AS digest FROM told
        WHERE resource = 'pods' AND pod_uid != '' AND code < 400 AND NOT startsWith(username, 'system:node:') AND verb = 'create' AND subresource IN ('', 'binding')
        GROUP BY cluster, pod_uid
    ),
    gone AS
    (
        SELECT cluster, pod_uid, min(time) AS at, argMin(digest, time) AS digest FROM told
        WHERE resource = 'pods' AND pod_uid != '' AND code < 400 AND startsWith(username, 'system:node:') AND verb = 'delete' AND subresource = ''
        GROUP BY cluster, pod_uid
    ),
    exits AS
    (
        SELECT cluster, node, pod_uid, max(ended_at) AS at, argMax(digests, ended_at) AS of FROM containers FINAL
        WHERE kind != 'sandbox' AND pod_uid != '' AND ended_at > 0 AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, pod_uid
    ),
    of_pods AS
    (
        SELECT b.cluster AS cluster, b.node AS node, b.layer AS layer, p.pod_uid AS pod_uid, min(b.at) AS at, argMin(b.digest, b.at) AS digest
        FROM births AS b INNER JOIN pods_of AS p ON b.cluster = p.cluster AND b.container_id = p.container_id
        GROUP BY cluster, node, layer, pod_uid
    ),
    pairs AS
    (
        SELECT n.cluster AS cluster, n.node AS node, n.layer AS layer, 'high' AS side, n.at AS node_at, a.at AS api_at, [n.digest, a.digest] AS of
        FROM of_pods AS n INNER JOIN bound AS a ON n.cluster = a.cluster AND n.pod_uid = a.pod_uid
        UNION ALL
        SELECT n.cluster, n.node, n.layer, 'low', n.at, a.at, [n.digest, a.digest] FROM births AS n INNER JOIN named AS a ON n.cluster = a.cluster AND n.container_id = a.container_id
        UNION ALL
        SELECT n.cluster, n.node, n.layer, 'low', n.at, a.at, [n.digest, a.digest] FROM of_pods AS n INNER JOIN used AS a ON n.cluster = a.cluster AND n.pod_uid = a.user_pod_uid
        UNION ALL
        SELECT n.cluster, n.node, 'runtime', 'low', n.at, a.at, [n.of[1], a.digest] FROM exits AS n INNER JOIN gone AS a ON n.cluster = a.cluster AND n.pod_uid = a.pod_uid
    ),
    measured AS
    (
        SELECT cluster, node, layer, side, of, toUnixTimestamp64Micro(node_at) AS at_us, at_us - toUnixTimestamp64Micro(api_at) AS bound_us, intDiv(at_us, 10000000) AS span
        FROM pairs
    )
SELECT cluster, node, layer, 'k8s-audit' AS reference, side, at_us, bound_us,
       count() OVER (PARTITION BY cluster, node, layer, side, span) AS pairs, arrayMap(d -> lower(hex(d)), of) AS digests
FROM measured
ORDER BY cluster, node, layer, side, span, if(side = 'high', bound_us, -bound_us), at_us, digests
LIMIT 1 BY cluster, node, layer, side, span
