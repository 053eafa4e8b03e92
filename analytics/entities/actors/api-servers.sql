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
            AND (cluster, time) IN (SELECT cluster, time FROM k8s_audit WHERE resource = 'services' AND namespace = 'default' AND name = 'kubernetes')
    ),
    started AS
    (
        SELECT cluster, args AS words, digests[1] AS digest FROM containers FINAL WHERE has(arrayMap(a -> basename(a), arraySlice(args, 1, 1)), 'kube-apiserver')
        UNION ALL
        SELECT cluster, argv AS words, digests[1] AS digest FROM processes FINAL WHERE comm = 'kube-apiserver' AND notEmpty(argv)
            AND (cluster, node, process_key) IN (SELECT cluster, node, process_key FROM processes WHERE comm = 'kube-apiserver')
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
    near AS
    (
        SELECT cluster AS of_cluster, address AS addr, port, uniqExact(pod_uid) AS n, min(digest) AS first_digest FROM api_contacts FINAL GROUP BY cluster, address, port
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
    SELECT of_cluster, addr, port, 'connections', first_digest FROM (SELECT *, max(n) OVER (PARTITION BY of_cluster) AS most FROM near) WHERE n >= 2 AND 2 * n >= most
)
GROUP BY cluster, address, port
