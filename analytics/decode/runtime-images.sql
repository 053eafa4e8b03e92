-- Documents of images, whatever the runtime: what joins the name a container was started with to a digest.
--
-- containerd-image  {"name":"docker.io/library/web:1","target":{"digest":"sha256:..."},"labels":{...},"config":{...}}, or Go's names
--                   (Name, Target, CreatedAt), or enclosed with observedAt and namespace as documents of containers are
--                   https://github.com/containerd/containerd/blob/main/core/images/image.go; config is OCI's,
--                   https://github.com/opencontainers/image-spec/blob/main/config.md
-- docker-image, podman-image  {"Id":"sha256:...","RepoTags":["web:1"],"RepoDigests":["web@sha256:..."],"Created":"...","Config":{...}}
--                   https://docs.docker.com/reference/api/engine/ (ImageInspect)
-- cri-image         {"status":{"id":"sha256:...","repoTags":[...],"repoDigests":[...]},"info":{"imageSpec":{...}}}
--                   https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto (Image)
WITH
    told AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(observedAt String, namespace String, info String, image String, status Tuple(
                id String, repoTags Array(String), repo_tags Array(String), repoDigests Array(String), repo_digests Array(String)),
                Id String, Created String, Digest String, RepoTags Array(String), RepoDigests Array(String), Labels Map(String, String),
                Metadata Tuple(LastTagTime String), Config Tuple(Cmd Array(String), Entrypoint Array(String), Env Array(String), Labels Map(String, String)))') AS d,
            multiIf(format != 'containerd-image', '{}', startsWith(d.info, '{'), d.info, startsWith(d.image, '{'), d.image, raw) AS of_containerd,
            JSONExtract(of_containerd, 'Tuple(name String, Name String, target Tuple(digest String), Target Tuple(digest String), labels Map(String, String),
                Labels Map(String, String), createdAt String, created_at String, CreatedAt String,
                config Tuple(digest String, config Tuple(Cmd Array(String), Entrypoint Array(String), Env Array(String))))') AS c,
            JSONExtract(d.info, 'Tuple(imageSpec Tuple(created String, config Tuple(Cmd Array(String), Entrypoint Array(String), Env Array(String), Labels Map(String, String))))').imageSpec AS spec
        FROM input_records
        WHERE endsWith(format, '-image')
    ),
    named AS
    (
        SELECT
            *,
            arrayFilter(name -> name NOT IN ('', '<none>:<none>', '<none>@<none>'), arrayDistinct(multiIf(
                format = 'containerd-image', [c.name, c.Name],
                format = 'cri-image', arrayConcat(d.status.repoTags, d.status.repo_tags, d.status.repoDigests, d.status.repo_digests),
                arrayConcat(d.RepoTags, d.RepoDigests)))) AS names,
            multiIf(format = 'containerd-image', if(c.target.digest = '', c.Target.digest, c.target.digest), d.Digest != '', d.Digest,
                arrayFirst(digest -> digest != '', arrayMap(name -> extract(name, '@(sha256:[0-9a-f]{64})$'), names))) AS manifest,
            multiIf(format = 'containerd-image', c.config.digest, format = 'cri-image', d.status.id, d.Id) AS id,
            multiIf(format = 'containerd-image', c.config.config, format = 'cri-image', (spec.config.Cmd, spec.config.Entrypoint, spec.config.Env),
                (d.Config.Cmd, d.Config.Entrypoint, d.Config.Env)) :: Tuple(Cmd Array(String), Entrypoint Array(String), Env Array(String)) AS config,
            arrayFirst(t -> t > toDateTime64(0, 9, 'UTC'), arrayMap(t -> parseDateTime64BestEffortOrZero(t, 9, 'UTC'),
                [d.observedAt, d.Metadata.LastTagTime, c.createdAt, c.created_at, c.CreatedAt, d.Created, spec.created])) AS at
        FROM told
    )
SELECT
    cluster,
    node,
    at AS time,
    multiIf(format = 'containerd-image', d.namespace, format = 'cri-image', 'k8s.io', format = 'podman-image', 'podman', 'moby') AS runtime_namespace,
    'image' AS topic,
    -- an image is no container
    '' AS container_id,
    '' AS exec_id,
    toInt64(-1) AS pid,
    toInt32(0) AS exit_status,
    if(notEmpty(names), names[1], id) AS image,
    manifest AS image_digest,
    replaceRegexpOne(id, '^([0-9a-f]{64})$', 'sha256:\\1') AS image_id,
    names AS image_names,
    '' AS bundle,
    '' AS upper_dir,
    multiIf(format = 'containerd-image', if(empty(c.labels), c.Labels, c.labels), format = 'cri-image', spec.config.Labels,
        if(empty(d.Config.Labels), d.Labels, d.Config.Labels)) AS labels,
    ('', '', '', '') :: Tuple(name String, namespace String, uid String, container String) AS pod,
    '' AS kind,
    '' AS sandbox_id,
    arrayConcat(config.Entrypoint, config.Cmd) AS args,
    arrayMap(e -> splitByChar('=', e)[1], config.Env) AS env_names,
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
FROM named
