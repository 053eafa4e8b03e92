-- An expression over (format, envelope, enveloped_event): what names and times a Kubernetes event that came in an envelope, as k8s_type of
-- stage.sql (the envelopes: analytics/decode/audit-event.sql).
if(format = 'gke',
    CAST((
        if((JSONExtract(envelope, 'Tuple(insertId String, timestamp String, operation Tuple(id String, first Bool, last Bool))') AS entry).operation.id = '',
            entry.insertId, entry.operation.id),
        multiIf(entry.operation.last, 'ResponseComplete', entry.operation.first, 'ResponseStarted', ''),
        entry.timestamp,
        ''), k8s_type),
    JSONExtract({readable_event}, k8s_type))
