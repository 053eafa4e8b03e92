-- What the addresses are that the ways of token-ways.sql come from: a node's, or pods' with their lifetimes, and who else comes from there.
SELECT
    a.cluster AS cluster,
    a.peer AS peer,
    toString(n.node) AS node,
    p.pods AS pods,
    a.people AS people
FROM
(
    SELECT cluster, source_ips[-1] AS peer, arraySort(groupUniqArrayIf((toString(username), toUnixTimestamp64Milli(first_seen)), username != '' AND NOT startsWith(username, 'system:'))) AS people
    FROM ways FINAL
    GROUP BY cluster, peer
) AS a
LEFT ANY JOIN (SELECT cluster, node, address FROM node_addresses FINAL) AS n ON n.cluster = a.cluster AND n.address = a.peer
LEFT ANY JOIN
(
    SELECT cluster, ip, arraySort(groupArray((toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(ended_at), concat(namespace, '/', pod), pod_uid,
               concat('system:serviceaccount:', namespace, ':', service_account)))) AS pods
    FROM pods FINAL ARRAY JOIN ips AS ip
    WHERE NOT host_network AND (cluster, ip) IN (SELECT cluster, source_ips[-1] FROM ways FINAL)
    GROUP BY cluster, ip
) AS p ON p.cluster = a.cluster AND p.ip = a.peer
