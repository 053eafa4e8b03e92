-- Whose habits a container's are: its workload's, by the owner at the top and the container's name, whatever the pod is called. A bare pod or Job is known by
-- its name without what was made up for it. A container that Kubernetes does not know is known by the repository of its image.
-- Columns: cluster, node, container_id, subject, subject_kind, likeness (the repository), image_version, namespace, pod, pod_uid.
WITH
    named AS
    (
        SELECT
            c.cluster AS cluster, c.node AS node, c.container_id AS container_id, c.container_name AS container_name,
            if(c.namespace != '', c.namespace, p.namespace) AS namespace,
            if(c.pod != '', c.pod, p.pod) AS pod,
            c.pod_uid AS pod_uid,
            -- an image told by its id alone has no repository
            if(match(c.image, '^(sha256:)?[0-9a-f]{64}$'), '', replaceRegexpOne(c.image, '(:[\\w.-]+)?(@sha256:[0-9a-f]{64})?$', '')) AS repository,
            if(c.image_digest != '', c.image_digest, c.image) AS image_version,
            multiIf(p.workload_kind != '', toString(p.workload_kind), pod != '', 'Pod', '') AS owner_kind,
            if(p.workload_kind != '', p.workload_name, pod) AS owner_name
        FROM (SELECT cluster, node, container_id, container_name, namespace, pod, pod_uid, image, image_digest FROM containers FINAL WHERE kind != 'sandbox') AS c
        LEFT ANY JOIN (SELECT cluster, pod_uid, namespace, pod, workload_kind, workload_name FROM pods FINAL) AS p ON c.cluster = p.cluster AND c.pod_uid = p.pod_uid AND c.pod_uid != ''
    )
SELECT
    cluster, node, container_id,
    multiIf(
        owner_kind != '', concat(namespace, '/', owner_kind, '/',
            -- Kubernetes ends names it makes up with five letters of this alphabet; people and pipelines with the time
            if(owner_kind IN ('Pod', 'Job'), replaceRegexpOne(owner_name, '-([0-9]{4,}|[bcdfghjklmnpqrstvwxz2456789]{5})$', '-*'), owner_name),
            if(container_name = '', '', concat('/', container_name))),
        repository != '', concat('image/', repository),
        concat('image/', if(image_version = '', 'unknown', image_version))) AS subject,
    if(owner_kind != '', 'workload', 'image') AS subject_kind,
    repository AS likeness, image_version, namespace, pod, pod_uid
FROM named
