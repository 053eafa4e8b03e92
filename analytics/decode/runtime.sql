-- Container runtime events and documents of containers and images to rows of runtime: what the shapes tell, and what the
-- kubelet's labels say of it, whatever the runtime.
--
-- {shapes}: SELECTs over input_records (cluster, node, format, raw, digest, loader, seq), one a family of formats
--   (runtime-containerd.sql, runtime-docker-events.sql, ...), with the same columns in the same order.
-- Labels: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto; set by the kubelet,
--   https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kuberuntime/labels.go
SELECT
    cluster,
    node,
    time,
    runtime_namespace,
    topic,
    container_id,
    exec_id,
    pid,
    exit_status,
    image,
    image_digest,
    image_id,
    image_names,
    bundle,
    upper_dir,
    labels,
    if(labels['io.kubernetes.pod.name'] != '', labels['io.kubernetes.pod.name'], pod.name) AS pod_name,
    if(labels['io.kubernetes.pod.namespace'] != '', labels['io.kubernetes.pod.namespace'], pod.namespace) AS pod_namespace,
    if(labels['io.kubernetes.pod.uid'] != '', labels['io.kubernetes.pod.uid'], pod.uid) AS pod_uid,
    -- a sandbox has none: dockershim and CRI-O call it POD
    multiIf(kind = 'sandbox', '', labels['io.kubernetes.container.name'] != '', labels['io.kubernetes.container.name'], pod.container) AS container_name,
    kind,
    sandbox_id,
    args,
    env_names,
    mount_sources,
    mount_targets,
    privileged,
    capabilities,
    namespaces,
    cgroup,
    created_at,
    started_at,
    finished_at,
    digest,
    loader,
    seq,
    bitShiftLeft(toUInt64(2), 32) AS version
FROM ({shapes})
