-- Docker: events, as `docker events --format '{{json .}}'` prints them and the API's /events sends them.
--
-- Sample: {"status":"die","id":"0aba...","from":"nginx:1","Type":"container","Action":"die","Actor":{"ID":"0aba...",
--   "Attributes":{"exitCode":"137","image":"nginx:1","name":"web"}},"scope":"local","time":1795439398,"timeNano":1795439398624000000}
-- Specification: https://github.com/moby/moby/blob/master/api/types/events/events.go,
--   https://docs.docker.com/reference/cli/docker/system/events/
--
-- Actions that are the same fact as an event of containerd have its topic; others are /type/action (/container/kill, /image/pull).
-- Attributes are the container's labels with some of Docker's own among them. The namespace is the one Docker uses in
-- containerd: both runtimes tell of one container under one id.
WITH
    read AS
    (
        SELECT
            *,
            JSONExtract(raw, 'Tuple(id String, from String, Type String, Action String, time String, timeNano String,
                Actor Tuple(ID String, Attributes Map(String, String)))') AS e,
            e.Actor.Attributes AS attributes,
            e.Type = 'container' AS of_container,
            splitByString(': ', e.Action)[1] AS action,
            -- a command as one text: where its words end is not told
            if(action IN ('exec_create', 'exec_start'), trimRight(substring(e.Action, length(action) + 3)), '') AS command
        FROM input_records
        WHERE format = 'docker-event'
    )
SELECT
    cluster,
    node,
    parseDateTime64BestEffortOrZero(if(e.timeNano != '', e.timeNano, e.time), 9, 'UTC') AS time,
    'moby' AS runtime_namespace,
    multiIf(
        NOT of_container, concat('/', e.Type, '/', action),
        action = 'create', '/containers/create',
        action = 'destroy', '/containers/delete',
        action IN ('update', 'rename'), '/containers/update',
        action = 'start', '/tasks/start',
        action = 'die', '/tasks/exit',
        action = 'oom', '/tasks/oom',
        action = 'pause', '/tasks/paused',
        action = 'unpause', '/tasks/resumed',
        action = 'exec_create', '/tasks/exec-added',
        action = 'exec_start', '/tasks/exec-started',
        -- old versions do not say which exec ended: that would read as the end of the container
        action = 'exec_die' AND attributes['execID'] != '', '/tasks/exit',
        concat('/container/', action)) AS topic,
    -- events of networks and volumes name the container they were attached to
    if(of_container, if(e.Actor.ID = '', e.id, e.Actor.ID), attributes['container']) AS container_id,
    attributes['execID'] AS exec_id,
    toInt64(-1) AS pid,
    if(topic = '/tasks/exit', toInt32OrDefault(attributes['exitCode'], toInt32(-1)), 0) AS exit_status,
    multiIf(of_container, if(attributes['image'] = '', e.from, attributes['image']), e.Type = 'image', if(attributes['name'] = '', e.Actor.ID, attributes['name']), '') AS image,
    extract(image, '@(sha256:[0-9a-f]{64})$') AS image_digest,
    extract(if(e.Type = 'image', e.Actor.ID, image), '^sha256:[0-9a-f]{64}$') AS image_id,
    [] :: Array(String) AS image_names,
    '' AS bundle,
    '' AS upper_dir,
    mapFilter((name, value) -> name NOT IN ('image', 'name', 'exitCode', 'execID', 'execDuration', 'signal', 'oldName', 'container', 'type', 'driver',
        'destination', 'propagation', 'read/write'), attributes) AS labels,
    ('', '', '', if(of_container, attributes['name'], '')) :: Tuple(name String, namespace String, uid String, container String) AS pod,
    transform(labels['io.kubernetes.docker.type'], ['podsandbox', 'container'], ['sandbox', 'container'], '') AS kind,
    if(kind = 'sandbox', container_id, labels['io.kubernetes.sandbox.id']) AS sandbox_id,
    if(command = '', [], [command]) AS args,
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
