-- CRI, the interface of the kubelet to containerd and CRI-O: container events, as `crictl events` prints them, and as a
-- collector writes them in Go's JSON (snake case, numbers).
--
-- Sample: {"containerId":"0aba...","containerEventType":"CONTAINER_STARTED_EVENT","createdAt":"1795439398624000000",
--   "podSandboxStatus":{"id":"7a43...","metadata":{"name":"web","uid":"...","namespace":"shop"},"labels":{...}},
--   "containersStatuses":[{"id":"0aba...","metadata":{"name":"app"},"image":{"image":"web:1"},"imageRef":"...","exitCode":0,"labels":{...}}]}
-- Specification: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto (ContainerEventResponse)
--
-- What runs for the kubelet is in containerd's namespace k8s.io; CRI has no namespaces and is used by the kubelet alone.
WITH
    'Tuple(id String, metadata Tuple(name String), exitCode Int32, exit_code Int32, imageRef String, image_ref String, imageId String, image_id String,
        image Tuple(image String, userSpecifiedImage String, user_specified_image String), labels Map(String, String))' AS status_type,
    'Tuple(id String, metadata Tuple(name String, namespace String, uid String), labels Map(String, String))' AS sandbox_type,
    read AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(containerId String, container_id String, containerEventType String, container_event_type String, createdAt String, created_at String,
                podSandboxStatus String, pod_sandbox_status String, containersStatuses String, containers_statuses String)') AS e,
            if(e.containerId = '', e.container_id, e.containerId) AS id,
            -- 0 is left out by protobuf
            if(e.containerEventType = '', e.container_event_type, e.containerEventType) AS event_type,
            JSONExtract(if(e.podSandboxStatus = '', e.pod_sandbox_status, e.podSandboxStatus), sandbox_type) AS sandbox,
            JSONExtract(if(e.containersStatuses = '', e.containers_statuses, e.containersStatuses), concat('Array(', status_type, ')')) AS statuses,
            arrayFirst(s -> s.id = id, statuses) AS status,
            status.id != '' AS has_status,
            sandbox.id != '' AND sandbox.id = id AS is_sandbox,
            if(status.imageRef = '', status.image_ref, status.imageRef) AS image_ref,
            if(status.imageId = '', status.image_id, status.imageId) AS told_id
        FROM input_records
        WHERE format = 'cri-event'
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(if(e.createdAt = '', e.created_at, e.createdAt), 9, 'UTC') AS time,
    'k8s.io' AS runtime_namespace,
    multiIf(
        event_type IN ('', '0', 'CONTAINER_CREATED_EVENT'), '/containers/create',
        event_type IN ('1', 'CONTAINER_STARTED_EVENT'), '/tasks/start',
        event_type IN ('2', 'CONTAINER_STOPPED_EVENT'), '/tasks/exit',
        event_type IN ('3', 'CONTAINER_DELETED_EVENT'), '/containers/delete',
        concat('/container/', event_type)) AS topic,
    id AS container_id,
    '' AS exec_id,
    toInt64(-1) AS pid,
    multiIf(topic != '/tasks/exit', 0, NOT has_status, -1, status.exitCode != 0, status.exitCode, status.exit_code) AS exit_status,
    multiIf(
        -- where the runtime gives an id for a name, the name is what the pod asked for
        NOT match(status.image.image, '^(sha256:)?[0-9a-f]{64}$'), status.image.image,
        status.image.userSpecifiedImage != '', status.image.userSpecifiedImage,
        status.image.user_specified_image) AS image,
    extract(image_ref, '@(sha256:[0-9a-f]{64})$') AS image_digest,
    replaceRegexpOne(multiIf(told_id != '', told_id, image_digest = '', image_ref, ''), '^([0-9a-f]{64})$', 'sha256:\\1') AS image_id,
    [] :: Array(String) AS image_names,
    '' AS bundle,
    '' AS upper_dir,
    if(is_sandbox, sandbox.labels, status.labels) AS labels,
    (sandbox.metadata.name, sandbox.metadata.namespace, sandbox.metadata.uid, status.metadata.name) :: Tuple(name String, namespace String, uid String, container String) AS pod,
    multiIf(is_sandbox, 'sandbox', has_status, 'container', '') AS kind,
    sandbox.id AS sandbox_id,
    [] :: Array(String) AS args,
    [] :: Array(String) AS env_names,
    [] :: Array(String) AS mount_sources,
    [] :: Array(String) AS mount_targets,
    false AS privileged,
    [] :: Array(String) AS capabilities,
    [] :: Array(String) AS namespaces,
    '' AS cgroup,
    toDateTime64(0, 9, 'UTC') AS created_at,
    toDateTime64(0, 9, 'UTC') AS started_at,
    toDateTime64(0, 9, 'UTC') AS finished_at,
    digest, loader, seq
FROM read
