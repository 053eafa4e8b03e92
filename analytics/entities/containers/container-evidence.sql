-- All that tells of each container, side by side: the runtime's events and documents, pods' statuses in the API, what runtimes were called for
-- ({runtime_calls}: runtime-calls.sql, in a table), what a collector read in cgroups. A time of 1970 is one that nothing told.
-- Columns: of the runtime as they are named, c_ of the calls, n_ of the cgroups, a_ of the API, where in_api says so.
-- containers.sql decides. Two statements: what is used many times is worked out once.
WITH
    -- members of a document that another one of the same container may lack
    (time, started_at, finished_at) AS age,
    match(image, '^(sha256:)?[0-9a-f]{64}$') AS is_id,
    toDateTime64(0, 9, 'UTC') AS never,
    folded AS
    (
        SELECT
            cluster,
            node,
            container_id,
            minIf(runtime_namespace, runtime_namespace != '') AS runtime_namespace,
            anyIf(kind, kind != '') AS kind,
            argMaxIf(container_name, time, container_name != '') AS container_name,
            anyIf(pod_namespace, pod_namespace != '') AS namespace,
            anyIf(pod_name, pod_name != '') AS pod,
            anyIf(pod_uid, pod_uid != '') AS pod_uid,
            anyIf(sandbox_id, sandbox_id != '') AS sandbox_id,
            -- Docker is given an id by the kubelet: a name, where one is told, says more
            argMaxIf(image, (NOT is_id, time), image != '') AS image,
            argMaxIf(image_digest, time, image_digest != '') AS image_digest,
            argMaxIf(if(is_id, image, image_id), time, is_id OR image_id != '') AS image_id,
            argMaxIf(args, age, topic = 'container' AND notEmpty(args)) AS args,
            argMaxIf(env_names, age, topic = 'container' AND notEmpty(env_names)) AS env_names,
            argMaxIf(mount_sources, age, topic = 'container' AND notEmpty(mount_sources)) AS mount_sources,
            argMaxIf(mount_targets, age, topic = 'container' AND notEmpty(mount_sources)) AS mount_targets,
            max(privileged) AS privileged,
            argMaxIf(capabilities, age, topic = 'container' AND notEmpty(capabilities)) AS capabilities,
            if(countIf(names_pid) = 0, -1, argMaxIf(pid, greatest(time, started_at), topic IN ('/tasks/start', '/tasks/create', 'container') AND pid > 0 AS names_pid)) AS pid,
            minIf(time, topic = '/containers/create') AS created_event,
            if(created_event > 0, created_event, minIf(created_at, created_at > 0)) AS begun,
            minIf(time, topic = '/tasks/start') AS started_event,
            if(started_event > 0, started_event, minIf(started_at, started_at > 0)) AS run,
            -- the exit of the container's own task, not of an exec in it
            maxIf(time, topic = '/tasks/exit' AND exec_id = '') AS exit_event,
            if(exit_event > 0, exit_event, max(finished_at)) AS left_at,
            -- Docker starts a container again under its id; one that lives for a millisecond may be told to end before it is told to start
            countIf(topic = '/tasks/start') > 1 AND maxIf(time, topic = '/tasks/start') > exit_event AS runs_again,
            if(runs_again, never, left_at) AS ended_at,
            maxIf(time, topic = '/containers/delete') AS removed_at,
            multiIf(
                runs_again, -1,
                countIf(topic = '/tasks/exit' AND exec_id = '' AND exit_status != -1 AS tells_exit) > 0, argMaxIf(exit_status, time, tells_exit),
                max(finished_at) > 0, argMaxIf(exit_status, finished_at, finished_at > 0),
                -1) AS exit_code,
            countIf(topic = '/tasks/oom') > 0 AS was_short_of_memory,
            countIf(topic != 'container') > 0 AS has_events,
            countIf(topic = 'container') > 0 AS has_documents,
            min(time) AS first_told,
            max(greatest(time, finished_at)) AS last_told,
            groupUniqArrayIf(digest, topic IN ('/containers/create', '/tasks/create', '/tasks/start') OR topic = 'container' AND created_at > 0) AS begin_digests,
            groupUniqArrayIf(digest, topic IN ('/tasks/oom', '/containers/delete') OR topic = '/tasks/exit' AND exec_id = '' OR topic = 'container' AND finished_at > 0) AS end_digests,
            arraySort(groupUniqArray(digest)) AS digests
        FROM (SELECT * FROM runtime FINAL WHERE /*scope runtime*/ 1)
        WHERE NOT startsWith(topic, '/snapshot') AND NOT startsWith(topic, '/images') AND container_id != ''
        GROUP BY cluster, node, container_id
    ),
    called AS
    (
        SELECT
            c.cluster AS cluster,
            c.node AS node,
            c.container_id AS container_id,
            minIf(c.runtime_namespace, c.runtime_namespace != '') AS c_namespace,
            -- all containers of a pod have one shim, which bears the name of its sandbox
            argMaxIf(s.container_id, s.time, NOT startsWith(c.verb, 'shim') AND s.container_id != '') AS c_sandbox_id,
            minIf(c.time, c.verb IN ('create', 'run', 'restore')) AS c_created_at,
            minIf(c.time, c.verb IN ('start', 'run', 'restore')) AS c_started_at,
            maxIf(c.time, c.verb = 'delete') AS c_last_delete,
            if(c_last_delete > maxIf(c.time, c.verb IN ('create', 'run', 'restore')), c_last_delete, never) AS c_deleted_at,
            min(c.time) AS c_first,
            max(c.time) AS c_last,
            groupUniqArrayIf(c.digest, c.verb IN ('create', 'run', 'restore', 'start')) AS c_begin_digests,
            groupUniqArrayIf(c.digest, c.verb IN ('delete', 'shim-delete')) AS c_end_digests,
            groupUniqArray(c.digest) AS c_digests
        FROM {runtime_calls} AS c
        ASOF LEFT JOIN (SELECT cluster, node, pid, time, container_id FROM {runtime_calls} WHERE verb = 'shim') AS s
            ON c.cluster = s.cluster AND c.node = s.node AND c.ppid = s.pid AND c.time >= s.time
        WHERE /*scope call*/ 1
        GROUP BY cluster, node, container_id
    ),
    noted AS
    (
        SELECT cluster, node, cgroup_container_id AS container_id, min(time) AS n_first, max(time) AS n_last, argMin(digests[1], (time, serial)) AS n_digest, argMax(digests[1], (time, serial)) AS n_last_digest
        FROM auditd FINAL
        WHERE cgroup_container_id != '' AND /*scope cgroup*/ 1
        GROUP BY cluster, node, container_id
    ),
    told AS
    (
        SELECT
            cluster,
            s.container_id AS container_id,
            -- who may write a status may write another's container into it: the kubelet knows best
            argMax(if(startsWith(username, 'system:node:'), substring(username, 13), node_name), rank) AS a_node,
            argMax(s.kind, rank) AS a_kind,
            argMax(s.name, rank) AS a_name,
            argMax(namespace, rank) AS a_namespace,
            argMax(name, rank) AS a_pod,
            argMax(object_uid, rank) AS a_pod_uid,
            argMaxIf(s.image, rank, s.image != '') AS a_image,
            argMaxIf(s.image_id, rank, s.image_id != '') AS a_image_id,
            minIf(s.started_at, s.started_at > 0) AS a_started_at,
            max(s.finished_at) AS a_ended_at,
            argMaxIf(s.exit_code, rank, s.finished_at > 0) AS a_exit_code,
            argMaxIf(s.signal, rank, s.finished_at > 0) AS a_signal,
            argMaxIf(s.reason, rank, s.finished_at > 0) AS a_reason,
            min(time) AS a_first,
            max(time) AS a_last,
            groupArrayIf(digest, time = first_started) AS a_begin_digests,
            groupArrayIf(digest, time = first_ended) AS a_end_digests
        FROM
        (
            SELECT cluster, s, username, node_name, namespace, name, object_uid, time, digest, (startsWith(username, 'system:node:'), time, digest) AS rank,
                minIf(time, s.started_at > 0) OVER (PARTITION BY cluster, s.container_id) AS first_started,
                minIf(time, s.finished_at > 0) OVER (PARTITION BY cluster, s.container_id) AS first_ended
            FROM k8s_audit FINAL ARRAY JOIN container_statuses AS s
            WHERE resource = 'pods' AND object_uid != '' AND code < 400 AND /*scope status*/ 1
        )
        GROUP BY cluster, container_id
    ),
    called_or_folded AS
    (
        SELECT
            if(f.container_id != '', f.cluster, c.cluster) AS cluster,
            if(f.container_id != '', f.node, c.node) AS node,
            if(f.container_id != '', f.container_id, c.container_id) AS container_id,
            f.* EXCEPT (cluster, node, container_id),
            c.* EXCEPT (cluster, node, container_id)
        FROM folded AS f FULL JOIN called AS c ON f.cluster = c.cluster AND f.node = c.node AND f.container_id = c.container_id
    ),
    on_nodes AS
    (
        SELECT
            if(b.container_id != '', b.cluster, n.cluster) AS cluster,
            if(b.container_id != '', b.node, n.node) AS node,
            if(b.container_id != '', b.container_id, n.container_id) AS container_id,
            b.* EXCEPT (cluster, node, container_id),
            n.* EXCEPT (cluster, node, container_id)
        FROM called_or_folded AS b FULL JOIN noted AS n ON b.cluster = n.cluster AND b.node = n.node AND b.container_id = n.container_id
    ),
    -- a node may be called otherwise in the API than by its collectors; of an id on several nodes the API's is one
    counted AS (SELECT *, count() OVER (PARTITION BY cluster, container_id) AS nodes FROM on_nodes)
SELECT
    if(o.container_id != '', o.cluster, a.cluster) AS cluster,
    if(o.container_id != '', o.node, a.a_node) AS node,
    if(o.container_id != '', o.container_id, a.container_id) AS container_id,
    o.* EXCEPT (cluster, node, container_id),
    a.* EXCEPT (cluster, container_id),
    a.container_id != '' AND (o.container_id = '' OR o.nodes = 1 OR o.node = a.a_node) AS in_api
FROM counted AS o FULL JOIN told AS a ON o.cluster = a.cluster AND o.container_id = a.container_id
