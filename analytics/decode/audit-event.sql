-- Records of Kubernetes audit as events of audit.k8s.io, whatever log service they came through, so that one decoder reads all.
-- What an envelope does not say stays out: nothing is guessed.
--
-- eks  {"timestamp":1795439437536,"message":"{\"kind\":\"Event\",...}","ingestionTime":...}, "@message" in Logs Insights, and lines of an
--      export: 2026-11-23T13:10:37.000Z {"kind":"Event",...}
--      https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_OutputLogEvent.html
--      https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
-- aks  {"time":"...","category":"kube-audit","properties":{"log":"{\"kind\":\"Event\",...}\n","stream":"stdout","pod":"kube-apiserver-..."}}
--      https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema; in AzureDiagnostics: log_s; rows of AKSAudit:
--      {"AuditId":"...","Level":"Metadata","Stage":"ResponseComplete","RequestUri":"/api","Verb":"get","User":{...},"ObjectRef":{...}}
--      https://learn.microsoft.com/azure/azure-monitor/reference/tables/aksaudit
-- gke  {"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"k8s.io",
--        "methodName":"io.k8s.core.v1.pods.exec.create","resourceName":"core/v1/namespaces/shop/pods/web/exec",
--        "authenticationInfo":{"principalEmail":"..."},"requestMetadata":{"callerIp":"...","callerSuppliedUserAgent":"..."},
--        "request":{...},"response":{...},"status":{"code":7}},"operation":{"id":"...","first":true,"last":true},"timestamp":"..."}
--      https://cloud.google.com/kubernetes-engine/docs/how-to/audit-logging
--      https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog
--      Status codes are of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto; a Status in the answer has HTTP's own.
--
-- Input: input_records (cluster, format, raw, digest, loader, seq). Output: the same without format, raw is the event.
WITH
    'Tuple(
        insertId String, timestamp String, labels Map(String, String),
        operation Tuple(id String, first Bool, last Bool),
        protoPayload Tuple(
            methodName String, resourceName String,
            authenticationInfo Tuple(principalEmail String),
            authorizationInfo Array(Tuple(granted Bool, permission String)),
            requestMetadata Tuple(callerIp String, callerSuppliedUserAgent String),
            status Tuple(code Int32),
            response Tuple(kind String, code UInt16, reason String)))' AS entry_type,
    readable AS
    (
        SELECT
            cluster, format, digest, loader, seq, raw,
            multiIf(format = 'k8s-audit', '', startsWith(raw, '{'), {readable_json}, raw) AS envelope
        FROM input_records
    ),
    entries AS
    (
        SELECT
            *,
            if(format = 'gke', JSONExtract(envelope, entry_type), defaultValueOfTypeName(entry_type)) AS entry,
            entry.protoPayload AS p,
            splitByChar('.', p.methodName) AS method,        -- io.k8s.GROUP reversed.VERSION.RESOURCE.SUBRESOURCE.VERB
            splitByChar('/', p.resourceName) AS path,        -- GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE
            arrayFirstIndex(x -> match(x, '^v[0-9]+(?:(?:alpha|beta)[0-9]+)?$'), method) AS version_at,  -- 0: no resource, a path of the API
            if(version_at = 0, '', method[version_at + 1]) AS resource
        FROM readable
    )
SELECT
    cluster,
    digest,
    loader,
    seq,
    multiIf(
        format = 'k8s-audit', raw,
        format = 'gke' AND envelope != '', concat(
            '{"auditID":', toJSONString(if(entry.operation.id = '', entry.insertId, entry.operation.id)),
            -- of a request that lasts (watch, exec) begin and end are told
            ',"stage":"', multiIf(entry.operation.last, 'ResponseComplete', entry.operation.first, 'ResponseStarted', ''),
            '","verb":', toJSONString(method[-1]),
            ',"user":{"username":', toJSONString(p.authenticationInfo.principalEmail),
            '},"sourceIPs":', toJSONString(arrayFilter(a -> a != '', [p.requestMetadata.callerIp])),
            ',"userAgent":', toJSONString(p.requestMetadata.callerSuppliedUserAgent),
            if(version_at = 0, concat(',"requestURI":', toJSONString(concat('/', p.resourceName))), concat(
                ',"objectRef":{"resource":', toJSONString(resource),
                ',"subresource":', toJSONString(arrayStringConcat(arraySlice(method, version_at + 2, greatest(length(method) - version_at - 2, 0)), '/')),
                ',"apiGroup":', toJSONString(if(path[1] = 'core', '', path[1])),
                ',"apiVersion":', toJSONString(method[version_at]),
                ',"namespace":', toJSONString(if(path[3] = 'namespaces', path[4], '')),
                ',"name":', toJSONString(if(path[3] = 'namespaces' AND resource != 'namespaces', path[6], path[4])), '}')),
            if(NOT JSONHas(envelope, 'protoPayload', 'status') AND p.response.kind != 'Status', '', concat(
                ',"responseStatus":{"code":', toString(if(p.response.kind = 'Status' AND p.response.code > 0, toInt64(p.response.code),
                    transform(toInt64(p.status.code), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
                        [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401], 0))),
                ',"reason":', toJSONString(p.response.reason), '}')),
            if(JSONHas(envelope, 'protoPayload', 'request'), concat(',"requestObject":', JSONExtractRaw(envelope, 'protoPayload', 'request')), ''),
            if(JSONHas(envelope, 'protoPayload', 'response'), concat(',"responseObject":', JSONExtractRaw(envelope, 'protoPayload', 'response')), ''),
            ',"requestReceivedTimestamp":', toJSONString(entry.timestamp),
            ',"annotations":', toJSONString(if(mapContains(entry.labels, 'authorization.k8s.io/decision') OR empty(p.authorizationInfo), entry.labels,
                mapUpdate(entry.labels, map('authorization.k8s.io/decision', if(p.authorizationInfo[1].granted, 'allow', 'forbid'))))), '}'),
        {enveloped_event}) AS raw
FROM entries
