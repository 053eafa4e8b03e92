-- Ways in which users come to the API, each with the pod its token is bound to.
-- Read by token-uses.ts. Times in ms since 1970, 0 unknown. `peer`: the address a request came from; a program can say any other of itself.
SELECT
    w.cluster AS cluster,
    w.username AS username,
    w.credential_id AS credential_id,
    w.user_pod_uid AS pod_uid,
    w.source_ips[-1] AS peer,
    toString(w.user_agent) AS agent,
    toUnixTimestamp64Milli(w.first_seen) AS first_seen,
    toUnixTimestamp64Milli(w.last_seen) AS last_seen,
    w.requests AS requests,
    w.refused AS refused,
    w.days AS days,
    lower(hex(w.first_digest)) AS first_digest,
    lower(hex(w.last_digest)) AS last_digest,
    toString(if(p.pod_uid != '', p.namespace, extract(w.username, '^system:serviceaccount:([^:]+):'))) AS namespace,
    if(p.pod != '', p.pod, w.user_pod_name) AS pod,
    toString(if(p.node != '', p.node, w.user_node_name)) AS node,
    p.host_network AS host_network,
    p.ips AS ips,
    -- a pod that was only asked to go may take its time, and its token is refused soon after it is gone
    if(has(p.known_by, 'runtime') OR p.end_reason IN ('completed', 'failed'), toUnixTimestamp64Milli(p.ended_at), 0) AS pod_ended_at
FROM (SELECT * FROM ways FINAL WHERE username NOT IN ('', 'system:anonymous') AND notEmpty(source_ips)) AS w
LEFT ANY JOIN (SELECT * FROM pods FINAL) AS p ON w.cluster = p.cluster AND w.user_pod_uid = p.pod_uid AND w.user_pod_uid != ''
ORDER BY cluster, first_seen, username, credential_id, pod_uid, peer, agent
