-- Kubernetes API audit events to rows of k8s_audit.
--
-- Sample: {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"74fe...","stage":"ResponseComplete",
--          "requestURI":"/api/v1/namespaces/shop/pods","verb":"create","user":{"username":"alice","groups":[...],"extra":{...}},
--          "sourceIPs":["10.20.0.11"],"userAgent":"kubectl/...","objectRef":{...},"responseStatus":{"code":201},
--          "requestObject":{...},"responseObject":{...},"requestReceivedTimestamp":"...","stageTimestamp":"...","annotations":{...}}
-- Specification: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/; v1beta1, v1alpha1 and older events without a version:
-- https://github.com/kubernetes/kubernetes/blob/v1.23.0/staging/src/k8s.io/apiserver/pkg/apis/audit/v1alpha1/types.go. Bodies that the server
-- leaves out as too large: https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apiserver/plugin/pkg/audit/truncate/truncate.go
--
-- Input: input_records (cluster, raw, digest, loader, seq), one event each, with an auditID; readable-json.sql says what is read of it.
-- The event is read once for what it says itself, once for the one body that counts; only what the engine's parser refuses is mended.
-- Body: what the server answered where it answered with the object, else what was asked for. A pod template of a workload
-- (Deployment, Job, CronJob ...) is read like a pod's own spec.
-- Four of five events have no body: blocks `of bodies ... without ... end` are read as one or the other (decode.ts), for the engine prepares
-- a column of a body as long for events that have none.
-- Each step is a query of its own, and decode.ts keeps the engine from merging them: merged, it filters wide tuples row by row
-- wherever a condition may leave out a function (measured: three times the time).
WITH
    'Array(Tuple(name String, image String, command Array(String), args Array(String),
        securityContext Tuple(privileged Bool, capabilities Tuple(add Array(String)))))' AS containers_type,
    concat('nodeName String, serviceAccountName String, hostNetwork Bool, hostPID Bool, hostIPC Bool,
        containers ', containers_type, ', initContainers ', containers_type, ', ephemeralContainers ', containers_type, ',
        volumes Array(Tuple(hostPath Tuple(path String)))') AS pod_spec,
    'Tuple(containerID String, exitCode Int32, signal Int32, reason String, startedAt String, finishedAt String)' AS terminated_type,
    concat('Array(Tuple(name String, containerID String, image String, imageID String,
        state Tuple(running Tuple(startedAt String), terminated ', terminated_type, '), lastState Tuple(terminated ', terminated_type, ')))') AS statuses_type,
    (id -> replaceRegexpOne(id, '^[^/]*//', '')) AS without_runtime,
    (t -> parseDateTime64BestEffortOrZero(t, 3, 'UTC')) AS second_of,
    -- a status tells of the container that is, and of the one it took the place of
    ((kind, s) -> arrayConcat(
        arrayMap(c -> (kind, c.name, without_runtime(c.containerID), c.image, c.imageID,
            second_of(if(c.state.running.startedAt != '', c.state.running.startedAt, c.state.terminated.startedAt)), second_of(c.state.terminated.finishedAt),
            c.state.terminated.exitCode, c.state.terminated.signal, c.state.terminated.reason), s),
        arrayMap(c -> (kind, c.name, without_runtime(c.lastState.terminated.containerID), '', '',
            second_of(c.lastState.terminated.startedAt), second_of(c.lastState.terminated.finishedAt),
            c.lastState.terminated.exitCode, c.lastState.terminated.signal, c.lastState.terminated.reason), s))) AS statuses_of,
    concat('Tuple(
        kind String,
        metadata Tuple(name String, uid String, ownerReferences Array(Tuple(kind String, name String, uid String, controller Bool)),
            labels Map(String, String), annotations Tuple(`kubernetes.io/config.hash` String)),
        status Tuple(podIP String, podIPs Array(Tuple(ip String)), hostIP String, phase String, reason String, addresses Array(Tuple(type String, address String)),
            containerStatuses ', statuses_type, ', initContainerStatuses ', statuses_type, ', ephemeralContainerStatuses ', statuses_type, '),
        target Tuple(name String),
        roleRef Tuple(kind String, name String),
        subjects Array(Tuple(kind String, namespace String, name String)),
        spec Tuple(', pod_spec, ', clusterIPs Array(String), schedule String, template Tuple(spec Tuple(', pod_spec, ')),
            jobTemplate Tuple(spec Tuple(template Tuple(spec Tuple(', pod_spec, '))))))') AS body_type,
    'Tuple(audiences Array(String), expirationSeconds UInt64, boundObjectRef Tuple(kind String, name String, uid String))' AS token_type,
    'Tuple(
        apiVersion String, level String, auditID String, stage String, requestURI String, verb String,
        user Tuple(username String, uid String, groups Array(String), extra Map(String, Array(String))),
        impersonatedUser Tuple(username String, uid String, groups Array(String), extra Map(String, Array(String))),
        sourceIPs Array(String), userAgent String,
        objectRef Tuple(resource String, namespace String, name String, uid String, apiGroup String, apiVersion String, subresource String),
        responseStatus Tuple(code UInt16, reason String),
        requestReceivedTimestamp String, stageTimestamp String,
        annotations Map(String, String),
        requestObject Tuple(kind String), responseObject Tuple(kind String))' AS event_type,
    readable AS
    (
        SELECT
            cluster, digest, loader, seq, raw,
            JSONExtract(raw, event_type) AS plain,
            {is_mended} AS mended,
            if(mended, {readable_json}, raw) AS json,
            if(mended, JSONExtract(json, event_type), plain) AS e
        FROM input_records
    ),
    bodies AS
    (
        SELECT
            *,
            -- a body of no kind is a patch, or none
            {has_body} AND e.level != 'Metadata' AND (e.requestObject.kind != '' OR position(json, '"requestObject"') > 0 AND JSONHas(json, 'requestObject')) AS has_request,
            {has_body} AND e.level != 'Metadata' AND (e.responseObject.kind != '' OR position(json, '"responseObject"') > 0 AND JSONHas(json, 'responseObject')) AS has_response,
            -- the API server left both bodies out as too large, or AKS one of them
            e.annotations['audit.k8s.io/truncated'] = 'true' AS truncated,
            truncated OR {has_body} AND position(json, '"skipped-too-big-size-object"') > 0
                AND 'skipped-too-big-size-object' IN (JSONExtractString(json, 'requestObject'), JSONExtractString(json, 'responseObject')) AS body_left_out,
            -- of bodies
            multiIf(truncated, '', e.responseObject.kind IN ('Status', ''), 'requestObject', 'responseObject') AS body_name,
            JSONExtract(json, body_name, body_type) AS o,
            -- end
            extractURLParameters(e.requestURI) AS uri_parameters
        FROM readable
    ),
    pods AS
    (
        SELECT
            *,
            -- of bodies
            o.spec AS s,
            s.template.spec AS t,
            s.jobTemplate.spec.template.spec AS j,
            arrayConcat(s.initContainers, s.containers, s.ephemeralContainers, t.initContainers, t.containers, j.initContainers, j.containers) AS all_containers,
            arrayFirst(r -> r.controller, o.metadata.ownerReferences) AS owner,
            if(e.objectRef.resource = 'serviceaccounts' AND e.objectRef.subresource = 'token', JSONExtract(json, body_name, 'spec', token_type), defaultValueOfTypeName(token_type)) AS token,
            -- end
            mended AND NOT has_request AND NOT has_response
                AND (position(raw, ',"requestObject":') > 0 OR position(raw, ',"responseObject":') > 0) AS unreadable_body
        FROM bodies
    )
