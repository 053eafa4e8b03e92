-- Rows for rules over Kubernetes audit events: one an auditID, at its latest stage, with the digests of all its stages.
-- Blocks `with NAME ... end` stay when a rule needs them (k8s-audit.ts):
--   addresses  what the source address was: own-pod, node, pod, loopback, other
--   token      a bound token used from an address that is not its pod's
--   principal  an address that its principal first used at most a day before, used less than others, and no pod's; of the
--              second and third address only: who comes from many is at home in none
--   agents     the first request of a principal with a kind of client that it uses less than others; of the second to fourth kind
--              only: who uses many has no habit
--   registries images from a registry that this event names first, after twenty writes of workloads: by then the cluster has habits
--   images     images from a registry that looks like one the cluster uses, or that carry the path of its images
--   target     the pod that the request names
--   raw        the bytes, out of their envelope, for the events that candidate_keys gives
-- Of what is joined a row has one at most: joins are ANY, which need not copy the row.
SELECT
    k.cluster AS cluster, '' AS node, k.time AS time, k.namespace AS namespace,
    k.audit_id AS event_key,
    concat(k.audit_id, '/', k.stage) AS event_id,
    arrayDistinct(arrayConcat([k.digest], e.earlier)) AS digests,
    k.username AS principal,
    if(k.resource = 'pods', k.name, '') AS pod,
    if(k.resource = 'pods', k.object_uid, '') AS pod_uid,
    '' AS container_id,
    '' AS process_key,
-- with addresses
    multiIf(k.source_ips[1] = '', '',
            k.source_ips[1] IN ('127.0.0.1', '::1'), 'loopback',
            k.user_pod_uid != '' AND has(ip.uids, k.user_pod_uid), 'own-pod',
            ip.of_node, 'node',
            notEmpty(ip.uids), 'pod',
            'other') AS source_kind,
-- end
-- with token
    -- of a pod whose address nobody told, an address outside of the cluster is not the pod's either
    k.user_pod_uid != '' AND b_uid != '' AND notEmpty(k.source_ips) AND NOT b_host
        AND if(notEmpty(b_ips), NOT has(b_ips, k.source_ips[1]), {outside(k.source_ips[1])}) AS foreign_token,
-- end
-- with principal
    p.is_new AND k.time < p.first_use + INTERVAL 1 DAY AS address_new,
    p.is_new AND k.time = p.first_use AS address_first,
-- end
-- with agents
    g.is_new AND k.time = g.first_use AS agent_first,
-- end
-- with registries
    arrayFilter(image -> (k.cluster, {registry_of_image}, k.time) IN
    (
    SELECT cluster, host, first_seen
    FROM
    (
        SELECT cluster, host, min(time) AS first_seen, min(place) AS first_place
        FROM
        (
            SELECT cluster, time, arrayJoin(arrayDistinct(arrayMap(image -> {registry_of_image}, images))) AS host,
                   dense_rank() OVER (PARTITION BY cluster ORDER BY time, audit_id) AS place
            FROM k8s_audit FINAL
            WHERE notEmpty(images) AND subresource = '' AND verb IN ('create', 'update', 'patch') AND code BETWEEN 100 AND 299
        )
        GROUP BY cluster, host
    )
    WHERE first_place > 20
    ), k.images) AS new_registry_images,
-- end
-- with images
    -- what a join gives is copied for every row: a set is asked
    arrayFilter(image -> (k.cluster, image) IN
    (
    -- an image by registry host, path and the words of the host; odd where an earlier, commoner host shares the path or most words
    WITH
        used AS
        (
            SELECT cluster, arrayJoin(images) AS image, splitByChar('/', image)[1] AS host,
                   extract(image, '^[^/]+/([^:@]+)') AS path, splitByRegexp('[.-]', splitByChar(':', host)[1]) AS host_words,
                   min(time) AS first_seen, uniqExact(audit_id) AS uses
            FROM k8s_audit FINAL
            WHERE notEmpty(images) AND position(image, '/') > 0 AND match(host, '[.:]')
            GROUP BY cluster, image
        ),
        hosts AS (SELECT cluster, host, any(host_words) AS host_words, min(first_seen) AS first_seen, sum(uses) AS uses FROM used GROUP BY cluster, host)
    SELECT DISTINCT u.cluster, u.image
    FROM used AS u
    INNER JOIN hosts AS mine ON mine.cluster = u.cluster AND mine.host = u.host
    INNER JOIN hosts AS other ON other.cluster = u.cluster
    WHERE other.host != u.host AND other.first_seen < mine.first_seen AND other.uses > mine.uses
      AND (editDistance(u.host, other.host) <= 2
           OR length(arrayIntersect(u.host_words, other.host_words)) >= 2
              AND length(arrayIntersect(u.host_words, other.host_words)) * 3 >= greatest(length(u.host_words), length(other.host_words)) * 2)
    ), k.images) AS lookalike_images,
-- end
-- with target
    t_privileged AS target_privileged,
    t_host_paths AS target_host_paths,
