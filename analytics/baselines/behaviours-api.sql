-- What principals asked of the API, from where and by which program, hour by hour; and what workloads asked, where the caller is known.
-- Table {containers}: container-subjects.sql. Parameters: {version:UInt64}; {novelty_rules:Array(String)}. Columns: those of behaviours.
-- Kinds: api (verb and resource), api-refused (asked and not given), api-namespace, address, agent.
-- All nodes are one principal: each does what the others do. Addresses of pods and nodes change with them and are told as such. A request at its last
-- stage counts once; requests of findings of level medium and above are kept out of learning. Of one kind in one hour 200 values.
WITH
    bad AS
    (
        SELECT DISTINCT arrayJoin(digests) AS digest FROM findings FINAL
        WHERE severity IN ('medium', 'high', 'critical') AND source = 'k8s-audit' AND NOT has({novelty_rules:Array(String)}, rule_id)
    ),
    requests AS
    (
        SELECT
            cluster, time, audit_id, stage, digest, username, source_ips[1] AS address, user_agent, namespace, name, resource, code, impersonated_user,
            if(startsWith(username, 'system:node:'), 'system:node:*', username) AS who,
            -- connect is the API's own word for these: kubectl asks with get over WebSockets, with create before
            if(subresource IN ('exec', 'attach', 'portforward', 'proxy'), 'connect', verb) AS asks,
            if(resource != '',
                concat(asks, ' ', resource, if(api_group IN ('', 'v1'), '', concat('.', api_group)), if(subresource = '', '', concat('/', subresource))),
                concat(asks, ' ', replaceRegexpAll(extract(request_uri, '^(?:/[^/?]*){1,2}'), '[0-9]{4,}', '*'))) AS asked,
            toUInt8(transform(toString(stage), ['ResponseComplete', 'Panic', 'ResponseStarted'], [0, 1, 2], 3)) AS stage_rank
        FROM k8s_audit FINAL
        WHERE stage != 'RequestReceived' AND username != ''
    ),
    told AS
    (
        SELECT
            r.cluster AS cluster, r.time AS time, r.audit_id AS audit_id, r.stage AS stage, r.digest AS digest, r.username AS username, r.address AS address, r.namespace AS namespace, r.name AS name, r.resource AS resource, r.code AS code, r.who AS who, r.stage_rank AS stage_rank,
            multiIf(
                r.address = '', '',
                r.address IN ('127.0.0.1', '::1'), 'loopback',
                (r.cluster, r.address) IN (SELECT cluster, address FROM node_addresses FINAL), 'node',
                (r.cluster, r.address) IN (SELECT cluster, arrayJoin(ips) FROM pods FINAL WHERE NOT host_network), 'pod',
                -- of a pod that was there before its records; each node has a range of its own
                startsWith(r.username, 'system:serviceaccount:') AND isIPv4String(r.address) AND
                    (isIPAddressInRange(if(isIPv4String(r.address), r.address, '0.0.0.0'), '10.0.0.0/8') OR isIPAddressInRange(if(isIPv4String(r.address), r.address, '0.0.0.0'), '172.16.0.0/12')
                     OR isIPAddressInRange(if(isIPv4String(r.address), r.address, '0.0.0.0'), '192.168.0.0/16')), 'private',
                r.address) AS from_where,
            extract(r.user_agent, '^[^/( ]+') AS agent,
            arrayFilter(f -> f.2 != '', arrayConcat(
                [(if(r.code IN (401, 403), 'api-refused', 'api'), r.asked), ('api-namespace', toString(r.namespace)), ('address', from_where), ('agent', agent)],
                if(r.impersonated_user = '', [], [('api', 'impersonate users')]))) AS facts,
            w.subject AS caller_subject, w.subject_kind AS caller_kind, w.likeness AS caller_likeness, w.image_version AS image_version,
            w.namespace AS caller_namespace, w.pod AS caller_pod, w.pod_uid AS caller_pod_uid, w.container_id AS container_id, c.process_key AS process_key, c.node AS caller_node
        FROM requests AS r
        LEFT ANY JOIN (SELECT cluster, audit_id, node, container_id, process_key FROM callers FINAL WHERE container_id != '') AS c ON r.cluster = c.cluster AND r.audit_id = c.audit_id
        LEFT ANY JOIN {containers} AS w ON c.cluster = w.cluster AND c.node = w.node AND c.container_id = w.container_id
    ),
    facts AS
    (
        SELECT
            cluster, time, audit_id, stage, stage_rank, digest, username, address, namespace, name, resource,
            digest IN (SELECT digest FROM bad) AS is_bad, caller_node, caller_pod_uid, image_version, container_id, process_key,
            -- (subject, its kind, likeness, kind, value): accounts of one name in many namespaces are alike
            arrayJoin(arrayConcat(
                arrayMap(f -> (concat('principal/', who), 'principal', if(startsWith(who, 'system:serviceaccount:'), concat('serviceaccount:', extract(who, '[^:]*$')), ''), f.1, f.2), facts),
                if(caller_subject = '', [], arrayMap(f -> (toString(caller_subject), toString(caller_kind), toString(caller_likeness), f.1, f.2), arrayFilter(f -> f.1 IN ('api', 'api-refused'), facts))))) AS fact
        FROM told
    ),
    hourly AS
    (
        SELECT
            cluster, fact.1 AS subject, fact.4 AS kind, fact.5 AS value, toStartOfHour(f.time) AS hour,
            argMin((fact.2, fact.3, f.time, audit_id, stage, digest, caller_node, namespace, if(resource = 'pods', name, ''), container_id, process_key, username, image_version),
                (f.time, audit_id, stage_rank)) AS first,
            uniqExact(multiIf(fact.2 != 'principal', caller_pod_uid, startsWith(username, 'system:node:'), username, address)) AS shown_in,
            uniqExact(audit_id) AS seen,
            uniqExactIf(audit_id, NOT is_bad) AS seen_good
        FROM facts AS f
        GROUP BY cluster, subject, kind, value, hour
        ORDER BY first.3, first.4, value
        LIMIT 200 BY cluster, subject, kind, hour
    )
SELECT
    cluster, subject, kind, value, hour, first.1 AS subject_kind, first.2 AS likeness, 'k8s-audit' AS layer, first.3 AS time, first.4 AS event_key,
    concat(first.4, '/', first.5) AS event_id, first.6 AS digest, first.7 AS node, first.8 AS namespace, first.9 AS pod, '' AS pod_uid, first.10 AS container_id,
    first.11 AS process_key, first.12 AS principal, first.13 AS image_version, shown_in AS instances, seen AS events, seen_good AS learned, {version:UInt64} AS version, 0 AS is_deleted
FROM hourly