SELECT
    cluster,
    parseDateTime64BestEffortOrZero(multiIf(
        e.requestReceivedTimestamp != '', e.requestReceivedTimestamp,
        e.stageTimestamp != '', e.stageTimestamp,
        -- of v1alpha1, and of v1beta1 before 1.10
        JSONHas(json, 'timestamp'), JSONExtractString(json, 'timestamp'), JSONExtractString(json, 'metadata', 'creationTimestamp')), 9, 'UTC') AS time,
    parseDateTime64BestEffortOrZero(e.stageTimestamp, 9, 'UTC') AS stage_time,
    e.auditID AS audit_id,
    e.stage AS stage,
    e.level AS level,
    e.verb AS verb,
    e.requestURI AS request_uri,
    e.user.username AS username,
    e.user.uid AS user_uid,
    e.user.groups AS user_groups,
    arrayElement(e.user.extra['authentication.kubernetes.io/credential-id'], 1) AS credential_id,
    arrayElement(e.user.extra['authentication.kubernetes.io/pod-name'], 1) AS user_pod_name,
    arrayElement(e.user.extra['authentication.kubernetes.io/pod-uid'], 1) AS user_pod_uid,
    arrayElement(e.user.extra['authentication.kubernetes.io/node-name'], 1) AS user_node_name,
    e.impersonatedUser.username AS impersonated_user,
    e.impersonatedUser.groups AS impersonated_groups,
    e.sourceIPs AS source_ips,
    e.userAgent AS user_agent,
    e.objectRef.resource AS resource,
    e.objectRef.subresource AS subresource,
    -- v1alpha1 has both in one
    if(position(e.objectRef.apiVersion, '/') > 0, splitByChar('/', e.objectRef.apiVersion)[1], e.objectRef.apiGroup) AS api_group,
    if(position(e.objectRef.apiVersion, '/') > 0, splitByChar('/', e.objectRef.apiVersion)[2], e.objectRef.apiVersion) AS api_version,
    e.objectRef.namespace AS namespace,
    -- of bodies
    if(e.objectRef.name = '', o.metadata.name, e.objectRef.name) AS name,
    if(e.objectRef.uid = '', o.metadata.uid, e.objectRef.uid) AS object_uid,
    -- without
    e.objectRef.name AS name,
    e.objectRef.uid AS object_uid,
    -- end
    e.responseStatus.code AS code,
    e.responseStatus.reason AS status_reason,
    e.annotations['authorization.k8s.io/decision'] AS decision,
    e.annotations['authorization.k8s.io/reason'] AS decision_reason,
    e.annotations AS annotations,
    arrayMap(p -> decodeURLFormComponent(substring(p, 9)), arrayFilter(p -> startsWith(p, 'command='), uri_parameters)) AS exec_command,
    if(e.objectRef.subresource IN ('exec', 'attach'), decodeURLFormComponent(extractURLParameter(e.requestURI, 'container')), '') AS exec_container,
    -- of bodies
    owner.kind AS owner_kind,
    owner.name AS owner_name,
    owner.uid AS owner_uid,
    if(e.objectRef.subresource = 'binding', o.target.name, coalesce(nullIf(s.nodeName, ''), nullIf(t.nodeName, ''), j.nodeName)) AS node_name,
    o.status.podIP AS pod_ip,
    s.hostNetwork OR t.hostNetwork OR j.hostNetwork AS host_network,
    s.hostPID OR t.hostPID OR j.hostPID AS host_pid,
    s.hostIPC OR t.hostIPC OR j.hostIPC AS host_ipc,
    arrayExists(c -> c.securityContext.privileged, all_containers) AS privileged,
    arrayDistinct(arrayFlatten(arrayMap(c -> c.securityContext.capabilities.add, all_containers))) AS capabilities_added,
    arrayFilter(p -> p != '', arrayMap(v -> v.hostPath.path, arrayConcat(s.volumes, t.volumes, j.volumes))) AS host_paths,
    arrayMap(c -> c.image, all_containers) AS images,
    arrayMap(c -> arrayStringConcat(arrayConcat(c.command, c.args), ' '), all_containers) AS commands,
    coalesce(nullIf(s.serviceAccountName, ''), nullIf(t.serviceAccountName, ''), j.serviceAccountName) AS service_account,
    arrayMap(c -> without_runtime(c.containerID), arrayConcat(o.status.initContainerStatuses, o.status.containerStatuses, o.status.ephemeralContainerStatuses)) AS container_ids,
    arrayMap(c -> c.name, s.initContainers) AS init_containers,
    arrayFilter(c -> c.3 != '', arrayConcat(statuses_of('init', o.status.initContainerStatuses), statuses_of('container', o.status.containerStatuses),
        statuses_of('ephemeral', o.status.ephemeralContainerStatuses))) AS container_statuses,
    o.roleRef.kind AS role_kind,
    o.roleRef.name AS role_name,
    arrayMap(x -> concat(x.kind, ':', x.namespace, ':', x.name), o.subjects) AS subjects,
    s.schedule AS schedule,
    -- without
    '' AS owner_kind, '' AS owner_name, '' AS owner_uid, '' AS node_name, '' AS pod_ip,
    false AS host_network, false AS host_pid, false AS host_ipc, false AS privileged, [] AS capabilities_added, [] AS host_paths,
    [] AS images, [] AS commands, '' AS service_account, [] AS container_ids, [] AS init_containers, [] AS container_statuses,
    '' AS role_kind, '' AS role_name, [] AS subjects, '' AS schedule,
    -- end
    multiIf(unreadable_body, 'unreadable', body_left_out, 'truncated', has_request AND has_response, 'both', has_request, 'request', has_response, 'response', 'none') AS body,
    length(raw) > 1048576 AS oversized,
    e.apiVersion AS event_api_version,
    e.impersonatedUser.uid AS impersonated_uid,
    e.impersonatedUser.extra AS impersonated_extra,
    if(e.objectRef.subresource IN ('exec', 'attach'), arrayMap(p -> splitByChar('=', p)[1],
        arrayFilter(p -> match(p, '^(?:stdin|stdout|stderr|tty)=') AND splitByChar('=', p)[2] NOT IN ('0', 'false'), uri_parameters)), []) AS exec_streams,
    -- of bodies
    arrayDistinct(arrayFilter(d -> d != '', arrayMap(i -> extract(i, '(?:^|@)(sha256:[0-9a-f]{64})$'), arrayConcat(images,
        arrayMap(c -> c.imageID, o.status.initContainerStatuses), arrayMap(c -> c.imageID, o.status.containerStatuses))))) AS image_digests,
    if(e.objectRef.subresource = 'ephemeralcontainers', arrayMap(c -> concat(c.name, '=', c.image),
        JSONExtract(json, body_name, 'spec', 'ephemeralContainers', 'Array(Tuple(name String, image String))')), []) AS ephemeral_containers,
    token.audiences AS token_audiences,
    token.expirationSeconds AS token_expiration_seconds,
    if(token.boundObjectRef.kind = '', '', concat(token.boundObjectRef.kind, ':', token.boundObjectRef.name, ':', token.boundObjectRef.uid)) AS token_bound_to,
    if(e.objectRef.resource IN ('mutatingwebhookconfigurations', 'validatingwebhookconfigurations'),
        arrayMap(w -> if(w.clientConfig.url != '', w.clientConfig.url, concat(w.clientConfig.service.namespace, '/', w.clientConfig.service.name, w.clientConfig.service.path)),
            JSONExtract(json, body_name, 'webhooks', 'Array(Tuple(clientConfig Tuple(url String, service Tuple(namespace String, name String, path String))))')), []) AS webhook_targets,
    o.metadata.labels AS labels,
    o.metadata.annotations.1 AS config_hash,
    o.status.phase AS phase,
    o.status.reason AS phase_reason,
    o.status.hostIP AS host_ip,
    multiIf(
        e.objectRef.resource = 'pods', arrayDistinct(arrayFilter(i -> i != '', arrayPushFront(arrayMap(p -> p.ip, o.status.podIPs), o.status.podIP))),
        e.objectRef.resource = 'nodes', arrayMap(a -> a.address, arrayFilter(a -> endsWith(a.type, 'IP'), o.status.addresses)),
        e.objectRef.resource = 'services', arrayFilter(i -> i NOT IN ('', 'None'), s.clusterIPs), []) AS addresses,
    -- without
    [] AS image_digests, [] AS ephemeral_containers, [] AS token_audiences, 0 AS token_expiration_seconds, '' AS token_bound_to, [] AS webhook_targets,
    CAST(map(), 'Map(String, String)') AS labels, '' AS config_hash, '' AS phase, '' AS phase_reason, '' AS host_ip, [] AS addresses,
    -- end
    digest,
    loader,
    seq,
    -- two records may be one event, byte for byte not the same: which one the row is made of does not hang on their order
    bitShiftLeft(toUInt64(3), 32) + reinterpretAsUInt32(substring(digest, 1, 4)) AS version
FROM pods
