-- Which findings are asked for; f is findings. Shared by the list and its groups.
-- Parameters: since, until (RFC 3339); layer, cluster, node, namespace, pod_namespace, pod, container, principal, rule
--   (patterns of LIKE, '%' for all); severity_min (0 informational .. 4 critical); technique ('' for all);
--   suppressed (0: those that are shown, 1: those that are hidden, 2: both).
f.time >= parseDateTime64BestEffort({since:String}, 9, 'UTC')
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
  AND ({suppressed:UInt8} = 2 OR (f.suppressed_by != '') = ({suppressed:UInt8} = 1))
