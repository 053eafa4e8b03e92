-- An expression over (format, raw): the event in an envelope of EKS or AKS, as the API server wrote it; '' where there is none.
-- Samples and specifications: audit-event.sql.
multiIf(
    format = 'eks' AND NOT startsWith(raw, '{'), substring(raw, position(raw, '{')),
    format = 'eks', multiIf(
        JSONType(raw, 'message') = 'String', JSONExtractString(raw, 'message'),
        JSONType(raw, '@message') = 'String', JSONExtractString(raw, '@message'),
        concat(JSONExtractRaw(raw, 'message'), JSONExtractRaw(raw, '@message'))),
    format = 'aks' AND JSONHas(raw, 'AuditId'), concat('{', arrayStringConcat(arrayMap(
        x -> concat('"', transform(x.1,
                ['AuditId', 'Level', 'Stage', 'RequestUri', 'Verb', 'User', 'SourceIps', 'UserAgent', 'ObjectRef', 'ResponseStatus', 'RequestObject', 'ResponseObject', 'RequestReceivedTime', 'StageReceivedTime', 'Annotations'],
                ['auditID', 'level', 'stage', 'requestURI', 'verb', 'user', 'sourceIPs', 'userAgent', 'objectRef', 'responseStatus', 'requestObject', 'responseObject', 'requestReceivedTimestamp', 'stageTimestamp', 'annotations'], x.1),
            -- a dynamic column may be written as text
            '":', if(match(x.2, '^"[{\\[]') AND x.1 IN ('User', 'SourceIps', 'ObjectRef', 'ResponseStatus', 'RequestObject', 'ResponseObject', 'Annotations'), JSONExtractString(x.2), x.2)),
        arrayFilter(x -> x.2 NOT IN ('null', '""'), JSONExtractKeysAndValuesRaw(raw))), ','), '}'),
    format = 'aks', multiIf(
        JSONType(raw, 'properties') = 'String', JSONExtractString(JSONExtractString(raw, 'properties'), 'log'),
        JSONType(raw, 'properties', 'log') = 'String', JSONExtractString(raw, 'properties', 'log'),
        JSONHas(raw, 'properties', 'log'), JSONExtractRaw(raw, 'properties', 'log'),
        JSONExtractString(raw, 'log_s')),
    '')
