-- One row a pod, by UID: from the API's bodies, its node's status patches and what the runtime keeps; with its ends, owners and context.
-- Parameters: {version:UInt64}; {owner_labels:Array(String)}, {team_labels:Array(String)}, {sensitivity_labels:Array(String)}: keys of
-- labels, the first to be found first; a key without a prefix means that name under any prefix too.
-- A static pod has a mirror in the API with a UID of its own: annotation kubernetes.io/config.hash, which only its node may write, tells
-- the UID that the runtime knows. They are one pod.
-- The end: what the runtime saw last, where it saw the pod and nothing runs any more; else the last delete request, else the patch of
-- the status that says so, else the node's own end, else that another pod of the name begins. Why it ended is what was asked for before:
-- a pod that ended and was deleted later was not ended by that.
WITH
    -- clocks of API server and runtime differ by less, or neither certificates nor leases would work for long
    INTERVAL 2 SECOND AS slack,
    toFixedString('', 32) AS none,
    mirrors AS
    (
        SELECT cluster, object_uid AS uid, max(config_hash) AS static_uid
        FROM k8s_audit FINAL
        WHERE resource = 'pods' AND config_hash != '' AND object_uid != '' AND code < 400 AND /*scope pod (cluster, object_uid)*/ 1
        GROUP BY cluster, object_uid
        -- UIDs of static pods are MD5; only a node can give its pod that place
        HAVING match(static_uid, '^[0-9a-f]{32}$') AND countIf(verb = 'create' AND subresource = '' AND NOT startsWith(username, 'system:node:')) = 0
           AND (max(owner_kind = 'Node') OR max(startsWith(username, 'system:node:')))
    ),
    requests AS
    (
        SELECT *, m.static_uid AS static_uid, arrayStringConcat(source_ips, ' ') AS came_from,
               (time, digest) AS at, subresource = '' AND (verb = 'create' OR code = 201) AS makes,
               subresource = '' AND verb = 'delete' OR subresource = 'eviction' AS removes, startsWith(username, 'system:node:') AS is_node
        FROM (SELECT * FROM k8s_audit FINAL WHERE resource = 'pods' AND object_uid != '' AND code < 400 AND position(request_uri, 'dryRun=') = 0 AND /*scope pod (cluster, object_uid)*/ 1) AS k
        LEFT ANY JOIN mirrors AS m ON k.cluster = m.cluster AND k.object_uid = m.uid
    ),
    api AS
    (
        SELECT
            cluster,
            if(static_uid != '', static_uid, object_uid) AS pod_uid,
            if(max(static_uid) = '', '', argMax(object_uid, at)) AS mirror_uid,
            argMax(namespace, at) AS namespace,
            argMax(name, at) AS pod,
            argMaxIf(node_name, at, node_name != '') AS node,
            groupUniqArrayArray(addresses) AS ips,
            argMaxIf(service_account, at, service_account != '') AS service_account,
            argMinIf((toString(owner_kind), owner_name, owner_uid), at, owner_uid != '') AS owned,
            argMinIf((username, audit_id, came_from, time, digest), at, makes) AS made,
            argMinIf((username, audit_id, time, digest, subresource), at, removes) AS removed,
            argMaxIf((time, digest), at, removes) AS last_removed,
            argMinIf((toString(phase), toString(phase_reason), time, digest), at, phase IN ('Succeeded', 'Failed')) AS stopped,
            argMaxIf(labels, at, notEmpty(labels)) AS labels,
            groupUniqArrayArray(images) AS images,
            groupUniqArrayArray(image_digests) AS image_digests,
            groupUniqArrayArray(host_paths) AS host_paths,
            max(privileged) AS privileged,
            max(host_network) AS host_network,
            max(host_pid) AS host_pid,
            countIf(body IN ('response', 'both') AND subresource IN ('', 'status')) > 0 AS has_body,
            if(countIf(NOT is_node OR subresource != 'status') > 0, 'api', 'status') AS known_as,
            min(at) AS first,
            max(at) AS last,
            groupUniqArrayIf(digest, makes OR removes OR subresource = 'binding') AS digests
        FROM requests
        GROUP BY cluster, pod_uid
    ),
    live AS
    (
        SELECT
            cluster,
            pod_uid,
            max(namespace) AS namespace,
            max(pod) AS pod,
            max(node) AS node,
            groupUniqArrayIf(image, kind != 'sandbox' AND image != '') AS images,
            groupUniqArrayIf(image_digest, kind != 'sandbox' AND image_digest != '') AS image_digests,
            max(privileged) AS privileged,
            minIf(begins, begins > 0) AS first_seen,
            max(seen_running) AS is_of_runtime,
            max(greatest(created_at, started_at, ended_at, removed_at)) AS last_seen,
            max(if(ended_at > 0, ended_at, removed_at)) AS ended_at,
            countIf(ended_at = 0 AND removed_at = 0 AND seen_running) AS running,
            maxIf(exit_status, kind != 'sandbox') AS exit_status,
            groupUniqArrayArray(digests) AS digests
        FROM (SELECT *, multiIf(created_at > 0, created_at, started_at > 0, started_at, c.first_seen) AS begins, hasAny(known_by, ['runtime', 'documents']) AS seen_running FROM containers AS c FINAL WHERE pod_uid != '' AND /*scope pod (cluster, pod_uid)*/ 1)
        GROUP BY cluster, pod_uid
    ),
    marks AS
    (
        SELECT
            c.cluster AS m_cluster,
            c.uid AS m_uid,
            argMinIf(r.digest, (r.time, r.digest), r.topic IN ('/containers/create', '/tasks/create', '/tasks/start', 'container')) AS begin_digest,
            argMaxIf(r.digest, (greatest(r.time, r.finished_at), r.digest), r.topic = '/tasks/exit' AND r.exec_id = '' OR r.topic = '/containers/delete' OR r.finished_at > 0) AS end_digest,
            argMaxIf(r.labels, (r.time, r.digest), r.kind = 'sandbox' AND notEmpty(r.labels)) AS m_labels
        FROM (SELECT cluster, node, time, topic, container_id, exec_id, kind, labels, finished_at, digest FROM runtime FINAL
              WHERE NOT startsWith(topic, '/snapshot') AND container_id IN (SELECT container_id FROM containers FINAL WHERE pod_uid != '' AND /*scope pod (cluster, pod_uid)*/ 1)) AS r
        INNER JOIN (SELECT cluster, node, container_id, pod_uid AS uid FROM containers FINAL WHERE pod_uid != '' AND /*scope pod (cluster, pod_uid)*/ 1) AS c
            ON r.cluster = c.cluster AND r.node = c.node AND r.container_id = c.container_id
        GROUP BY c.cluster, c.uid
    ),
    joined AS
    (
        SELECT
            if(a.pod_uid != '', a.cluster, l.cluster) AS cluster,
            if(a.pod_uid != '', a.pod_uid, l.pod_uid) AS pod_uid,
            a.mirror_uid AS mirror_uid,
            if(l.namespace != '', l.namespace, a.namespace) AS namespace,
            if(l.pod != '', l.pod, a.pod) AS pod,
            if(l.node != '', l.node, a.node) AS node,
            a.ips AS ips, a.service_account AS service_account, a.owned AS owned, a.made AS made, a.removed AS removed, a.last_removed AS last_removed,
            a.stopped AS stopped, a.labels AS pod_labels, a.host_paths AS host_paths, a.host_network AS host_network, a.host_pid AS host_pid,
            a.has_body AS has_body, a.first AS first, a.last AS last, l.exit_status AS exit_status,
            arrayFilter(k -> k != '', [toString(a.known_as), multiIf(l.is_of_runtime, 'runtime', a.pod_uid = '', 'auditd', '')]) AS known_by,
            if(empty(a.images), l.images, a.images) AS images,
            arrayConcat(a.image_digests, l.image_digests) AS image_digests,
            a.privileged OR l.privileged AS privileged,
            arrayMin(arrayFilter(t -> t > 0, [a.first.1, l.first_seen])) AS first_seen,
            greatest(a.last.1, l.last_seen) AS last_seen,
            if(l.is_of_runtime AND l.running = 0, l.ended_at, toDateTime64(0, 9, 'UTC')) AS run_end,
            arrayConcat(a.digests, l.digests) AS digests,
            l.running > 0 AS runs
        FROM api AS a FULL JOIN live AS l ON a.cluster = l.cluster AND a.pod_uid = l.pod_uid
    ),
    in_order AS
    (
        -- pods of one name come one after the other
        SELECT *, leadInFrame((first_seen, pod_uid, first.2)) OVER (PARTITION BY cluster, namespace, pod ORDER BY first_seen, pod_uid ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next,
               lagInFrame(first_seen) OVER (PARTITION BY cluster, namespace, pod ORDER BY first_seen, pod_uid ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
               first_seen + slack AS by_then, first_seen - slack AS from_then
        FROM joined
    ),
    unnamed AS
    (
        -- where bodies were not kept a request says the name alone
        SELECT cluster AS u_cluster, namespace AS u_namespace, name, verb, username, audit_id, arrayStringConcat(source_ips, ' ') AS came_from, time, digest
        FROM k8s_audit FINAL
        WHERE resource = 'pods' AND object_uid = '' AND name != '' AND subresource IN ('', 'eviction') AND code < 400 AND position(request_uri, 'dryRun=') = 0
          AND (verb IN ('create', 'delete') OR code = 201) AND /*scope name (cluster, namespace, name)*/ 1
    ),
    with_requests AS
    (
        SELECT
            p.*,
            -- of the pod of the name before and after it is not
            if(p.made.2 != '' OR p.owned.3 != '' OR c.time <= p.before, p.made, (c.username, c.audit_id, c.came_from, c.time, c.digest)) AS creation,
            multiIf(p.removed.2 != '', p.removed, d.audit_id != '' AND (p.next.2 = '' OR d.time < p.next.1),
                (d.username, d.audit_id, d.time, d.digest, ''), p.removed) AS removal
        FROM in_order AS p
        ASOF LEFT JOIN (SELECT * FROM unnamed WHERE verb != 'delete') AS c ON p.cluster = c.u_cluster AND p.namespace = c.u_namespace AND p.pod = c.name AND p.by_then >= c.time
        ASOF LEFT JOIN (SELECT * FROM unnamed WHERE verb = 'delete') AS d ON p.cluster = d.u_cluster AND p.namespace = d.u_namespace AND p.pod = d.name AND p.from_then <= d.time
    ),
    swept AS
    (
        -- a request for many names none of them; the nodes then delete one by one
        SELECT cluster AS s_cluster, namespace AS s_namespace, username, audit_id, time, digest FROM k8s_audit FINAL
        WHERE resource = 'pods' AND verb = 'deletecollection' AND code < 400 AND position(request_uri, 'dryRun=') = 0 AND /*scope space (cluster, namespace)*/ 1
    ),
    nodes_gone AS
    (
        SELECT cluster AS g_cluster, name AS g_node, username, audit_id, time, digest FROM k8s_audit FINAL WHERE resource = 'nodes' AND verb = 'delete' AND subresource = '' AND code < 400
    ),
    changes AS
    (
        -- the workload's own controller writes down what it did
        SELECT cluster AS h_cluster, toString(resource) AS h_resource, namespace AS h_namespace, name, username, audit_id, arrayStringConcat(source_ips, ' ') AS came_from, time, digest
        FROM k8s_audit FINAL
        WHERE verb IN ('update', 'patch') AND subresource IN ('', 'scale') AND code = 200 AND name != '' AND resource NOT IN ('pods', 'events', 'leases')
          AND position(request_uri, 'dryRun=') = 0 AND username != 'system:kube-controller-manager' AND /*scope space (cluster, namespace)*/ 1
          AND NOT match(username, '^system:serviceaccount:kube-system:(deployment|replicaset|statefulset|daemon-set|job|cronjob|ttl-after-finished)-controller$|^system:serviceaccount:kube-system:generic-garbage-collector$')
    ),
    spaces AS
    (
        SELECT cluster AS n_cluster, name, argMax(labels, (time, digest)) AS n_labels FROM k8s_audit FINAL WHERE resource = 'namespaces' AND notEmpty(labels) AND code < 400 AND /*scope space (cluster, name)*/ 1 GROUP BY cluster, name
    ),
    owned_by AS
    (
        SELECT p.*, w.* EXCEPT (w_cluster), if(p.creation.2 != '', p.creation.4, p.first_seen) AS made_at, last_removed.1 AS removed_last
        FROM with_requests AS p
        LEFT ANY JOIN
        (
            SELECT cluster AS w_cluster, uid AS w_of, workload_kind AS w_kind, workload_name AS w_name, workload_uid AS w_uid, path AS w_path, method AS w_method, resource AS w_resource,
                   labels AS w_labels, created_by AS w_by, created_audit_id AS w_audit_id, created_from AS w_from, created_at AS w_at, (deleted_by, deleted_audit_id, deleted_at) AS w_deleted
            FROM workloads FINAL
        ) AS w ON w.w_cluster = p.cluster AND w.w_of = p.owned.3 AND p.owned.3 != ''
    ),
    surrounded AS
    (
        SELECT
            p.*,
            (h.username, h.audit_id, h.came_from, h.time) AS change,
            (s.username, s.audit_id, s.time, s.digest) AS sweep,
            (g.username, g.audit_id, g.time, g.digest) AS node_end,
            m.begin_digest AS run_begin_digest,
            m.end_digest AS run_end_digest,
            mapFilter((k, v) -> NOT match(k, '^(io\\.kubernetes\\.|io\\.cri-containerd\\.|annotation\\.)'), m.m_labels) AS run_labels,
            n.n_labels AS space_labels
        FROM owned_by AS p
        ASOF LEFT JOIN changes AS h ON h.h_cluster = p.cluster AND h.h_resource = p.w_resource AND h.h_namespace = p.namespace AND h.name = p.w_name AND p.made_at >= h.time
        ASOF LEFT JOIN swept AS s ON s.s_cluster = p.cluster AND s.s_namespace = p.namespace AND p.removed_last >= s.time
        ASOF LEFT JOIN nodes_gone AS g ON g.g_cluster = p.cluster AND g.g_node = p.node AND p.last_seen <= g.time
        LEFT ANY JOIN marks AS m ON m.m_cluster = p.cluster AND m.m_uid = p.pod_uid
        LEFT ANY JOIN spaces AS n ON n.n_cluster = p.cluster AND n.name = p.namespace
    ),
    asked AS
    (
        -- the kubelet deletes what is to go; who said so came before, at most a long grace period ago
        SELECT *, if(startsWith(removal.1, 'system:node:') AND sweep.2 != '' AND sweep.3 >= first_seen AND sweep.3 >= removal.3 - INTERVAL 10 MINUTE,
                     (sweep.1, sweep.2, sweep.3, sweep.4, ''), removal) AS ask,
               mirror_uid != '' AS is_static
        FROM surrounded
    ),
    timed AS
    (
        SELECT
            *,
            multiIf(
                run_end > 0, run_end,
                runs AND node_end.2 = '' AND next.2 = '', toDateTime64(0, 9, 'UTC'),
                NOT is_static AND removal.2 != '', greatest(removal.3, last_removed.1),
                stopped.1 != '', stopped.3,
                node_end.2 != '', node_end.3,
                next.2 != '', next.1,
                toDateTime64(0, 9, 'UTC')) AS end_time
        FROM asked
    ),
    ended AS
    (
        SELECT *, end_time > 0 AND NOT is_static AND ask.2 != '' AND ask.3 <= end_time + slack AND NOT (stopped.1 != '' AND stopped.3 < ask.3) AS was_asked,
               extract(ask.1, '^system:serviceaccount:kube-system:(.+)$') AS controller
        FROM timed
    ),
    reasoned AS
    (
        SELECT
            *,
            multiIf(
                end_time = 0, '',
                stopped.2 = 'Evicted' AND (NOT was_asked OR startsWith(ask.1, 'system:node:')), 'evicted',
                was_asked AND ask.5 = 'eviction', 'evicted',
                was_asked AND controller IN ('taint-eviction-controller', 'node-controller', 'pod-garbage-collector') AND (node_end.2 != '' OR stopped.2 = 'NodeLost'), 'node-gone',
                was_asked AND controller = 'taint-eviction-controller', 'evicted',
                was_asked AND ask.1 = 'system:kube-scheduler', 'preempted',
                was_asked AND controller = 'generic-garbage-collector', 'owner-deleted',
                was_asked AND controller = 'namespace-controller', 'namespace-deleted',
                was_asked, 'deleted',
                stopped.1 = 'Succeeded', 'completed',
                stopped.1 = 'Failed', 'failed',
                run_end > 0 AND exit_status = 0, 'completed',
                run_end > 0 AND exit_status > 0, 'failed',
                run_end > 0, 'ended',
                end_time = node_end.3, 'node-gone',
                'replaced') AS reason,
            -- the label is the Deployment's controller's alone
            w_kind IN ('', 'ReplicaSet') AND owned.1 = 'ReplicaSet' AND pod_labels['pod-template-hash'] != '' AND endsWith(owned.2, concat('-', pod_labels['pod-template-hash'])) AS is_guessed,
            owned.3 = '' AND NOT is_static AS is_bare,
            if(notEmpty(pod_labels), pod_labels, run_labels) AS all_labels
        FROM ended
    ),
    told AS
    (
        SELECT
            *,
            multiIf(
                reason = 'owner-deleted' AND w_deleted.2 != '', (w_deleted.1, w_deleted.2),
                reason = 'node-gone' AND node_end.2 != '', (node_end.1, node_end.2),
                was_asked AND NOT (reason = 'evicted' AND stopped.2 = 'Evicted'), (ask.1, ask.2),
                ('', '')) AS ender,
            multiIf(
                end_time = 0, [],
                run_end > 0 OR was_asked, [if(run_end > 0, run_end_digest, last_removed.2), if(was_asked, ask.4, none), if(was_asked, none, stopped.4)],
                stopped.1 != '', [stopped.4],
                reason = 'node-gone', [node_end.4],
                [next.3]) AS end_marks,
            multiIf(
                is_guessed, ('Deployment', substring(owned.2, 1, length(owned.2) - length(pod_labels['pod-template-hash']) - 1), '', 'name'),
                w_kind != '', (toString(w_kind), w_name, w_uid, toString(w_method)),
                owned.3 != '', (owned.1, owned.2, owned.3, 'owner-reference'),
                is_static, ('Node', toString(node), '', ''),
                has_body, ('Pod', pod, pod_uid, ''),
                ('', '', '', '')) AS top,
            -- of the pod itself, of its workload, of its namespace: the nearest says it
            arrayMap(keys -> arrayFirst(v -> v != '', arrayFlatten(arrayMap(m -> arrayMap(
                    k -> if(m[k] != '' OR position(k, '/') > 0, m[k], m[arraySort(arrayFilter(x -> endsWith(x, concat('/', k)), mapKeys(m)))[1]]), keys),
                [all_labels, w_labels, space_labels]))), [{owner_labels:Array(String)}, {team_labels:Array(String)}, {sensitivity_labels:Array(String)}]) AS context
        FROM reasoned
    )
SELECT
    cluster,
    pod_uid, namespace, pod, node,
    arraySort(ips) AS ips,
    service_account,
    owned.1 AS owner_kind,
    owned.2 AS owner_name,
    owned.3 AS owner_uid,
    creation.1 AS created_by,
    creation.2 AS created_audit_id,
    ask.1 AS deleted_by,
    ask.2 AS deleted_audit_id,
    arraySort(images) AS images,
    arraySort(host_paths) AS host_paths,
    privileged, host_network, host_pid,
    creation.4 AS created_at,
    if(creation.4 > 0, least(creation.4, first_seen), first_seen) AS first_seen,
    greatest(last_seen, end_time) AS last_seen,
    end_time AS ended_at,
    arraySort(arrayDistinct(arrayFilter(d -> d != none, arrayConcat(digests, [creation.5, ask.4])))) AS digests,
    mirror_uid,
    known_by,
    all_labels AS labels,
    arraySort(arrayDistinct(image_digests)) AS image_digests,
    reason AS end_reason,
    ender.1 AS ended_by,
    ender.2 AS ended_audit_id,
    arraySort(arrayDistinct(arrayFilter(d -> d != none, [if(creation.5 != none, creation.5, first.2), run_begin_digest]))) AS begin_digests,
    arraySort(arrayDistinct(arrayFilter(d -> d != none, end_marks))) AS end_digests,
    top.1 AS workload_kind,
    top.2 AS workload_name,
    top.3 AS workload_uid,
    arrayConcat(multiIf(w_kind != '', w_path, owned.3 != '', [concat(owned.1, '/', owned.2)], []), if(is_guessed, [concat('Deployment/', top.2)], [])) AS workload_path,
    top.4 AS workload_method,
    multiIf(is_bare, creation.1, is_guessed, '', w_by) AS creator,
    multiIf(is_bare, creation.2, is_guessed, '', w_audit_id) AS creator_audit_id,
    multiIf(is_bare, creation.3, is_guessed, '', w_from) AS creator_from,
    multiIf(is_bare, creation.4, is_guessed, toDateTime64(0, 9, 'UTC'), w_at) AS creator_at,
    change.1 AS changed_by,
    change.2 AS changed_audit_id,
    change.3 AS changed_from,
    change.4 AS changed_at,
    context[1] AS owner,
    context[2] AS team,
    context[3] AS sensitivity,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM told
