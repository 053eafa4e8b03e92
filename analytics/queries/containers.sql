-- Containers with their lifetimes, those that started last first.
-- Parameters: since, until (RFC 3339: the lifetime overlaps); cluster, node, namespace, pod_namespace, pod, container, image, kind,
--   ended_by (patterns of LIKE, '%' for all); named (what a person calls it: the beginning of its id, NAMESPACE/POD/CONTAINER, NAMESPACE/POD, NAMESPACE/CONTAINER,
--   the name of a container, a pod or an image with or without registry and tag; '' for all); sandboxes (pod sandboxes too); lived_under_ms (that ended
--   sooner, 0 for all); limit.
-- Algorithm: a container lives from created_at (else started_at) until removed_at (else ended_at, else now); findings are counted beside.
WITH
    found AS
    (
        SELECT cluster, container_id, count() AS findings FROM findings FINAL WHERE container_id != '' AND suppressed_by = '' GROUP BY cluster, container_id
    ),
    toDateTime64(0, 9, 'UTC') AS unknown
SELECT
    c.cluster AS cluster,
    c.node AS node,
    c.container_id AS container_id,
    c.kind AS kind,
    c.container_name AS container_name,
    c.namespace AS namespace,
    c.pod AS pod,
    c.pod_uid AS pod_uid,
    c.image AS image,
    c.image_digest AS image_digest,
    if(c.created_at = unknown, NULL, c.created_at) AS created_at,
    if(c.started_at = unknown, NULL, c.started_at) AS started_at,
    if(c.ended_at = unknown, NULL, c.ended_at) AS ended_at,
    if(c.exit_status < 0 OR c.ended_at = unknown, NULL, c.exit_status) AS exit_status,
    c.ended_by AS ended_by,
    c.known_by AS known_by,
    c.privileged AS privileged,
    f.findings AS findings
FROM containers AS c FINAL
LEFT JOIN found AS f ON f.cluster = c.cluster AND f.container_id = c.container_id
WHERE (greatest(c.removed_at, c.ended_at) = unknown
       OR greatest(c.removed_at, c.ended_at) >= parseDateTime64BestEffort({since:String}, 9, 'UTC'))
  AND if(c.created_at = unknown, c.started_at, c.created_at) < parseDateTime64BestEffort({until:String}, 9, 'UTC')
  AND c.cluster LIKE {cluster:String}
  AND c.node LIKE {node:String}
  AND c.namespace LIKE {namespace:String}
  AND c.namespace LIKE {pod_namespace:String}
  AND (c.pod LIKE {pod:String} OR c.pod_uid LIKE {pod:String})
  AND c.container_id LIKE {container:String}
  AND c.image LIKE {image:String}
  AND c.kind LIKE {kind:String}
  AND c.ended_by LIKE {ended_by:String}
  AND ({sandboxes:Bool} OR c.kind != 'sandbox')
  AND ({lived_under_ms:UInt64} = 0
       OR c.ended_at > unknown AND dateDiff('millisecond', if(c.started_at = unknown, c.created_at, c.started_at), c.ended_at) < {lived_under_ms:UInt64})
  AND ({named:String} = '' OR startsWith(c.container_id, {named:String}) OR {named:String} IN (
        c.container_name, c.pod, concat(c.namespace, '/', c.pod), concat(c.namespace, '/', c.pod, '/', c.container_name),
        concat(c.pod, '/', c.container_name), concat(c.namespace, '/', c.container_name),
        c.image, extract(c.image, '([^/]+)$'), extract(c.image, '([^/]+?)(?:[:@][^/]*)?$'), extract(c.image, '^(.*?)(?::[^/:]*)?(?:@.*)?$')))
ORDER BY greatest(c.created_at, c.started_at) DESC, c.cluster, c.node, c.container_id
LIMIT {limit:UInt64}
