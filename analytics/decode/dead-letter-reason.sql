-- An expression over `format`, `raw` and `event_key`: why no typed row can be made of a record, '' when one can.
-- An event whose key is known was read as JSON when it was taken: it is not read again.
-- The block `with envelopes` stays where a record came in one (ingest/load/stage.sql).
-- The closed list of reasons (docs/reference/dead-letters.md).
multiIf(
    format = 'oversized', 'oversized',
    format = 'unknown', 'unknown-format',
    format = 'k8s-audit' AND event_key = '' AND {readable_json} = '', 'invalid-json',
    -- with envelopes
    format = 'gke' AND event_key = '' AND NOT isValidJSON(raw), 'invalid-json',
    format IN ('eks', 'aks') AND event_key = '' AND NOT JSONHas(raw, 'AuditId') AND NOT isValidJSON({enveloped_event}), 'invalid-json',
    -- end
    format = 'containerd-container' AND NOT isValidJSON(raw), 'invalid-json',
    format = 'containerd-event' AND NOT isValidJSON(extract(raw, '(\\{.*)$')), 'invalid-json',
    format IN ('containerd-json', 'containerd-image', 'docker-event', 'docker-container', 'docker-image', 'cri-event', 'cri-container', 'cri-sandbox', 'cri-image', 'podman-event', 'podman-container', 'podman-image', 'collector-notice') AND NOT isValidJSON(raw), 'invalid-json',
    format IN ('laurel', 'go-audit', 'journald-audit', 'auditbeat') AND NOT isValidJSON(raw), 'invalid-json',
    event_key = '', 'missing-identity',
    '')
