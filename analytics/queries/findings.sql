-- What rules found, the worst first, then in order of time.
-- Parameters: since, until (RFC 3339); layer, cluster, node, namespace, pod_namespace, pod, container, principal, rule
--   (patterns of LIKE, '%' for all); severity_min (0 informational .. 4 critical); technique ('' for all); limit.
SELECT
    f.id AS id,
    f.rule_id AS rule_id,
    f.title AS title,
    f.severity AS severity,
    f.techniques AS techniques,
    f.tactics AS tactics,
    if(f.time = toDateTime64(0, 9, 'UTC'), NULL, f.time) AS time,
    f.source AS source,
    f.cluster AS cluster,
    f.node AS node,
    f.namespace AS namespace,
    f.pod AS pod,
    f.pod_uid AS pod_uid,
    f.container_id AS container_id,
    f.principal AS principal,
    arrayMap(d -> lower(hex(d)), f.digests) AS digests,
    f.summary AS summary
FROM findings AS f FINAL
WHERE f.time >= parseDateTime64BestEffort({since:String}, 9, 'UTC')
  AND f.time < parseDateTime64BestEffort({until:String}, 9, 'UTC')
  AND f.source LIKE {layer:String}
  AND f.cluster LIKE {cluster:String}
  AND f.node LIKE {node:String}
  AND f.namespace LIKE {namespace:String}
  AND f.namespace LIKE {pod_namespace:String}
  AND (f.pod LIKE {pod:String} OR f.pod_uid LIKE {pod:String})
  AND f.container_id LIKE {container:String}
  AND f.principal LIKE {principal:String}
  AND f.rule_id LIKE {rule:String}
  AND indexOf(['informational', 'low', 'medium', 'high', 'critical'], f.severity) > {severity_min:UInt8}
  -- T1053 asks for T1053.007 too
  AND ({technique:String} = '' OR arrayExists(t -> t = {technique:String} OR startsWith(t, concat({technique:String}, '.')), f.techniques))
ORDER BY indexOf(['informational', 'low', 'medium', 'high', 'critical'], f.severity) DESC, f.time, f.cluster, f.id
LIMIT {limit:UInt64}
