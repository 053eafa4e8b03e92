-- Events of the three layers on one axis, in order of time.
-- Parameters: since, until (RFC 3339); layer, cluster, node, namespace, pod_namespace, pod, container, principal
--   (patterns of LIKE, '%' for all); limit. A pod is named by its name or its uid.
-- Columns: as section 10 of the design has them, attribution still as its two parts.
SELECT
    if(e.time = toDateTime64(0, 9, 'UTC'), NULL, e.time) AS time,
    e.layer AS layer,
    e.cluster AS cluster,
    e.node AS node,
    e.namespace AS namespace,
    e.pod AS pod,
    e.pod_uid AS pod_uid,
    e.container_id AS container_id,
    e.principal AS principal,
    e.action AS action,
    e.object AS object,
    e.outcome AS outcome,
    if(e.pid > 0, e.pid, NULL) AS pid,
    e.exe AS exe,
    lower(hex(e.digest)) AS digest,
    e.method AS method,
    e.confidence AS confidence
FROM events AS e FINAL
WHERE e.time >= parseDateTime64BestEffort({since:String}, 9, 'UTC')
  AND e.time < parseDateTime64BestEffort({until:String}, 9, 'UTC')
  AND e.layer LIKE {layer:String}
  AND e.cluster LIKE {cluster:String}
  AND e.node LIKE {node:String}
  AND e.namespace LIKE {namespace:String}
  AND e.namespace LIKE {pod_namespace:String}
  AND (e.pod LIKE {pod:String} OR e.pod_uid LIKE {pod:String})
  AND e.container_id LIKE {container:String}
  AND e.principal LIKE {principal:String}
  AND (1 /* and what a search asks for */)
ORDER BY e.time, e.layer, e.node, e.event_id
LIMIT {limit:UInt64}
-- the month of a partition follows from the time in the key, so that a row is replaced within its partition
SETTINGS do_not_merge_across_partitions_select_final = 1
