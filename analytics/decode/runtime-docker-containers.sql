-- Docker and podman: inspect documents of containers, one item of what `docker inspect` and `podman inspect` print.
--
-- Sample: {"Id":"0aba...","Created":"2026-11-23T13:09:55.9Z","Path":"sh","Args":["-c","id"],"State":{"Pid":29543,"StartedAt":"...",...},
--   "Image":"sha256:...","Config":{"Image":"web:1","Env":[...],"Labels":{...}},"HostConfig":{"Privileged":false,...},"Mounts":[...]}
-- Specification: https://docs.docker.com/reference/api/engine/ (ContainerInspectResponse),
--   https://github.com/containers/podman/blob/main/libpod/define/container_inspect.go
--
-- Neither says when it was read: the row's time is that of the container's creation.
WITH
    read AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(
                Id String, Name String, Created String, Path String, Args Array(String), Image String, ImageName String, ImageDigest String,
                IsInfra Bool, EffectiveCaps Array(String),
                State Tuple(Pid Int64, ExitCode Int32, StartedAt String, FinishedAt String, CgroupPath String),
                Config Tuple(Image String, Cmd Array(String), Entrypoint Array(String), Env Array(String), Labels Map(String, String)),
                HostConfig Tuple(Privileged Bool, Binds Array(String), CapAdd Array(String), PidMode String, NetworkMode String, IpcMode String,
                                 UTSMode String, CgroupnsMode String, CgroupParent String),
                Mounts Array(Tuple(Type String, Source String, Destination String)),
                GraphDriver Tuple(Data Tuple(UpperDir String)))') AS c,
            format = 'podman-container' AS of_podman,
            -- a volume is a directory of the host, too
            arrayFilter(m -> m.Type IN ('bind', 'volume') AND m.Source != '', c.Mounts) AS mounts,
            -- source:destination:options
            arrayFilter(b -> startsWith(b, '/') AND empty(mounts), c.HostConfig.Binds) AS binds,
            -- 0 while it does not run
            if(c.State.Pid > 0, c.State.Pid, -1) AS pid
        FROM input_records
        WHERE format IN ('docker-container', 'podman-container')
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(c.Created, 9, 'UTC') AS time,
    if(of_podman, 'podman', 'moby') AS runtime_namespace,
    'container' AS topic,
    c.Id AS container_id,
    '' AS exec_id,
    pid,
    if(finished_at > created_at, c.State.ExitCode, 0) AS exit_status,
    if(c.Config.Image = '', c.ImageName, c.Config.Image) AS image,
    if(c.ImageDigest != '', c.ImageDigest, extract(image, '@(sha256:[0-9a-f]{64})$')) AS image_digest,
    replaceRegexpOne(c.Image, '^([0-9a-f]{64})$', 'sha256:\\1') AS image_id,
    [] :: Array(String) AS image_names,
    '' AS bundle,
    c.GraphDriver.Data.UpperDir AS upper_dir,
    c.Config.Labels AS labels,
    ('', '', '', trimLeft(c.Name, '/')) :: Tuple(name String, namespace String, uid String, container String) AS pod,
    if(labels['io.kubernetes.docker.type'] = 'podsandbox' OR c.IsInfra, 'sandbox', 'container') AS kind,
    if(kind = 'sandbox', container_id, labels['io.kubernetes.sandbox.id']) AS sandbox_id,
    if(c.Path != '', arrayPushFront(c.Args, c.Path), arrayConcat(c.Config.Entrypoint, c.Config.Cmd)) AS args,
    arrayMap(e -> splitByChar('=', e)[1], c.Config.Env) AS env_names,
    arrayConcat(arrayMap(m -> m.Source, mounts), arrayMap(b -> splitByChar(':', b)[1], binds)) AS mount_sources,
    arrayConcat(arrayMap(m -> m.Destination, mounts), arrayMap(b -> splitByChar(':', b)[2], binds)) AS mount_targets,
    c.HostConfig.Privileged AS privileged,
    -- Docker tells only those added to its own list, which is the daemon's affair
    if(of_podman, c.EffectiveCaps, arrayMap(a -> if(startsWith(upper(a), 'CAP_'), upper(a), concat('CAP_', upper(a))), c.HostConfig.CapAdd)) AS capabilities,
    -- all that are not the host's
    arrayConcat(
        ['mount'],
        if(c.HostConfig.NetworkMode = 'host', [], ['network']),
        if(c.HostConfig.PidMode = 'host', [], ['pid']),
        if(c.HostConfig.IpcMode = 'host', [], ['ipc']),
        if(c.HostConfig.UTSMode = 'host', [], ['uts']),
        if(c.HostConfig.CgroupnsMode = 'private', ['cgroup'], [])) AS namespaces,
    -- as Docker hands it to runc: a slice of systemd, or a directory
    multiIf(
        c.State.CgroupPath != '', c.State.CgroupPath,
        c.HostConfig.CgroupParent = '', '',
        endsWith(c.HostConfig.CgroupParent, '.slice'), concat(c.HostConfig.CgroupParent, ':docker:', c.Id),
        concat(c.HostConfig.CgroupParent, '/', c.Id)) AS cgroup,
    time AS created_at,
    parseDateTime64BestEffortOrZero(c.State.StartedAt, 9, 'UTC') AS started_at,
    parseDateTime64BestEffortOrZero(c.State.FinishedAt, 9, 'UTC') AS finished_at,
    digest, loader, seq
FROM read
