-- CRI: status documents of containers and sandboxes, as `crictl inspect` and `crictl inspectp` print them.
--
-- Sample: {"status":{"id":"0aba...","metadata":{"name":"app"},"createdAt":"2026-11-23T13:09:55.9Z","startedAt":"...","finishedAt":"...",
--   "exitCode":0,"image":{"image":"web:1"},"imageRef":"web@sha256:...","labels":{...},"mounts":[{"containerPath":"/d","hostPath":"/data"}]},
--   "info":{"pid":29543,"sandboxID":"7a43...","privileged":false,"runtimeSpec":{...}}}
-- Sample of the same by gRPC: {"status":{...,"createdAt":"1795439398624000000"},"info":{"info":"{\"pid\":29543,...}"}}
-- Specification: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto (ContainerStatus, PodSandboxStatus);
--   info is each runtime's own: https://github.com/containerd/containerd/blob/main/internal/cri/server/container_status.go,
--   https://github.com/cri-o/cri-o/blob/main/server/container_status.go
--
-- It does not say when it was read: the row's time is that of the container's creation.
WITH
    read AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(info String, status Tuple(
                id String, metadata Tuple(name String, namespace String, uid String), createdAt String, created_at String, startedAt String, started_at String,
                finishedAt String, finished_at String, exitCode Int32, exit_code Int32, image Tuple(image String, userSpecifiedImage String, user_specified_image String),
                imageRef String, image_ref String, imageId String, image_id String, labels Map(String, String),
                mounts Array(Tuple(hostPath String, host_path String, containerPath String, container_path String))))') AS d,
            d.status AS s,
            format = 'cri-sandbox' AS is_sandbox,
            if(JSONExtractString(d.info, 'info') AS enclosed = '', d.info, enclosed) AS info,
            JSONExtract(info, 'Tuple(pid Int64, sandboxID String, sandboxId String, privileged Bool, image String,
                runtimeSpec Tuple(
                    process Tuple(args Array(String), env Array(String), capabilities Tuple(effective Array(String))),
                    mounts Array(Tuple(destination String, type String, source String, options Array(String))),
                    annotations Map(String, String),
                    linux Tuple(cgroupsPath String, namespaces Array(Tuple(type String)), maskedPaths Array(String))))') AS i,
            i.runtimeSpec AS spec,
            -- the specification has the kubelet's and the runtime's own mounts, the status only those of the pod
            arrayFilter(m -> m.type IN ('bind', 'rbind') OR has(m.options, 'bind') OR has(m.options, 'rbind'), spec.mounts) AS binds,
            if(notEmpty(binds), [], s.mounts) AS mounts,
            if(s.imageRef = '', s.image_ref, s.imageRef) AS image_ref,
            if(s.imageId = '', s.image_id, s.imageId) AS told_id
        FROM input_records
        WHERE format IN ('cri-container', 'cri-sandbox')
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(if(s.createdAt = '', s.created_at, s.createdAt), 9, 'UTC') AS time,
    'k8s.io' AS runtime_namespace,
    'container' AS topic,
    s.id AS container_id,
    '' AS exec_id,
    -- 0 while it does not run
    if(i.pid > 0, i.pid, -1) AS pid,
    multiIf(finished_at <= created_at, 0, s.exitCode != 0, s.exitCode, s.exit_code) AS exit_status,
    multiIf(
        is_sandbox, i.image,
        -- where the runtime gives an id for a name, the name is what the pod asked for
        NOT match(s.image.image, '^(sha256:)?[0-9a-f]{64}$'), s.image.image,
        s.image.userSpecifiedImage != '', s.image.userSpecifiedImage,
        s.image.user_specified_image) AS image,
    extract(image_ref, '@(sha256:[0-9a-f]{64})$') AS image_digest,
    replaceRegexpOne(multiIf(told_id != '', told_id, image_digest = '', image_ref, ''), '^([0-9a-f]{64})$', 'sha256:\\1') AS image_id,
    [] :: Array(String) AS image_names,
    '' AS bundle,
    '' AS upper_dir,
    s.labels AS labels,
    if(is_sandbox, (s.metadata.name, s.metadata.namespace, s.metadata.uid, ''), ('', '', '', s.metadata.name)) :: Tuple(name String, namespace String, uid String, container String) AS pod,
    if(is_sandbox, 'sandbox', 'container') AS kind,
    multiIf(is_sandbox, container_id, i.sandboxID != '', i.sandboxID, i.sandboxId != '', i.sandboxId, spec.annotations['io.kubernetes.cri.sandbox-id']) AS sandbox_id,
    spec.process.args AS args,
    arrayMap(e -> splitByChar('=', e)[1], spec.process.env) AS env_names,
    arrayConcat(arrayMap(m -> m.source, binds), arrayMap(m -> if(m.hostPath = '', m.host_path, m.hostPath), mounts)) AS mount_sources,
    arrayConcat(arrayMap(m -> m.destination, binds), arrayMap(m -> if(m.containerPath = '', m.container_path, m.containerPath), mounts)) AS mount_targets,
    -- told by CRI-O; else as in runtime-containerd.sql
    i.privileged OR (has(spec.process.capabilities.effective, 'CAP_SYS_ADMIN') AND empty(spec.linux.maskedPaths)) AS privileged,
    spec.process.capabilities.effective AS capabilities,
    arrayMap(n -> n.type, spec.linux.namespaces) AS namespaces,
    spec.linux.cgroupsPath AS cgroup,
    time AS created_at,
    parseDateTime64BestEffortOrZero(if(s.startedAt = '', s.started_at, s.startedAt), 9, 'UTC') AS started_at,
    parseDateTime64BestEffortOrZero(if(s.finishedAt = '', s.finished_at, s.finishedAt), 9, 'UTC') AS finished_at,
    digest, loader, seq
FROM read
