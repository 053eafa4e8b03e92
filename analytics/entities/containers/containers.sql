-- One row a container, from all that tells of it ({evidence}: container-evidence.sql, in a table). Each source alone gives a lifetime, as far
-- as it tells. A time of 1970 is one that nothing told. Events go before documents: a document tells of its container as it was when
-- read. Then come the kernel's times of the runtime's calls, then whole seconds from the API.
-- image_digest: of the manifest, from the container's own records, else from the documents of its node's images, found by the id
-- of the image or by its name; a name that has stood for several digests there tells none.
-- Algorithm: choose from the sources; then what others tell of its end: the container that took its place in the pod, its pod that the
-- kubelet removed, its node that was removed or started again.
WITH
    toDateTime64(0, 9, 'UTC') AS never,
    sandboxes AS (SELECT DISTINCT cluster, node, c_sandbox_id FROM {evidence} WHERE c_sandbox_id NOT IN ('', container_id)),
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
            AND /*scope pod*/ 1
        GROUP BY cluster, object_uid
    ),
    images AS MATERIALIZED
    (
        SELECT
            cluster,
            node,
            known_as,
            if(uniqExact(image_digest) = 1, any(image_digest), '') AS digest,
            min(image_names[1]) AS name
        FROM (SELECT * FROM runtime FINAL WHERE topic = 'image' AND image_digest != '' AND (cluster, node, time) IN (SELECT cluster, node, time FROM runtime WHERE topic = 'image'))
        ARRAY JOIN arrayConcat(image_names, [image_id]) AS known_as
        WHERE known_as != ''
        GROUP BY cluster, node, known_as
    ),
    devices AS
    (
        SELECT cluster, node, container_id, argMax(dev, (mounted_at, dev)) AS dev FROM rootfs_devices FINAL WHERE /*scope device*/ 1 GROUP BY cluster, node, container_id
    ),
    named AS
    (
        SELECT
            e.* EXCEPT (runtime_namespace, container_name, namespace, pod, pod_uid, kind, sandbox_id, image, image_digest, image_id, pid),
            if(e.runtime_namespace != '', e.runtime_namespace, e.c_namespace) AS runtime_namespace,
            if(e.container_name != '', e.container_name, if(e.in_api, e.a_name, '')) AS container_name,
            if(e.namespace != '', e.namespace, if(e.in_api, e.a_namespace, '')) AS namespace,
            if(e.pod != '', e.pod, if(e.in_api, e.a_pod, '')) AS pod,
            if(e.pod_uid != '', e.pod_uid, if(e.in_api, e.a_pod_uid, '')) AS pod_uid,
            if(e.kind = '' AND s.c_sandbox_id != '', 'sandbox', e.kind) AS runtime_kind,
            multiIf(e.sandbox_id != '', e.sandbox_id, e.c_sandbox_id != '', e.c_sandbox_id, e.kind = 'sandbox' OR s.c_sandbox_id != '', e.container_id, '') AS sandbox_id,
            if(e.image != '', e.image, if(e.in_api, e.a_image, '')) AS image,
            if(e.image_digest != '', e.image_digest, if(e.in_api, extract(e.a_image_id, '@(sha256:[0-9a-f]{64})$'), '')) AS image_digest,
            if(e.image_id != '', e.image_id, if(e.in_api, extract(e.a_image_id, '^sha256:[0-9a-f]{64}$'), '')) AS image_id,
            -- a source that tells nothing of this container gives zeros
            if(e.pid = 0, -1, e.pid) AS pid,
            if(e.in_api, e.a_kind, '') AS api_kind,
            if(e.begun > 0, e.begun, toDateTime64(e.c_created_at, 9, 'UTC')) AS created_at,
            multiIf(e.run > 0, e.run, e.c_started_at > 0, toDateTime64(e.c_started_at, 9, 'UTC'), e.in_api, toDateTime64(e.a_started_at, 9, 'UTC'), never) AS started_at,
            toDateTime64(e.c_deleted_at, 9, 'UTC') AS deleted_at,
            toDateTime64(if(e.in_api, e.a_ended_at, 0), 9, 'UTC') AS api_end
        FROM {evidence} AS e
        LEFT ANY JOIN sandboxes AS s ON e.cluster = s.cluster AND e.node = s.node AND e.container_id = s.c_sandbox_id
    ),
    timed AS
    (
        SELECT
            *,
            multiIf(
                ended_at > 0, ended_at,
                runs_again, never,
                -- CRI-O deletes a container with its pod, long after its end; the API's second has begun before it
                api_end > 0 AND (deleted_at = 0 OR deleted_at > api_end + toIntervalSecond(1)), api_end,
                deleted_at) AS ended,
            if(removed_at > 0, removed_at, deleted_at) AS gone_at,
            multiIf(ended_at > 0, exit_code, api_end > 0 AND NOT runs_again, a_exit_code, -1) AS exit_status
        FROM named
    ),
    lives AS
    (
        SELECT
            cluster, node, container_id, runtime_namespace, container_name, namespace, pod, pod_uid, runtime_kind, sandbox_id, image, image_digest, image_id,
            args, env_names, mount_sources, mount_targets, privileged, capabilities, pid, api_kind, created_at, started_at, ended, gone_at AS removed_at, exit_status,
            was_short_of_memory AND exit_status IN (137, -1) OR api_end > 0 AND a_reason = 'OOMKilled' AS is_oom,
            api_end > 0 AND a_signal > 0 AS is_signal,
            arrayMin(arrayFilter(t -> t > 0, [first_told, toDateTime64(c_first, 9, 'UTC'), toDateTime64(n_first, 9, 'UTC'), if(in_api, a_first, never), created_at, started_at])) AS first_seen,
            arrayMax([last_told, toDateTime64(c_last, 9, 'UTC'), toDateTime64(n_last, 9, 'UTC'), started_at, ended]) AS last_seen,
            arrayConcat(if(has_events, ['runtime'], []), if(has_documents, ['documents'], []), if(in_api, ['api'], []),
                if(c_first > 0, ['auditd'], []), if(n_first > 0, ['cgroup'], [])) AS known_by,
            multiIf(notEmpty(begin_digests), begin_digests, notEmpty(c_begin_digests), c_begin_digests, in_api, a_begin_digests, []) AS begin_digests,
            arrayConcat(end_digests, c_end_digests, if(in_api, a_end_digests, [])) AS end_digests,
            arrayConcat(digests, c_digests, if(n_first > 0, [n_digest, n_last_digest], []), if(in_api, arrayConcat(a_begin_digests, a_end_digests), [])) AS digests
        FROM timed
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
            AND (cluster, time) IN (SELECT cluster, time FROM k8s_audit WHERE resource = 'nodes' AND verb = 'delete')
        UNION ALL
        SELECT cluster, node, toDateTime64(time, 9, 'UTC'), digest FROM audit_notes FINAL WHERE has(types, 'SYSTEM_BOOT')
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
