-- A segment into a staged table: digest, time, identity and what hinders decoding are taken from the bytes, once.
-- event_key: auditID/stage; seconds.millis:serial; format/time/id of what runtimes write in JSON; empty when the bytes hold none (a dead letter).
-- Blocks `with envelopes ... end` stay when a record came in one: preparing them takes longer than a small batch.
-- Each step is a query of its own, and load.ts keeps the engine from merging them (see analytics/decode/k8s-audit.sql).
WITH
    'Tuple(auditID String, stage String, requestReceivedTimestamp String, stageTimestamp String)' AS k8s_type,
    'Tuple(observedAt String, id String, info Tuple(ID String, CreatedAt String))' AS document_type,
    -- where the runtimes' JSON says when, and of what: the first of these members that is there (analytics/decode/runtime-*.sql)
    map('containerd-json', ['timestamp Timestamp', 'topic Topic'],
        'containerd-image', ['observedAt createdAt created_at CreatedAt info.createdAt info.CreatedAt image.createdAt image.CreatedAt', 'name Name info.name info.Name image.name image.Name'],
        'docker-event', ['timeNano time', 'Actor.ID id'], 'podman-event', ['timeNano Time time', 'ID Id Name Type'],
        'cri-event', ['createdAt created_at', 'containerId container_id'],
        'docker-container', ['Created', 'Id'], 'podman-container', ['Created', 'Id'],
        'cri-container', ['status.createdAt status.created_at', 'status.id'], 'cri-sandbox', ['status.createdAt status.created_at', 'status.id'],
        'docker-image', ['Metadata.LastTagTime Created', 'Id'], 'podman-image', ['Metadata.LastTagTime Created', 'Id'],
        'cri-image', ['info.imageSpec.created', 'status.id'],
        'collector-notice', ['time', 'id']) AS runtime_members,
    headed AS
    (
        SELECT
            {heads:Array(Array(String))}[{head}] AS of_all,
            toLowCardinality(of_all[1]) AS source,
            toLowCardinality(of_all[2]) AS cluster,
            toLowCardinality(of_all[3]) AS node,
            toLowCardinality(of_all[4]) AS collector,
            toLowCardinality(of_all[5]) AS boot_id,
            toLowCardinality(of_all[6]) AS stream,
            toLowCardinality(of_all[7]) AS loader,
            fromUnixTimestamp64Micro(received_at_us, 'UTC') AS received_at,
            of_all[8] AS format,
            seq, position, lines, attrs, raw
        FROM {segment}
    ),
    received AS
    (
        SELECT
            *,
            -- with envelopes
            multiIf(format NOT IN ('eks', 'gke', 'aks'), '', startsWith(raw, '{'), {readable_json}, raw) AS envelope,
            if(format IN ('eks', 'aks'), {enveloped_event}, '') AS enveloped_event,
            -- end
            if(format = 'k8s-audit', JSONExtract(raw, k8s_type), defaultValueOfTypeName(k8s_type)) AS as_received
        FROM headed
    ),
    read AS
    (
        SELECT
            *,
            -- what the engine reads as it came needs no mending
            multiIf(
                -- with envelopes
                format IN ('eks', 'gke', 'aks'), {k8s_identity},
                -- end
                format = 'k8s-audit' AND as_received.auditID = '', JSONExtract({readable_json}, k8s_type), as_received) AS k8s,
            -- of auditd's own lines the framer saw to it that they begin so (ingest/frame/audit-header.ts)
            multiIf(format = 'auditd', substring(raw, position(raw, ' msg=audit(') + 11, position(raw, ')', position(raw, ' msg=audit(')) - position(raw, ' msg=audit(') - 11),
                    source = 'auditd', extract({audit_identity}, '^\\d+\\.\\d{3}:\\d+$'), '') AS audit,
            if(format = 'containerd-event', extractGroups(substring(raw, 1, 400), '^(\\S+ \\S+) \\+0000 UTC (\\S+) (/\\S+) '), []) AS event,
            if(format = 'containerd-container', JSONExtract(raw, document_type), defaultValueOfTypeName(document_type)) AS document,
            -- values that stand for nothing are not there: Go's zero time, null
            if(source IN ('runtime', 'collector'),
                arrayMap(members -> arrayFirst(value -> value NOT IN ('', 'null', '0', '0001-01-01T00:00:00Z'), arrayMap(
                    path -> trimBoth(arrayFold((json, name) -> JSONExtractRaw(json, name), splitByChar('.', path), raw), '"'),
                    splitByChar(' ', members))), runtime_members[format]),
                []) AS runtime
        FROM received
    ),
    timed AS
    (
        SELECT
            *,
            multiIf(
                -- a time of nine billion seconds is beyond belief and within what the type holds
                source = 'auditd', toDateTime64(fromUnixTimestamp64Milli(least(toInt64OrZero(substringIndex(audit, '.', 1)), 9000000000) * 1000 + least(toInt64OrZero(substringIndex(substring(audit, position(audit, '.') + 1), ':', 1)), 999), 'UTC'), 9, 'UTC'),
                parseDateTime64BestEffortOrZero(multiIf(
                    source = 'k8s-audit', multiIf(
                        k8s.requestReceivedTimestamp != '', k8s.requestReceivedTimestamp,
                        k8s.stageTimestamp != '', k8s.stageTimestamp,
                        -- of versions before v1
                        format != 'k8s-audit', '',
                        JSONHas(raw, 'timestamp'), JSONExtractString(raw, 'timestamp'),
                        JSONExtractString(raw, 'metadata', 'creationTimestamp')),
                    format = 'containerd-event', event[1],
                    format = 'containerd-container', if(document.observedAt = '', document.info.CreatedAt, document.observedAt),
                    runtime[1]), 9, 'UTC')) AS taken,
            multiIf(source = 'k8s-audit', if(k8s.auditID = '', '', concat(k8s.auditID, '/', k8s.stage)),
                    source = 'auditd', audit,
                    format = 'containerd-event', if(empty(event), '', concat(event[1], '/', event[2], '/', event[3])),
                    format = 'containerd-container', if(document.id = '' AND document.info.ID = '', '', concat('container/', document.info.ID, document.id)),
                    -- an event that does not say when is no event
                    runtime[2] = '' OR ((endsWith(format, '-event') OR format = 'containerd-json') AND taken = toDateTime64(0, 9, 'UTC')), '',
                    concat(format, '/', runtime[1], '/', runtime[2])) AS event_key
        FROM read
    )
SELECT
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
    attrs,
    collector,
    received_at,
    stream,
    position,
    loader,
    seq,
    format = 'k8s-audit' AND as_received.auditID = '' AS is_mended,
    format = 'k8s-audit' AND (position(raw, '"requestObject"') > 0 OR position(raw, '"responseObject"') > 0) AS has_body,
    {dead_letter_reason} AS reason
FROM timed
