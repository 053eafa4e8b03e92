-- One row a container, from all that tells of it: the runtime's events and documents, pods' statuses in the API, what runtimes were called for
-- (runtime-calls.sql), and what a collector read in cgroups. Each alone gives a lifetime, as far as it tells.
-- A time of 1970 is one that nothing told. Events go before documents: a document tells of its container as it was when read. Then come
-- the kernel's times of the runtime's calls, then whole seconds from the API.
-- image_digest: of the manifest, from the container's own records, else from the documents of its node's images, found by the id
-- of the image or by its name; a name that has stood for several digests there tells none.
-- Algorithm: fold each source by container; join them; then what others tell of its end: the container that took its place in the pod, its
-- pod that the kubelet removed, its node that was removed or started again.
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
        FROM (SELECT * FROM runtime FINAL WHERE /*scope container (cluster, node, container_id)*/ 1)
        WHERE NOT startsWith(topic, '/snapshot') AND NOT startsWith(topic, '/images') AND container_id != ''
        GROUP BY cluster, node, container_id
    ),
    calls AS ({runtime_calls}),
    called AS
    (
        SELECT
            c.cluster AS cluster,
            c.node AS node,
            c.container_id AS container_id,
            min(c.runtime_namespace) AS c_namespace,
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
        FROM calls AS c
        ASOF LEFT JOIN (SELECT cluster, node, pid, time, container_id FROM calls WHERE verb = 'shim') AS s
            ON c.cluster = s.cluster AND c.node = s.node AND c.ppid = s.pid AND c.time >= s.time
        WHERE /*scope container (c.cluster, c.node, c.container_id)*/ 1
        GROUP BY cluster, node, container_id
    ),
    noted AS
    (
        SELECT cluster, node, cgroup_container_id AS container_id, min(time) AS n_first, max(time) AS n_last, argMin(digests[1], (time, serial)) AS n_digest, argMax(digests[1], (time, serial)) AS n_last_digest
        FROM auditd FINAL
        WHERE cgroup_container_id != '' AND /*scope container (cluster, node, cgroup_container_id)*/ 1
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
            WHERE resource = 'pods' AND object_uid != '' AND code < 400 AND /*scope pod (cluster, object_uid)*/ 1
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
    counted AS (SELECT *, count() OVER (PARTITION BY cluster, container_id) AS nodes FROM on_nodes),
    everywhere AS
    (
        SELECT
            if(o.container_id != '', o.cluster, a.cluster) AS cluster,
            if(o.container_id != '', o.node, a.a_node) AS node,
            if(o.container_id != '', o.container_id, a.container_id) AS container_id,
            o.* EXCEPT (cluster, node, container_id),
            a.* EXCEPT (cluster, container_id),
            a.container_id != '' AND (o.container_id = '' OR o.nodes = 1 OR o.node = a.a_node) AS in_api
        FROM counted AS o FULL JOIN told AS a ON o.cluster = a.cluster AND o.container_id = a.container_id
    ),
    sandboxes AS (SELECT DISTINCT cluster, node, c_sandbox_id FROM called WHERE c_sandbox_id NOT IN ('', container_id)),
    pod_facts AS
    (
        SELECT
            cluster,
            object_uid AS pod_uid,
            groupUniqArrayArray(init_containers) AS inits,
            groupUniqArrayArray(arrayMap(e -> splitByChar('=', e)[1], ephemeral_containers)) AS ephemerals,
            -- the kubelet removes a pod once its containers are gone; others' requests only ask for it
            minIf(time, verb = 'delete' AND subresource = '' AND startsWith(username, 'system:node:') AS is_removal) AS removed,
            argMinIf(digest, time, is_removal) AS removal
        FROM k8s_audit FINAL
        WHERE resource = 'pods' AND object_uid != '' AND code < 400 AND (notEmpty(init_containers) OR notEmpty(ephemeral_containers) OR verb = 'delete')
            AND /*scope pod (cluster, object_uid)*/ 1
        GROUP BY cluster, object_uid
    ),
    images AS
    (
        SELECT
            cluster,
            node,
            known_as,
            if(uniqExact(image_digest) = 1, any(image_digest), '') AS digest,
            min(image_names[1]) AS name
        FROM (SELECT * FROM runtime FINAL WHERE topic = 'image' AND image_digest != '')
        ARRAY JOIN arrayConcat(image_names, [image_id]) AS known_as
        WHERE known_as != ''
        GROUP BY cluster, node, known_as
    ),
    devices AS
    (
        SELECT cluster, node, container_id, argMax(dev, (mounted_at, dev)) AS dev FROM rootfs_devices FINAL GROUP BY cluster, node, container_id
    ),
    lives AS
    (
        SELECT
            e.cluster AS cluster,
            e.node AS node,
            e.container_id AS container_id,
            if(e.runtime_namespace != '', e.runtime_namespace, e.c_namespace) AS runtime_namespace,
            if(e.container_name != '', e.container_name, if(e.in_api, e.a_name, '')) AS container_name,
            if(e.namespace != '', e.namespace, if(e.in_api, e.a_namespace, '')) AS namespace,
            if(e.pod != '', e.pod, if(e.in_api, e.a_pod, '')) AS pod,
            if(e.pod_uid != '', e.pod_uid, if(e.in_api, e.a_pod_uid, '')) AS pod_uid,
            if(e.kind = '' AND s.c_sandbox_id != '', 'sandbox', e.kind) AS runtime_kind,
            multiIf(e.sandbox_id != '', e.sandbox_id, e.c_sandbox_id != '', e.c_sandbox_id, runtime_kind = 'sandbox', e.container_id, '') AS sandbox_id,
            if(e.image != '', e.image, if(e.in_api, e.a_image, '')) AS image,
            if(e.image_digest != '', e.image_digest, if(e.in_api, extract(e.a_image_id, '@(sha256:[0-9a-f]{64})$'), '')) AS image_digest,
            if(e.image_id != '', e.image_id, if(e.in_api, extract(e.a_image_id, '^sha256:[0-9a-f]{64}$'), '')) AS image_id,
            e.args AS args, e.env_names AS env_names, e.mount_sources AS mount_sources, e.mount_targets AS mount_targets,
            e.privileged AS privileged, e.capabilities AS capabilities,
            if(e.pid = 0, -1, e.pid) AS pid,
            if(e.in_api, e.a_kind, '') AS api_kind,
            if(e.begun > 0, e.begun, toDateTime64(e.c_created_at, 9, 'UTC')) AS created_at,
            multiIf(e.run > 0, e.run, e.c_started_at > 0, toDateTime64(e.c_started_at, 9, 'UTC'), e.in_api, toDateTime64(e.a_started_at, 9, 'UTC'), never) AS started_at,
            e.in_api AND e.a_ended_at > 0 AS api_tells_end,
            -- CRI-O deletes a container with its pod, long after its end; the API's second has begun before it
            if(api_tells_end AND (e.c_deleted_at = 0 OR e.c_deleted_at > e.a_ended_at + toIntervalSecond(1)), toDateTime64(e.a_ended_at, 9, 'UTC'), toDateTime64(e.c_deleted_at, 9, 'UTC')) AS told_end,
            multiIf(e.ended_at > 0, e.ended_at, e.runs_again, never, told_end) AS ended,
            if(e.removed_at > 0, e.removed_at, toDateTime64(e.c_deleted_at, 9, 'UTC')) AS removed_at,
            -- a source that tells nothing of this container gives zeros
            multiIf(e.ended_at > 0, e.exit_code, api_tells_end AND NOT e.runs_again, e.a_exit_code, -1) AS exit_status,
            e.was_short_of_memory AND exit_status IN (137, -1) OR api_tells_end AND e.a_reason = 'OOMKilled' AS is_oom,
            api_tells_end AND e.a_signal > 0 AS is_signal,
            arrayFilter(t -> t > 0, [e.first_told, toDateTime64(e.c_first, 9, 'UTC'), toDateTime64(e.n_first, 9, 'UTC'), if(e.in_api, e.a_first, never), created_at, started_at]) AS firsts,
            arrayMin(firsts) AS first_seen,
            arrayMax([e.last_told, toDateTime64(e.c_last, 9, 'UTC'), toDateTime64(e.n_last, 9, 'UTC'), if(e.in_api, greatest(toDateTime64(e.a_started_at, 9, 'UTC'), ended), never), ended]) AS last_seen,
            arrayConcat(if(e.has_events, ['runtime'], []), if(e.has_documents, ['documents'], []), if(e.in_api, ['api'], []),
                if(e.c_first > 0, ['auditd'], []), if(e.n_first > 0, ['cgroup'], [])) AS known_by,
            if(notEmpty(e.begin_digests), e.begin_digests, if(notEmpty(e.c_begin_digests), e.c_begin_digests, if(e.in_api, e.a_begin_digests, []))) AS begin_digests,
            arrayConcat(e.end_digests, e.c_end_digests, if(e.in_api, e.a_end_digests, [])) AS end_digests,
            arrayConcat(e.digests, e.c_digests, if(e.n_first > 0, [e.n_digest, e.n_last_digest], []), if(e.in_api, arrayConcat(e.a_begin_digests, e.a_end_digests), [])) AS digests
        FROM everywhere AS e
        LEFT ANY JOIN sandboxes AS s ON e.cluster = s.cluster AND e.node = s.node AND e.container_id = s.c_sandbox_id
    ),
    -- a sandbox that only its shim tells of is its containers' pod's
    in_pods AS
    (
        SELECT
            * REPLACE (
                if(pod_uid != '', namespace, maxIf(namespace, pod_uid != '') OVER in_its_sandbox) AS namespace,
                if(pod_uid != '', pod, maxIf(pod, pod_uid != '') OVER in_its_sandbox) AS pod,
                if(pod_uid != '', pod_uid, max(pod_uid) OVER in_its_sandbox) AS pod_uid)
        FROM lives
        WINDOW in_its_sandbox AS (PARTITION BY cluster, node, if(sandbox_id = '', container_id, sandbox_id))
    ),
    -- the next container of that name in its pod: one of a pod's containers runs at a time
    followed AS
    (
        SELECT *,
            greatest(created_at, started_at) AS appeared,
            pod_uid != '' AND (container_name != '' OR runtime_kind = 'sandbox') AS has_place,
            leadInFrame(if(created_at > 0, created_at, started_at)) OVER in_its_place AS next_begun,
            leadInFrame(begin_digests) OVER in_its_place AS next_digests
        FROM in_pods
        WINDOW in_its_place AS (PARTITION BY cluster, pod_uid, runtime_kind = 'sandbox', container_name, if(pod_uid = '', container_id, '')
            ORDER BY greatest(created_at, started_at), container_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    losses AS
    (
        SELECT cluster, name AS node, time AS lost_at, digest FROM k8s_audit FINAL WHERE resource = 'nodes' AND subresource = '' AND verb = 'delete' AND code < 400 AND name != ''
        UNION ALL
        SELECT cluster, node, toDateTime64(time, 9, 'UTC'), digests[1] FROM auditd FINAL WHERE has(record_types, 'SYSTEM_BOOT')
    ),
    judged AS
    (
        SELECT
            f.*,
            p.removed AS pod_removed_at, p.removal AS pod_removal, p.inits AS inits, p.ephemerals AS ephemerals,
            l.lost_at AS lost_at, l.digest AS loss,
            multiIf(
                f.ended > 0, 'known',
                f.removed_at > 0, 'removed',
                f.has_place AND f.next_begun > f.appeared AND f.next_begun >= f.last_seen, 'followed',
                l.lost_at > 0, 'lost',
                p.removed > 0 AND p.removed >= f.last_seen, 'pod removed',
                'open') AS how
        FROM followed AS f
        LEFT ANY JOIN pod_facts AS p ON f.cluster = p.cluster AND f.pod_uid = p.pod_uid AND f.pod_uid != ''
        ASOF LEFT JOIN losses AS l ON f.cluster = l.cluster AND f.node = l.node AND f.last_seen < l.lost_at
    )
SELECT
    f.cluster AS cluster,
    f.node AS node,
    f.container_id AS container_id,
    f.runtime_namespace AS runtime_namespace,
    multiIf(
        f.runtime_kind = 'sandbox', 'sandbox',
        f.api_kind != '', f.api_kind,
        has(f.ephemerals, f.container_name) AND f.container_name != '', 'ephemeral',
        has(f.inits, f.container_name) AND f.container_name != '', 'init',
        'container') AS kind,
    f.container_name AS container_name,
    f.namespace AS namespace,
    f.pod AS pod,
    f.pod_uid AS pod_uid,
    f.sandbox_id AS sandbox_id,
    if(match(f.image, '^(sha256:)?[0-9a-f]{64}$') AND of_id.name != '', of_id.name, f.image) AS image,
    multiIf(f.image_digest != '', f.image_digest, of_id.digest != '', of_id.digest, of_name.digest) AS image_digest,
    f.args AS args,
    f.env_names AS env_names,
    f.mount_sources AS mount_sources,
    f.mount_targets AS mount_targets,
    f.privileged AS privileged,
    f.capabilities AS capabilities,
    f.pid AS pid,
    d.dev AS rootfs_dev,
    f.created_at AS created_at,
    f.started_at AS started_at,
    multiIf(f.how = 'known', f.ended, f.how = 'removed', f.removed_at, f.how = 'followed', f.next_begun, f.how = 'lost', f.lost_at, f.how = 'pod removed', f.pod_removed_at, never) AS ended_at,
    f.removed_at AS removed_at,
    f.exit_status AS exit_status,
    f.first_seen AS first_seen,
    greatest(f.last_seen, if(f.how IN ('open', 'lost'), never, ended_at)) AS last_seen,
    multiIf(
        f.how = 'open', '',
        f.how = 'lost', 'node gone',
        f.how = 'followed', 'unknown',
        f.how IN ('removed', 'pod removed'), 'deleted',
        f.is_oom, 'oom',
        f.exit_status = -1, if(f.removed_at > 0 AND f.removed_at = f.ended, 'deleted', 'unknown'),
        -- runtimes tell a signal as a shell does
        f.is_signal OR f.exit_status BETWEEN 129 AND 192, 'signal',
        'exit') AS ended_by,
    f.known_by AS known_by,
    arraySort(arrayDistinct(f.begin_digests)) AS begin_digests,
    arraySort(arrayDistinct(multiIf(f.how = 'followed', f.next_digests, f.how = 'lost', [f.loss], f.how = 'pod removed', [f.pod_removal], f.end_digests))) AS end_digests,
    arraySort(arrayDistinct(f.digests)) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM judged AS f
LEFT ANY JOIN images AS of_id ON of_id.cluster = f.cluster AND of_id.node = f.node AND of_id.known_as = f.image_id AND f.image_id != ''
LEFT ANY JOIN images AS of_name ON of_name.cluster = f.cluster AND of_name.node = f.node AND of_name.known_as = f.image
LEFT ANY JOIN devices AS d ON d.cluster = f.cluster AND d.node = f.node AND d.container_id = f.container_id
