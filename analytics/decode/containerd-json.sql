-- An expression over `raw`: time, namespace, topic and body of a containerd event in JSON, as collectors write the envelope that
-- containerd publishes: [time, namespace, topic, body as `ctr events` prints it].
--
-- {"timestamp":"2026-11-23T13:09:55.9Z","namespace":"k8s.io","topic":"/tasks/start","event":{"container_id":"0aba...","pid":29543}}
-- {"timestamp":"...","namespace":"...","topic":"/tasks/exit","event":{"@type":"containerd.events.TaskExit","containerId":"...","exitStatus":137}}
-- {"Timestamp":"...","Namespace":"...","Topic":"...","Event":{"type_url":"containerd.events.TaskStart","value":{...}}}
-- Specification: https://github.com/containerd/containerd/blob/main/api/types/event.proto; protobuf's own JSON has camel case,
--   https://protobuf.dev/programming-guides/json/
[
    if(JSONExtractString(raw, 'timestamp') AS lower_time = '', JSONExtractString(raw, 'Timestamp'), lower_time),
    if(JSONExtractString(raw, 'namespace') AS lower_namespace = '', JSONExtractString(raw, 'Namespace'), lower_namespace),
    if(JSONExtractString(raw, 'topic') AS lower_topic = '', JSONExtractString(raw, 'Topic'), lower_topic),
    -- a quoted name before a colon is a name and no value: quotes within values are escaped
    replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(
        if(JSONType(if(JSONExtract(raw, 'event', 'String') AS lower_event = '', JSONExtract(raw, 'Event', 'String'), lower_event) AS event, 'value') = 'Object', JSONExtractRaw(event, 'value'), event),
        '"containerId"\\s*:', '"container_id":'), '"execId"\\s*:', '"exec_id":'), '"exitStatus"\\s*:', '"exit_status":'), '"sandboxId"\\s*:', '"sandbox_id":')
]
