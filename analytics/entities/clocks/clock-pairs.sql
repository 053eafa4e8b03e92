-- Pairs of one cause told by the API server and by a node: each bounds how far the node's clock is ahead of the API server's.
-- An effect cannot come before its cause, whatever the clocks say:
--   high  the cause is the API's: a pod was bound before its sandbox was made. Ahead by at most (node - API).
--   low   the cause is the node's: a container was made before the API named its id, before a token of its pod was used, and had ended
--         before its kubelet deleted the pod. Ahead by at least (node - API).
-- All pairs are told by identity (container id, pod uid), so no skew can mix them up. Of ten seconds the sharpest of either side is kept.
-- Columns: cluster, node, layer (whose clock), reference, side, at_us (the layer's own time), bound_us, pairs (of those ten seconds), digests.
WITH
    births AS MATERIALIZED
    (
        SELECT cluster, node, container_id, 'runtime' AS layer, min((if(topic = 'container', created_at, time), digest)) AS of
        FROM runtime FINAL
        WHERE (topic = '/containers/create' OR topic = 'container' AND created_at > 0) AND container_id != '' AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, container_id
        UNION ALL
        -- runc create ... ID
        SELECT cluster, node, argv[-1] AS made, 'auditd' AS layer, min((toDateTime64(first_seen, 9, 'UTC'), digests[1])) AS of
        FROM processes FINAL
        WHERE comm IN ('runc', 'crun', 'runsc', 'youki', 'kata-runtime') AND has(argv, 'create') AND notEmpty(digests) AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, made
    ),
    named AS
    (
        -- who sends an id knew it when the request came; an answer may have learned it until it was sent
        SELECT cluster, id AS container_id, min((if(verb IN ('patch', 'update') AND subresource = 'status', time, stage_time), digest)) AS of
        FROM (SELECT cluster, verb, subresource, time, stage_time, digest, arrayJoin(container_ids) AS id FROM k8s_audit FINAL WHERE resource = 'pods' AND notEmpty(container_ids))
        GROUP BY cluster, id
    ),
    -- of each pod: bound (a mirror pod is created after its containers), gone, its token used
    facts AS
    (
        SELECT
            cluster,
            fact.1 AS pod_uid,
            maxIf((time, digest), fact.2 = 'object' AND NOT by_kubelet AND verb = 'create' AND subresource IN ('', 'binding')) AS bound,
            minIf((time, digest), fact.2 = 'object' AND by_kubelet AND verb = 'delete' AND subresource = '') AS gone,
            minIf((time, digest), fact.2 = 'user') AS used
        FROM
        (
            SELECT cluster, verb, subresource, time, digest, startsWith(username, 'system:node:') AS by_kubelet,
                   arrayJoin([(if(resource = 'pods' AND code < 400, object_uid, ''), 'object'), (user_pod_uid, 'user')]) AS fact
            FROM k8s_audit FINAL WHERE resource = 'pods' AND object_uid != '' OR user_pod_uid != ''
        )
        WHERE fact.1 != ''
        GROUP BY cluster, pod_uid
    ),
    of_pods AS
    (
        SELECT b.cluster AS cluster, b.node AS node, b.layer AS layer, c.pod_uid AS pod_uid, min(b.of) AS of, max(c.ended) AS ended
        FROM births AS b
        INNER JOIN
        (
            SELECT cluster, container_id, pod_uid, if(kind != 'sandbox' AND ended_by IN ('exit', 'signal', 'oom'), (ended_at, end_digests[1]), (toDateTime64(0, 9, 'UTC'), '')) AS ended
            FROM containers FINAL WHERE pod_uid != ''
        ) AS c ON b.cluster = c.cluster AND b.container_id = c.container_id
        GROUP BY cluster, node, layer, pod_uid
    ),
    pairs AS
    (
        SELECT n.cluster AS cluster, n.node AS node, n.layer AS layer, pair.1 AS side, pair.2 AS of_node, pair.3 AS of_api
        FROM of_pods AS n
        INNER JOIN facts AS a ON n.cluster = a.cluster AND n.pod_uid = a.pod_uid
        ARRAY JOIN [('high', n.of, a.bound), ('low', n.of, a.used), ('low', if(n.layer = 'runtime', n.ended, (toDateTime64(0, 9, 'UTC'), '')), a.gone)] AS pair
        UNION ALL
        SELECT n.cluster, n.node, n.layer, 'low', n.of, a.of FROM births AS n INNER JOIN named AS a ON n.cluster = a.cluster AND n.container_id = a.container_id
    ),
    measured AS
    (
        SELECT cluster, node, layer, side, [of_node.2, of_api.2] AS of, toUnixTimestamp64Micro(of_node.1) AS at_us,
               at_us - toUnixTimestamp64Micro(of_api.1) AS bound_us, intDiv(at_us, 10000000) AS span
        FROM pairs
        WHERE of_node.1 > 0 AND of_api.1 > 0
    )
SELECT cluster, node, layer, 'k8s-audit' AS reference, side, at_us, bound_us,
       count() OVER (PARTITION BY cluster, node, layer, side, span) AS pairs, arrayMap(d -> lower(hex(d)), of) AS digests
FROM measured
ORDER BY cluster, node, layer, side, span, if(side = 'high', bound_us, -bound_us), at_us, digests
LIMIT 1 BY cluster, node, layer, side, span
