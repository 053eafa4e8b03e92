-- A segment into `staged`: digest, time, identity and what hinders decoding are taken from the bytes, once.
-- Parameter: {batch:String} is written in by ingest/load/load.ts as a literal of its own making (24 hex characters).
-- event_key: auditID/stage; seconds.millis:serial; format/time/id of what runtimes write in JSON; empty when the bytes hold none (a dead letter).
-- Each step is a query of its own, and load.ts keeps the engine from merging them (see analytics/decode/k8s-audit.sql).
WITH
    'Tuple(auditID String, stage String, requestReceivedTimestamp String, stageTimestamp String)' AS k8s_type,
    'Tuple(observedAt String, id String, info Tuple(ID String, CreatedAt String))' AS document_type,
    -- the names by which the runtimes' JSON says when and what (analytics/decode/runtime-*.sql)
    'Tuple(timestamp String, Timestamp String, namespace String, Namespace String, topic String, Topic String, time String, timeNano String, Time String, Type String, Name String, name String,
        Action String, Status String, ID String, Id String, id String, Actor Tuple(ID String), Created String, observedAt String, Metadata Tuple(LastTagTime String), RepoTags Array(String),
        containerId String, container_id String, containerEventType String, container_event_type String, createdAt String, created_at String, CreatedAt String,
        info Tuple(Name String, name String, CreatedAt String, createdAt String, created_at String, imageSpec Tuple(created String)), image Tuple(name String, Name String, createdAt String, created_at String, CreatedAt String),
        status Tuple(id String, createdAt String, created_at String))' AS runtime_type,
    plain AS
    (
        SELECT *, if(format = 'k8s-audit', JSONExtract(raw, k8s_type), defaultValueOfTypeName(k8s_type)) AS as_received
        FROM {segment}
    ),
    read AS
    (
        SELECT
            *,
            -- what the engine reads as it came needs no mending
            if(format = 'k8s-audit' AND as_received.auditID = '', JSONExtract({readable_json}, k8s_type), as_received) AS k8s,
            multiIf(format = 'auditd', extractGroups(substring(raw, 1, 400), 'msg=audit\\((\\d+)\\.(\\d+):(\\d+)\\)'),
                    source = 'auditd', extractGroups({audit_identity}, '^(\\d+)\\.(\\d{3}):(\\d+)$'), []) AS audit,
            if(format = 'containerd-event', extractGroups(substring(raw, 1, 400), '^(\\S+ \\S+) \\+0000 UTC (\\S+) (/\\S+) '), []) AS event,
            if(format = 'containerd-container', JSONExtract(raw, document_type), defaultValueOfTypeName(document_type)) AS document,
            -- when, and of what: an event that does not say when is no event, a document is of one thing
            if(source != 'runtime' OR format IN ('containerd-event', 'containerd-container', 'unknown', 'oversized'), ['', ''], [
                arrayFirst(t -> parseDateTime64BestEffortOrZero(t, 9, 'UTC') > toDateTime64(0, 9, 'UTC'), multiIf(
                    format = 'containerd-json', [(JSONExtract(raw, runtime_type) AS j).timestamp, j.Timestamp],
                    format IN ('docker-event', 'podman-event'), [j.timeNano, j.Time, j.time],
                    format = 'cri-event', [j.createdAt, j.created_at],
                    startsWith(format, 'cri-'), [j.status.createdAt, j.status.created_at, j.info.imageSpec.created],
                    format = 'containerd-image', [j.observedAt, j.createdAt, j.created_at, j.CreatedAt, j.info.createdAt, j.info.created_at, j.info.CreatedAt,
                        j.image.createdAt, j.image.created_at, j.image.CreatedAt],
                    [j.Metadata.LastTagTime, j.Created])) AS runtime_time,
                if(runtime_time = '' AND (endsWith(format, '-event') OR format = 'containerd-json'), '', arrayFirst(name -> name != '', multiIf(
                    format = 'containerd-json', [j.topic, j.Topic],
                    format = 'docker-event', [j.Actor.ID, j.id],
                    -- an event of podman itself has no id
                    format = 'podman-event', if(j.Type = 'container', [j.ID, j.Id], [j.ID, j.Id, j.Name, j.Type]),
                    format = 'cri-event', [j.containerId, j.container_id],
                    startsWith(format, 'cri-'), [j.status.id],
                    format = 'containerd-image', [j.name, j.Name, j.info.name, j.info.Name, j.image.name, j.image.Name],
                    [j.Id])))
            ]) AS runtime
        FROM plain
    ),
    timed AS
    (
        SELECT
            *,
            multiIf(
                -- a time of nine billion seconds is beyond belief and within what the type holds
                source = 'auditd', toDateTime64(fromUnixTimestamp64Milli(least(toInt64OrZero(audit[1]), 9000000000) * 1000 + least(toInt64OrZero(audit[2]), 999), 'UTC'), 9, 'UTC'),
                parseDateTime64BestEffortOrZero(multiIf(
                    format = 'k8s-audit', if(k8s.requestReceivedTimestamp = '', k8s.stageTimestamp, k8s.requestReceivedTimestamp),
                    format = 'containerd-event', event[1],
                    format = 'containerd-container', if(document.observedAt = '', document.info.CreatedAt, document.observedAt),
                    runtime[1]), 9, 'UTC')) AS taken,
            multiIf(format = 'k8s-audit', if(k8s.auditID = '', '', concat(k8s.auditID, '/', k8s.stage)),
                    source = 'auditd', if(empty(audit), '', concat(audit[1], '.', audit[2], ':', audit[3])),
                    format = 'containerd-event', if(empty(event), '', concat(event[1], '/', event[2], '/', event[3])),
                    format = 'containerd-container', if(document.id = '' AND document.info.ID = '', '', concat('container/', document.info.ID, document.id)),
                    runtime[2] = '', '',
                    concat(format, '/', runtime[1], '/', runtime[2])) AS event_key
        FROM read
    )
SELECT
    '{batch}' AS batch,
    source,
    cluster,
    node,
    -- outside of 2015..2100 a time is not believed
    if(taken BETWEEN toDateTime64('2015-01-01 00:00:00', 9, 'UTC') AND toDateTime64('2100-01-01 00:00:00', 9, 'UTC'), taken, toDateTime64(0, 9, 'UTC')) AS event_time,
    SHA256(raw) AS digest,
    format,
    event_key,
    raw,
    lines,
    boot_id,
    map() AS attrs,
    collector,
    fromUnixTimestamp64Micro(received_at, 'UTC') AS received_at,
    stream,
    position,
    loader,
    seq,
    {dead_letter_reason} AS reason
FROM timed
