-- Addresses of nodes: what pods on the host's network and the kubelet call the API from, and where a pod's traffic goes out that the
-- node translates. Parameter: {version:UInt64}. Columns: those of node_addresses.
-- Algorithm: bodies tell them (a Node's addresses, a pod's hostIP, the address of a pod on the host's network). So does the kubelet, which
-- calls from its own: of the addresses its account came from those with a tenth of its requests or more, for a stolen certificate is used
-- less than the kubelet uses it. What is said of several nodes is a proxy's, and none's.
WITH
    told AS
    (
        SELECT cluster, name AS node, arrayJoin(addresses) AS address, 'node' AS method, time, digest
        FROM k8s_audit FINAL WHERE resource = 'nodes' AND notEmpty(addresses) AND name != '' AND code < 400 AND startsWith(username, 'system:')
          AND /*scope node (cluster, name)*/ 1
        UNION ALL
        SELECT cluster, node_name AS node, arrayJoin(arrayFilter(a -> a != '', arrayPushBack(if(host_network, addresses, []), host_ip))) AS address, 'pod' AS method, time, digest
        FROM k8s_audit FINAL WHERE resource = 'pods' AND node_name != '' AND code < 400 AND (host_ip != '' OR host_network)
          AND /*scope node (cluster, node_name)*/ 1
    ),
    called AS
    (
        SELECT cluster, substring(username, 13) AS node, source_ips[-1] AS address, count() AS n, min(time) AS first_time, max(time) AS last_time, argMin(digest, (time, digest)) AS first_digest
        FROM k8s_audit FINAL
        WHERE startsWith(username, 'system:node:') AND startsWith(user_agent, 'kubelet') AND notEmpty(source_ips) AND /*scope node (cluster, substring(username, 13))*/ 1
        GROUP BY cluster, node, address
    ),
    all_told AS
    (
        SELECT cluster, node, address, method, min(time) AS first_seen, max(time) AS last_seen, argMin(digest, (time, digest)) AS digest
        FROM told GROUP BY cluster, node, address, method
        UNION ALL
        SELECT cluster, node, address, 'kubelet' AS method, first_time, last_time, first_digest
        FROM (SELECT *, sum(n) OVER (PARTITION BY cluster, node) AS all_n FROM called)
        WHERE 10 * n >= all_n
    )
SELECT
    cluster,
    min(node) AS node,
    address,
    arraySort(groupUniqArray(method)) AS methods,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    arraySort(groupUniqArray(digest)) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM all_told
WHERE address != '' AND NOT startsWith(address, '127.') AND address != '::1'
GROUP BY cluster, address
HAVING uniqExact(node) = 1
