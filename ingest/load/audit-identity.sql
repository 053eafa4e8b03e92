-- An expression over (format, raw): seconds.millis:serial of an audit event in JSON (the shapes: analytics/decode/audit-lines.sql).
multiIf(
    format = 'laurel', JSONExtractString(raw, 'ID'),
    format = 'go-audit', concat(JSONExtractString(raw, 'timestamp'), ':', JSONExtractRaw(raw, 'sequence')),
    format = 'journald-audit', concat(
        substring(leftPad(JSONExtractString(raw, '_SOURCE_REALTIME_TIMESTAMP'), 16, '0') AS micros, 1, 10), '.', substring(micros, 11, 3), ':', JSONExtractString(raw, '_AUDIT_ID')),
    format = 'auditbeat', concat(
        substring(leftPad(toString(toUnixTimestamp64Milli(parseDateTime64BestEffortOrZero(JSONExtractString(raw, '@timestamp'), 3, 'UTC'))), 13, '0') AS millis, 1, 10), '.', substring(millis, 11, 3), ':', JSONExtractRaw(raw, 'auditd', 'sequence')),
    '')
