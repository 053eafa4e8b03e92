-- One row a container: its runtime events and documents folded together, with its lifetime.
-- A time of 1970 is one that nothing told. Events go before documents: a document tells of its container as it was when read.
-- image_digest: of the manifest, from the container's own records, else from the documents of its node's images, found by the id
-- of the image or by its name; a name that has stood for several digests there tells none.
WITH
    -- members of a document that another one of the same container may lack
    (time, started_at, finished_at) AS age,
    match(image, '^(sha256:)?[0-9a-f]{64}$') AS is_id,
    folded AS
    (
        SELECT
            cluster,
            node,
            container_id,
            minIf(runtime_namespace, runtime_namespace != '') AS runtime_namespace,
            if(anyIf(kind, kind != '') = '', 'container', anyIf(kind, kind != '')) AS kind,
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
            anyIf(d.dev, d.dev != '') AS rootfs_dev,
            minIf(time, topic = '/containers/create') AS created_event,
            if(created_event > 0, created_event, minIf(created_at, created_at > 0)) AS begun,
            minIf(time, topic = '/tasks/start') AS started_event,
            if(started_event > 0, started_event, minIf(started_at, started_at > 0)) AS run,
            -- the exit of the container's own task, not of an exec in it
            maxIf(time, topic = '/tasks/exit' AND exec_id = '') AS exit_event,
            if(exit_event > 0, exit_event, max(finished_at)) AS ended_at,
            maxIf(time, topic = '/containers/delete') AS removed_at,
            multiIf(
                countIf(topic = '/tasks/exit' AND exec_id = '' AND exit_status != -1 AS tells_exit) > 0, argMaxIf(exit_status, time, tells_exit),
                max(finished_at) > 0, argMaxIf(exit_status, finished_at, finished_at > 0),
                -1) AS exit_code,
            arraySort(groupUniqArray(digest)) AS digests
        FROM (SELECT * FROM runtime FINAL) AS r
        LEFT ANY JOIN
        (
            -- runc names .../ID/rootfs while it prepares a container; see rootfs-devices.sql
            SELECT cluster, node, extract(p.1, '/([^/]+)/rootfs$') AS container_id, anyLast(p.2) AS dev
            FROM auditd FINAL ARRAY JOIN arrayZip(path_names, path_devs) AS p
            WHERE endsWith(p.1, '/rootfs') AND startsWith(p.2, '00:')
            GROUP BY cluster, node, container_id
        ) AS d ON r.cluster = d.cluster AND r.node = d.node AND r.container_id = d.container_id
        WHERE NOT startsWith(topic, '/snapshot') AND NOT startsWith(topic, '/images') AND container_id != ''
        GROUP BY cluster, node, container_id
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
    )
SELECT
    f.cluster AS cluster,
    f.node AS node,
    f.container_id AS container_id,
    f.runtime_namespace AS runtime_namespace,
    f.kind AS kind,
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
    f.rootfs_dev AS rootfs_dev,
    f.begun AS created_at,
    f.run AS started_at,
    f.ended_at AS ended_at,
    f.removed_at AS removed_at,
    f.exit_code AS exit_status,
    f.digests AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM folded AS f
LEFT ANY JOIN images AS of_id ON of_id.cluster = f.cluster AND of_id.node = f.node AND of_id.known_as = f.image_id AND f.image_id != ''
LEFT ANY JOIN images AS of_name ON of_name.cluster = f.cluster AND of_name.node = f.node AND of_name.known_as = f.image