-- end
    map('user', if(k.username = 'system:anonymous', 'Somebody without credentials (system:anonymous)', k.username),
        'verb', k.verb, 'resource', if(k.subresource = '', k.resource, concat(k.resource, '/', k.subresource)),
        'namespace', k.namespace, 'name', k.name, 'object', multiIf(k.name = '' AND k.namespace = '', '', k.name = '', concat('in ', k.namespace), k.namespace = '', k.name, concat(k.namespace, '/', k.name)),
        'source', k.source_ips[1], 'agent', k.user_agent, 'code', if(k.code = 0, '', toString(k.code)),
        'command', arrayStringConcat(k.exec_command, ' '), 'images', arrayStringConcat(arrayDistinct(k.images), ', '),
        'commands', arrayStringConcat(arrayFilter(c -> c != '', k.commands), '; '),
        'host_paths', arrayStringConcat(k.host_paths, ', '), 'uri', k.request_uri, 'role', k.role_name,
        'subjects', arrayStringConcat(k.subjects, ', '), 'token_pod', k.user_pod_name, 'schedule', k.schedule) AS words
FROM
(
    SELECT * FROM k8s_audit FINAL
    WHERE {within} AND (stage IN ('ResponseComplete', 'Panic')
       OR ((cluster, audit_id) NOT IN (SELECT cluster, audit_id FROM k8s_audit WHERE stage IN ('ResponseComplete', 'Panic'))
           AND (stage = 'ResponseStarted'
                OR (cluster, audit_id) NOT IN (SELECT cluster, audit_id FROM k8s_audit WHERE stage = 'ResponseStarted'))))
-- with raw
      AND audit_id IN (candidate_keys)
-- end
) AS k
LEFT ANY JOIN
(
    SELECT cluster AS e_cluster, audit_id AS e_id, groupUniqArray(digest) AS earlier
    FROM k8s_audit FINAL
    WHERE stage NOT IN ('ResponseComplete', 'Panic')
    GROUP BY cluster, audit_id
) AS e ON e_cluster = k.cluster AND e_id = k.audit_id
-- with addresses
LEFT ANY JOIN
(
    SELECT cluster AS ip_cluster, arrayJoin(ips) AS ip_address,
           groupUniqArrayIf(pod_uid, NOT host_network) AS uids,
           max(host_network) AS of_node
    FROM pods FINAL
    GROUP BY ip_cluster, ip_address
) AS ip ON ip_cluster = k.cluster AND ip_address = k.source_ips[1]
-- end
-- with token
LEFT ANY JOIN (SELECT cluster AS b_cluster, pod_uid AS b_uid, ips AS b_ips, host_network AS b_host FROM pods FINAL) AS bound
ON b_cluster = k.cluster AND b_uid = k.user_pod_uid
-- end
-- with principal
LEFT ANY JOIN
(
    -- a token bound to a pod is at home with that pod: the account's next pod has another address by right
    SELECT cluster AS p_cluster, username AS p_username, user_pod_uid AS p_pod, address AS p_address,
           row_number() OVER (PARTITION BY cluster, username, user_pod_uid ORDER BY first_seen, address) BETWEEN 2 AND 3
               -- who moved does most from there; but accounts of workloads do not move out of the network they began in
               AND (requests * 2 < sum(requests) OVER (PARTITION BY cluster, username, user_pod_uid)
                    OR startsWith(username, 'system:serviceaccount:') AND outside
                       AND NOT first_value(outside) OVER (PARTITION BY cluster, username, user_pod_uid ORDER BY first_seen, address))
               AND (cluster, address) NOT IN (SELECT cluster, arrayJoin(ips) FROM pods FINAL) AS is_new,
           first_seen AS first_use
    FROM
    (
        SELECT cluster, username, user_pod_uid, source_ips[1] AS address, {outside(address)} AS outside, min(time) AS first_seen, count() AS requests
        FROM k8s_audit FINAL
        WHERE notEmpty(source_ips) AND username != 'system:anonymous' AND NOT startsWith(username, 'system:node:')
          AND source_ips[1] NOT IN ('127.0.0.1', '::1')
        GROUP BY cluster, username, user_pod_uid, address
    )
) AS p ON p_cluster = k.cluster AND p_username = k.username AND p_pod = k.user_pod_uid AND p_address = k.source_ips[1]
-- end
-- with agents
LEFT ANY JOIN
(
    SELECT cluster AS g_cluster, username AS g_username, agent AS g_agent, first_seen AS first_use,
           row_number() OVER (PARTITION BY cluster, username ORDER BY first_seen, agent) BETWEEN 2 AND 4
               AND requests * 2 < sum(requests) OVER (PARTITION BY cluster, username) AS is_new
    FROM
    (
        SELECT cluster, username, splitByRegexp('[/ ]', user_agent)[1] AS agent, min(time) AS first_seen, count() AS requests
        FROM k8s_audit FINAL
        WHERE user_agent != '' AND NOT startsWith(username, 'system:') OR startsWith(username, 'system:serviceaccount:') AND NOT startsWith(username, 'system:serviceaccount:kube-system:')
        GROUP BY cluster, username, agent
    )
) AS g ON g_cluster = k.cluster AND g_username = k.username AND g_agent = splitByRegexp('[/ ]', k.user_agent)[1]
-- end
-- with target
LEFT ANY JOIN
(
    SELECT cluster AS t_cluster, namespace AS t_namespace, pod AS t_pod, max(pods.privileged) AS t_privileged,
           arrayDistinct(arrayFlatten(groupArray(pods.host_paths))) AS t_host_paths
    FROM pods FINAL
    GROUP BY cluster, namespace, pod
) AS target ON t_cluster = k.cluster AND t_namespace = k.namespace AND t_pod = k.name AND k.resource = 'pods'
-- end
-- with raw
INNER JOIN
(
    SELECT cluster AS r_cluster, digest AS r_digest, raw FROM ({events}
    )
) AS r ON r_cluster = k.cluster AND r_digest = k.digest
-- end
