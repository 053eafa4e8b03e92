-- connect() to an API server, each with its process, container and pod. Parameter: {version:UInt64}. Columns: those of api_connections.
-- Algorithm: to an address where the API server is known to be reached (api-servers.sql), or a node's at a port API servers listen on; else
-- only the port speaks for it (443 in every cluster, 6443 of kubeadm and OpenShift, 8443 of minikube, 16443 of MicroK8s), and `server` is empty:
-- a shell that connects back to port 443 looks the same.
SELECT
    a.cluster AS cluster,
    a.node AS node,
    a.time AS time,
    a.serial AS serial,
    c.pod_uid AS pod_uid,
    t.container_id AS container_id,
    t.process_key AS process_key,
    a.addr AS address,
    a.port AS port,
    multiIf(s.address != '', 'known', n.address != '' AND a.port != 443, 'node', '') AS server,
    arrayDistinct([lower(toString(a.comm)), lower(basename(a.exe))]) AS programs,
    a.digests[1] AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM
(
    SELECT cluster, node, time, serial, addr, port, comm, exe, digests
    FROM auditd FINAL
    WHERE syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND /*scope event*/ 1
      AND (port IN (443, 6443, 8443, 16443) OR (cluster, addr, port) IN (SELECT cluster, address, port FROM api_servers FINAL))
) AS a
INNER JOIN (SELECT cluster, node, time, serial, container_id, process_key FROM attributions FINAL WHERE /*scope event*/ 1) AS t
    ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
LEFT ANY JOIN (SELECT cluster, node, container_id, pod_uid FROM containers FINAL) AS c
    ON t.cluster = c.cluster AND t.node = c.node AND t.container_id = c.container_id
LEFT ANY JOIN (SELECT cluster, address, port FROM api_servers FINAL) AS s ON a.cluster = s.cluster AND a.addr = s.address AND a.port = s.port
LEFT ANY JOIN (SELECT cluster, address FROM node_addresses FINAL) AS n ON a.cluster = n.cluster AND a.addr = n.address
