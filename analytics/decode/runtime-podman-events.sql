-- podman: events, as `podman events --format json` prints them, and as its events file holds them.
--
-- Sample: {"ContainerExitCode":137,"ID":"0aba...","Image":"web:1","Name":"web","Status":"died","time":1795439398,"timeNano":1795439398624000000,
--   "Type":"container","Attributes":{"io.buildah.version":"1.33"}}
-- Sample before version 5: {"ID":"0aba...","Image":"web:1","Name":"web","Status":"start","Time":"2026-11-23T13:09:55.9Z","Type":"container","Attributes":null}
-- Specification: https://github.com/containers/podman/blob/main/cmd/podman/system/events.go,
--   https://github.com/containers/podman/blob/main/libpod/events/config.go
--
-- Topics as in runtime-docker-events.sql.
WITH
    read AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(ID String, Id String, Image String, Name String, Status String, Type String, Time String, time String, timeNano String,
                ContainerExitCode String, containerExitCode String, Attributes Map(String, String))') AS e,
            e.Type = 'container' AS of_container,
            if(e.ID = '', e.Id, e.ID) AS id
        FROM input_records
        WHERE format = 'podman-event'
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(multiIf(e.timeNano != '', e.timeNano, e.Time != '', e.Time, e.time), 9, 'UTC') AS time,
    'podman' AS runtime_namespace,
    multiIf(
        NOT of_container, concat('/', e.Type, '/', e.Status),
        e.Status = 'create', '/containers/create',
        e.Status = 'remove', '/containers/delete',
        e.Status IN ('update', 'rename'), '/containers/update',
        e.Status = 'start', '/tasks/start',
        e.Status = 'died', '/tasks/exit',
        e.Status = 'pause', '/tasks/paused',
        e.Status = 'unpause', '/tasks/resumed',
        e.Status = 'exec', '/tasks/exec-started',
        -- many versions do not say which exec ended: that would read as the end of the container
        e.Status = 'exec_died' AND e.Attributes['execID'] != '', '/tasks/exit',
        concat('/container/', e.Status)) AS topic,
    -- of a network itself, the id is the network's
    if(of_container OR (e.Type = 'network' AND e.Status IN ('connect', 'disconnect')), id, '') AS container_id,
    e.Attributes['execID'] AS exec_id,
    toInt64(-1) AS pid,
    if(topic = '/tasks/exit', toInt32OrDefault(if(e.ContainerExitCode = '', e.containerExitCode, e.ContainerExitCode), toInt32(-1)), 0) AS exit_status,
    multiIf(of_container, e.Image, e.Type = 'image', e.Name, '') AS image,
    extract(image, '@(sha256:[0-9a-f]{64})$') AS image_digest,
    if(e.Type = 'image', replaceRegexpOne(id, '^([0-9a-f]{64})$', 'sha256:\\1'), '') AS image_id,
    [] :: Array(String) AS image_names,
    '' AS bundle,
    '' AS upper_dir,
    mapFilter((name, value) -> name != 'execID', e.Attributes) AS labels,
    ('', '', '', if(of_container, e.Name, '')) :: Tuple(name String, namespace String, uid String, container String) AS pod,
    '' AS kind,
    '' AS sandbox_id,
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
