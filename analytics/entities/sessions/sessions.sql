-- Requests by which somebody comes into a pod, one row an auditID: exec, attach, port-forward and debug (an ephemeral container is added),
-- and exec, run, attach and portForward of a kubelet through the API server's proxy. Times in microseconds, 0 unknown.
WITH
    wanted AS
    (
        SELECT
            *,
            splitByChar('?', request_uri)[1] AS uri_path,
            splitByChar('/', extract(uri_path, '/proxy/((?:exec|run|attach|portForward)/.*)$')) AS proxied, -- exec/NAMESPACE/POD[/UID]/CONTAINER
            arrayMap(p -> decodeURLFormComponent(p), extractAll(request_uri, '[?&](?:ports?)=([^&]*)')) AS ports,
            arrayMap(p -> decodeURLFormComponent(p), extractAll(request_uri, '[?&](?:command|cmd)=([^&]*)')) AS uri_command
        FROM k8s_audit FINAL
        WHERE (resource = 'pods' AND (subresource IN ('exec', 'attach', 'portforward') OR subresource = 'ephemeralcontainers' AND verb IN ('patch', 'update'))
               OR resource = 'nodes' AND subresource = 'proxy' AND match(request_uri, '/proxy/(exec|run|attach|portForward)/'))
          -- few: their keys first
          AND (cluster, time) IN (SELECT cluster, time FROM k8s_audit WHERE subresource IN ('exec', 'attach', 'portforward', 'ephemeralcontainers', 'proxy'))
          AND /*scope request (cluster, audit_id)*/ 1
    ),
    named AS
    (
        SELECT
            *,
            resource = 'nodes' AS by_proxy,
            multiIf(by_proxy, transform(proxied[1], ['exec', 'run', 'attach', 'portForward'], ['exec', 'exec', 'attach', 'portforward'], ''),
                    subresource = 'ephemeralcontainers', 'debug', subresource) AS kind,
            if(by_proxy, proxied[2], namespace) AS pod_namespace,
            if(by_proxy, proxied[3], name) AS pod_name,
            multiIf(NOT by_proxy, exec_container, proxied[1] = 'portForward', '', proxied[-1]) AS container_name,
            if(by_proxy OR empty(exec_command), uri_command, exec_command) AS command
        FROM wanted
    )
SELECT
    cluster, audit_id,
    max(kind) AS kind,
    max(username) AS principal,
    max(impersonated_user) AS impersonated,
    argMax(source_ips, length(source_ips)) AS source_ips,
    max(user_agent) AS user_agent,
    max(pod_namespace) AS namespace,
    max(pod_name) AS pod,
    max(container_name) AS container_name,
    max(command) AS command,
    max(ports) AS ports,
    argMax(ephemeral_containers, length(ephemeral_containers)) AS ephemeral,
    toUnixTimestamp64Micro(min(time)) AS requested_us,
    toUnixTimestamp64Micro(maxIf(stage_time, stage IN ('ResponseComplete', 'Panic'))) AS completed_us,
    max(code) AS code,
    arraySort(groupUniqArrayIf(lower(hex(digest)), stage NOT IN ('ResponseComplete', 'Panic'))) AS begin_digests,
    arraySort(groupUniqArrayIf(lower(hex(digest)), stage IN ('ResponseComplete', 'Panic'))) AS end_digests
FROM named
GROUP BY cluster, audit_id
ORDER BY requested_us, cluster, audit_id
