-- A segment into a staged table: digest, time, identity and what hinders decoding are taken from the bytes, once.
-- event_key: auditID/stage; seconds.millis:serial; empty when the bytes hold none (a dead letter).
-- Blocks `with envelopes ... end` stay when a record came in one: preparing them takes longer than a small batch.
-- Each step is a query of its own, and load.ts keeps the engine from merging them (see analytics/decode/k8s-audit.sql).
WITH
    'Tuple(auditID String, stage String, requestReceivedTimestamp String, stageTimestamp String)' AS k8s_type,
    'Tuple(observedAt String, id String, info Tuple(ID String, CreatedAt String))' AS document_type,
    received AS
    (
        SELECT
            *,
            -- with envelopes
            multiIf(format NOT IN ('eks', 'gke', 'aks'), '', startsWith(raw, '{'), {readable_json}, raw) AS envelope,
            if(format IN ('eks', 'aks'), {enveloped_event}, '') AS enveloped_event,
            -- end
            if(format = 'k8s-audit', JSONExtract(raw, k8s_type), defaultValueOfTypeName(k8s_type)) AS as_received
        FROM {segment}
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
            multiIf(format = 'auditd', extractGroups(substring(raw, 1, 400), 'msg=audit\\((\\d+)\\.(\\d+):(\\d+)\\)'),
                    source = 'auditd', extractGroups({audit_identity}, '^(\\d+)\\.(\\d{3}):(\\d+)$'), []) AS audit,
            if(format = 'containerd-event', extractGroups(substring(raw, 1, 400), '^(\\S+ \\S+) \\+0000 UTC (\\S+) (/\\S+) '), []) AS event,
            if(format = 'containerd-container', JSONExtract(raw, document_type), defaultValueOfTypeName(document_type)) AS document
        FROM received
    ),
    timed AS
    (
        SELECT
            *,
            multiIf(
                -- a time of nine billion seconds is beyond belief and within what the type holds
                source = 'auditd', toDateTime64(fromUnixTimestamp64Milli(least(toInt64OrZero(audit[1]), 9000000000) * 1000 + least(toInt64OrZero(audit[2]), 999), 'UTC'), 9, 'UTC'),
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
                    ''), 9, 'UTC')) AS taken,
            multiIf(source = 'k8s-audit', if(k8s.auditID = '', '', concat(k8s.auditID, '/', k8s.stage)),
                    source = 'auditd', if(empty(audit), '', concat(audit[1], '.', audit[2], ':', audit[3])),
                    format = 'containerd-event', if(empty(event), '', concat(event[1], '/', event[2], '/', event[3])),
                    format = 'containerd-container', if(document.id = '' AND document.info.ID = '', '', concat('container/', document.info.ID, document.id)),
                    '') AS event_key
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
    map() AS attrs,
    collector,
    fromUnixTimestamp64Micro(received_at, 'UTC') AS received_at,
    stream,
    position,
    loader,
    seq,
    {dead_letter_reason} AS reason
FROM timed
