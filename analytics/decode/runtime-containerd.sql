-- containerd: events and container documents.
--
-- Sample of an event (ctr events): 2026-11-23 13:09:55.9 +0000 UTC k8s.io /tasks/start {"container_id":"0aba...","pid":29543}
-- Sample of a document: {"observedAt":"...","namespace":"k8s.io","id":"7a43...","info":{"ID":"7a43...","Labels":{...},"Image":"...","Spec":{...}}}
-- Specification: https://github.com/containerd/containerd/tree/main/api/events; Spec is OCI's,
--   https://github.com/opencontainers/runtime-spec/blob/main/config.md
--
-- {json_parts}: an event in JSON, see containerd-json.sql; [] where a batch holds none.
WITH
    split AS
    (
        SELECT
            *,
            format = 'containerd-container' AS is_document,
            multiIf(
                is_document, [],
                format = 'containerd-json', {json_parts},
                extractGroups(raw, '^(\\S+ \\S+) \\+0000 UTC (\\S+) (/\\S+) (\\{.*)$')) AS parts,
            if(is_document, raw, parts[4]) AS body,
            JSONExtract(body, 'Tuple(
                container_id String, id String, key String, name String, sandbox_id String, exec_id String, pid Int64, exit_status Int32, image String, bundle String,
                rootfs Array(Tuple(options Array(String))), observedAt String, namespace String, info String)') AS b,
            if(is_document, b.info, '') AS info,
            JSONExtract(info, 'Tuple(
                ID String, Labels Map(String, String), Image String, CreatedAt String,
                Spec Tuple(
                    process Tuple(args Array(String), env Array(String), capabilities Tuple(effective Array(String))),
                    mounts Array(Tuple(destination String, type String, source String, options Array(String))),
                    annotations Map(String, String),
                    linux Tuple(cgroupsPath String, namespaces Array(Tuple(type String)), maskedPaths Array(String), seccomp String,
                                resources Tuple(devices Array(Tuple(allow Bool, access String, type String))))))') AS c,
            arrayFilter(m -> m.type IN ('bind', 'rbind') OR has(m.options, 'bind') OR has(m.options, 'rbind'), c.Spec.mounts) AS binds
        FROM input_records
        WHERE startsWith(format, 'containerd-') AND format != 'containerd-image'
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(multiIf(NOT is_document, parts[1], b.observedAt != '', b.observedAt, c.CreatedAt), 9, 'UTC') AS time,
    if(is_document, b.namespace, parts[2]) AS runtime_namespace,
    if(is_document, 'container', parts[3]) AS topic,
    multiIf(is_document, if(c.ID = '', b.id, c.ID), b.container_id != '', b.container_id, b.id != '', b.id, b.key != '', b.key, b.sandbox_id) AS container_id,
    multiIf(is_document, '', b.exec_id != '', b.exec_id, topic = '/tasks/exit' AND b.id != b.container_id, b.id, '') AS exec_id,
    if(JSONHas(body, 'pid'), b.pid, -1) AS pid,
    b.exit_status AS exit_status,
    multiIf(is_document, c.Image, startsWith(topic, '/images/'), b.name, b.image) AS image,
    extract(image, '@(sha256:[0-9a-f]{64})$') AS image_digest,
    '' AS image_id,
    [] :: Array(String) AS image_names,
    b.bundle AS bundle,
    arrayFirst(o -> o != '', arrayMap(o -> extract(o, '^upperdir=(.*)$'), arrayFlatten(arrayMap(r -> r.options, b.rootfs)))) AS upper_dir,
    c.Labels AS labels,
    ('', '', '', '') :: Tuple(name String, namespace String, uid String, container String) AS pod,
    if(is_document, coalesce(nullIf(c.Labels['io.cri-containerd.kind'], ''), 'container'), '') AS kind,
    if(is_document, c.Spec.annotations['io.kubernetes.cri.sandbox-id'], '') AS sandbox_id,
    c.Spec.process.args AS args,
    arrayMap(e -> splitByChar('=', e)[1], c.Spec.process.env) AS env_names,
    arrayMap(m -> m.source, binds) AS mount_sources,
    arrayMap(m -> m.destination, binds) AS mount_targets,
    -- what a runtime changes for a privileged container: nothing masked and every device allowed
    is_document AND has(c.Spec.process.capabilities.effective, 'CAP_SYS_ADMIN') AND empty(c.Spec.linux.maskedPaths) AS privileged,
    c.Spec.process.capabilities.effective AS capabilities,
    arrayMap(n -> n.type, c.Spec.linux.namespaces) AS namespaces,
    c.Spec.linux.cgroupsPath AS cgroup,
    parseDateTime64BestEffortOrZero(c.CreatedAt, 9, 'UTC') AS created_at,
    toDateTime64(0, 9, 'UTC') AS started_at,
    toDateTime64(0, 9, 'UTC') AS finished_at,
    digest, loader, seq
FROM split
