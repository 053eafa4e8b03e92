-- Where the API server is reached: addresses and ports, as far as records tell them. Parameter: {version:UInt64}. Columns: those of api_servers.
-- Algorithm: the service `kubernetes` in the namespace `default` has a cluster IP; it is the first of the range that the API server is
-- started with, whose own address and port stand beside. Else what pods taught: who uses a token bound to a pod for the first time has just
-- connected; an address that two pods or more connected to then, and half as many as to any other, is the API server's (a connection to
-- something else at that moment is another one in each pod).
WITH
    told AS
    (
        SELECT cluster, arrayJoin(addresses) AS address, 443 AS port, 'service' AS method, digest
        FROM k8s_audit FINAL
        WHERE resource = 'services' AND namespace = 'default' AND name = 'kubernetes' AND notEmpty(addresses) AND code < 400
    ),
    started AS
    (
        SELECT cluster, args AS words, digests[1] AS digest FROM containers FINAL WHERE has(arrayMap(a -> basename(a), arraySlice(args, 1, 1)), 'kube-apiserver')
        UNION ALL
        SELECT cluster, argv AS words, digests[1] AS digest FROM auditd FINAL WHERE comm = 'kube-apiserver' AND notEmpty(argv)
    ),
    argued AS
    (
        SELECT
            cluster,
            digest,
            extract(arrayFirst(w -> startsWith(w, '--service-cluster-ip-range='), words), '=([0-9.]+/[0-9]+)') AS range,
            extract(arrayFirst(w -> startsWith(w, '--advertise-address='), words), '=(.+)') AS own,
            toUInt16OrZero(extract(arrayFirst(w -> startsWith(w, '--secure-port='), words), '=([0-9]+)')) AS given,
            arrayJoin(arrayFilter(p -> p.1 != '', [
                (if(range = '', '', toString(toIPv4(toUInt32(IPv4CIDRToRange(toIPv4OrDefault(splitByChar('/', range)[1]), toUInt8OrZero(splitByChar('/', range)[2])).1) + 1))), 443),
                (own, if(given = 0, 6443, given))])) AS place
        FROM started
    ),
    firsts AS
    (
        SELECT cluster, user_pod_uid AS uid, min(first_seen) AS seen FROM ways FINAL WHERE user_pod_uid != '' GROUP BY cluster, user_pod_uid
    ),
    of_pods AS
    (
        SELECT p.cluster AS cluster, p.node AS node, p.container_id AS container_id, p.pod_uid AS uid, f.seen AS seen
        FROM (SELECT cluster, node, container_id, pod_uid FROM containers FINAL WHERE pod_uid != '') AS p
        INNER JOIN firsts AS f ON f.cluster = p.cluster AND f.uid = p.pod_uid
    ),
    connects AS
    (
        SELECT a.cluster AS cluster, a.node AS node, a.time AS time, a.addr AS addr, a.port AS port, a.digests[1] AS digest, t.container_id AS container_id
        FROM (SELECT cluster, node, time, serial, addr, port, digests FROM auditd FINAL
              WHERE syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND port > 0 AND NOT startsWith(addr, '127.') AND addr != '::1') AS a
        INNER JOIN (SELECT cluster, node, time, serial, container_id FROM attributions FINAL WHERE container_id != '') AS t
            ON a.cluster = t.cluster AND a.node = t.node AND a.time = t.time AND a.serial = t.serial
    ),
    near AS
    (
        SELECT p.cluster AS of_cluster, c.addr AS addr, c.port AS port, uniqExact(p.uid) AS n, min(c.digest) AS digest
        FROM connects AS c
        INNER JOIN of_pods AS p ON c.cluster = p.cluster AND c.node = p.node AND c.container_id = p.container_id
        -- a handshake and a slow server take less; clocks differ
        WHERE c.time BETWEEN p.seen - INTERVAL 5 SECOND AND p.seen + INTERVAL 100 MILLISECOND
        GROUP BY of_cluster, addr, port
    )
SELECT
    cluster,
    address,
    port,
    arraySort(groupUniqArray(method)) AS methods,
    arraySort(groupUniqArray(digest)) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM
(
    SELECT cluster, address, toUInt16(port) AS port, method, min(digest) AS digest FROM told GROUP BY cluster, address, port, method
    UNION ALL
    SELECT cluster, place.1, toUInt16(place.2), 'arguments', min(digest) FROM argued GROUP BY ALL
    UNION ALL
    SELECT of_cluster, addr, port, 'connections', digest FROM (SELECT *, max(n) OVER (PARTITION BY of_cluster) AS most FROM near) WHERE n >= 2 AND 2 * n >= most
)
GROUP BY cluster, address, port
