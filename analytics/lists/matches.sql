-- What was observed anywhere, with the indicators that are about it. The table of what was observed is filled in by mark-indicators.ts.
-- Columns: type, observed, and of the indicator written, list, cluster, note, valid_from, valid_until.
-- Algorithm: an address lies in a network when the first address of its own network of that length is the network's: one equality for each
-- length there is on the lists, whatever their number. A domain stands for the names below it too.
WITH
    known AS (SELECT type, value, written, list, cluster, note, valid_from, valid_until, network, prefix FROM indicators FINAL),
    addresses AS
    (
        SELECT observed, arrayJoin((SELECT groupUniqArray(prefix) FROM known WHERE type = 'address')) AS length,
               tupleElement(IPv6CIDRToRange(assumeNotNull(toIPv6OrNull(observed)), length), 1) AS first_address
        FROM {observed} WHERE type = 'address' AND toIPv6OrNull(observed) IS NOT NULL
    ),
    names AS
    (
        SELECT observed, arrayJoin(arrayMap(n -> arrayStringConcat(arraySlice(splitByChar('.', observed), n), '.'), range(1, toUInt64(length(splitByChar('.', observed)))))) AS parent
        FROM {observed} WHERE type = 'domain'
    )
SELECT 'address' AS type, observed, written, list, cluster, note, valid_from, valid_until
FROM addresses
INNER JOIN (SELECT *, tupleElement(IPv6CIDRToRange(network, prefix), 1) AS network_first FROM known WHERE type = 'address') AS i
ON i.network_first = first_address AND i.prefix = length
UNION ALL
SELECT 'domain', observed, written, list, cluster, note, valid_from, valid_until
FROM names INNER JOIN (SELECT * FROM known WHERE type = 'domain') AS i ON i.value = parent
UNION ALL
SELECT o.type, o.observed, written, list, cluster, note, valid_from, valid_until
FROM (SELECT type, observed FROM {observed} WHERE type NOT IN ('address', 'domain')) AS o
INNER JOIN (SELECT * FROM known WHERE type NOT IN ('address', 'domain')) AS i ON i.type = o.type AND i.value = o.observed
