-- Container runtime events and container documents to rows of runtime.
--
-- Sample of an event (ctr events): 2026-11-23 13:09:55.9 +0000 UTC k8s.io /tasks/start {"container_id":"0aba...","pid":29543}
-- Sample of a document: {"observedAt":"...","namespace":"k8s.io","id":"7a43...","info":{"ID":"7a43...","Labels":{...},"Image":"...","Spec":{...}}}
-- Specification: containerd api/events/*.proto; OCI runtime-spec config.md for Spec
--
-- Input: input_records (cluster, node, format, raw, digest, loader, seq), recognised as containerd-event or containerd-container.
WITH
    split AS
    (
        SELECT
            *,
            format = 'containerd-container' AS is_document,
            if(is_document, [], extractGroups(raw, '^(\\S+ \\S+) \\+0000 UTC (\\S+) (/\\S+) (\\{.*)$')) AS parts,
            if(is_document, raw, parts[4]) AS body,
            JSONExtract(body, 'Tuple(
                container_id String, id String, key String, exec_id String, pid Int64, exit_status Int32, image String, bundle String,
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
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(multiIf(NOT is_document, parts[1], b.observedAt != '', b.observedAt, c.CreatedAt), 9, 'UTC') AS time,
    if(is_document, b.namespace, parts[2]) AS runtime_namespace,
    if(is_document, 'container', parts[3]) AS topic,
    multiIf(is_document, if(c.ID = '', b.id, c.ID), b.container_id != '', b.container_id, b.id != '', b.id, b.key) AS container_id,
    multiIf(is_document, '', b.exec_id != '', b.exec_id, topic = '/tasks/exit' AND b.id != b.container_id, b.id, '') AS exec_id,
    if(JSONHas(body, 'pid'), b.pid, -1) AS pid,
    b.exit_status AS exit_status,
    if(is_document, c.Image, b.image) AS image,
    b.bundle AS bundle,
    arrayFirst(o -> o != '', arrayMap(o -> extract(o, '^upperdir=(.*)$'), arrayFlatten(arrayMap(r -> r.options, b.rootfs)))) AS upper_dir,
    c.Labels AS labels,
    c.Labels['io.kubernetes.pod.name'] AS pod_name,
    c.Labels['io.kubernetes.pod.namespace'] AS pod_namespace,
    c.Labels['io.kubernetes.pod.uid'] AS pod_uid,
    c.Labels['io.kubernetes.container.name'] AS container_name,
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
    digest,
    loader,
    seq,
    bitShiftLeft(toUInt64(1), 32) AS version
FROM split
