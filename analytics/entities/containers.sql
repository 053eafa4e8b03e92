-- One row a container: its runtime events and documents folded together, with its lifetime.
-- A time of 1970 is one that no event told.
SELECT
    cluster,
    node,
    container_id,
    anyIf(runtime_namespace, runtime_namespace != '') AS runtime_namespace,
    if(anyIf(kind, kind != '') = '', 'container', anyIf(kind, kind != '')) AS kind,
    anyIf(container_name, container_name != '') AS container_name,
    anyIf(pod_namespace, pod_namespace != '') AS namespace,
    anyIf(pod_name, pod_name != '') AS pod,
    anyIf(pod_uid, pod_uid != '') AS pod_uid,
    anyIf(sandbox_id, sandbox_id != '') AS sandbox_id,
    argMaxIf(image, time, image != '') AS image,
    argMaxIf(args, time, topic = 'container') AS args,
    argMaxIf(env_names, time, topic = 'container') AS env_names,
    argMaxIf(mount_sources, time, topic = 'container') AS mount_sources,
    argMaxIf(mount_targets, time, topic = 'container') AS mount_targets,
    max(privileged) AS privileged,
    argMaxIf(capabilities, time, topic = 'container') AS capabilities,
    if(countIf(topic IN ('/tasks/start', '/tasks/create') AND pid > 0) = 0, -1,
       argMaxIf(pid, time, topic IN ('/tasks/start', '/tasks/create') AND pid > 0)) AS pid,
    anyIf(d.dev, d.dev != '') AS rootfs_dev,
    minIf(time, topic = '/containers/create') AS created_at,
    minIf(time, topic = '/tasks/start') AS started_at,
    -- the exit of the container's own task, not of an exec in it
    maxIf(time, topic = '/tasks/exit' AND exec_id = '') AS ended_at,
    maxIf(time, topic = '/containers/delete') AS removed_at,
    if(countIf(topic = '/tasks/exit' AND exec_id = '') = 0, -1, argMaxIf(exit_status, time, topic = '/tasks/exit' AND exec_id = '')) AS exit_status,
    arraySort(groupUniqArray(digest)) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
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
