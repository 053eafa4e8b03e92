-- Sessions: who came in, from where, into what; the newest first.
-- Parameters: since, until (RFC 3339: the session overlaps); cluster, node, namespace, pod_namespace, pod, container, principal, kind
--   (patterns of LIKE, '%' for all); id (beginning of a session's or exec's id, '%' for all); parent (exact id, '' for all); limit.
-- Algorithm: a session lasts from requested_at to ended_at, to its last process where that is later, without end while it is open.
SELECT
    s.session_id AS session_id,
    s.kind AS kind,
    s.cluster AS cluster,
    s.node AS node,
    s.principal AS principal,
    s.impersonated AS impersonated,
    s.account AS account,
    if(s.auid < 0, NULL, s.auid) AS auid,
    if(s.ses < 0, NULL, s.ses) AS ses,
    s.terminal AS terminal,
    s.source_ip AS source_ip,
    s.source_ips AS source_ips,
    s.user_agent AS user_agent,
    s.namespace AS namespace,
    s.pod AS pod,
    s.pod_uid AS pod_uid,
    s.container_id AS container_id,
    s.container_name AS container_name,
    s.command AS command,
    s.ports AS ports,
    if(s.code = 0, NULL, s.code) AS code,
    s.exec_id AS exec_id,
    if(s.pid < 0, NULL, s.pid) AS pid,
    s.process_key AS process_key,
    s.client_key AS client_key,
    s.parent_session AS parent_session,
    s.tree_processes AS processes,
    s.requested_at AS requested_at,
    if(s.started_at = toDateTime64(0, 9, 'UTC'), NULL, s.started_at) AS started_at,
    if(s.ended_at = toDateTime64(0, 9, 'UTC'), NULL, s.ended_at) AS ended_at,
    if(s.last_seen = toDateTime64(0, 9, 'UTC'), NULL, s.last_seen) AS last_seen,
    s.ended_by AS ended_by,
    if(s.exit_status < 0, NULL, s.exit_status) AS exit_status,
    CAST((s.method, s.confidence), 'Tuple(method String, confidence Float32)') AS attribution,
    arrayMap(d -> lower(hex(d)), s.begin_digests) AS begin_digests,
    arrayMap(d -> lower(hex(d)), s.end_digests) AS end_digests
FROM sessions AS s FINAL
WHERE (s.ended_at = toDateTime64(0, 9, 'UTC') OR greatest(s.ended_at, s.last_seen) >= parseDateTime64BestEffort({since:String}, 9, 'UTC'))
  AND s.requested_at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
  AND s.cluster LIKE {cluster:String}
  AND s.node LIKE {node:String}
  AND s.namespace LIKE {namespace:String}
  AND s.namespace LIKE {pod_namespace:String}
  AND (s.pod LIKE {pod:String} OR s.pod_uid LIKE {pod:String})
  AND s.container_id LIKE {container:String}
  AND (s.principal LIKE {principal:String} OR s.impersonated LIKE {principal:String} OR s.account LIKE {principal:String})
  AND s.kind LIKE {kind:String}
  AND (s.session_id LIKE {id:String} OR s.exec_id LIKE {id:String})
  AND ({parent:String} = '' OR s.parent_session = {parent:String})
ORDER BY s.requested_at DESC, s.cluster, s.session_id
LIMIT {limit:UInt64}
