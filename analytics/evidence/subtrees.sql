-- Roots of the perfect subtrees of a segment, 1,024 leaves each, the last one of the rest; hashed where the leaves are.
-- Parameters: {segment:UInt64}, {leaves:UInt64}. Columns: chunk (from 0), leaves, root (hex). In order of chunk.
-- Algorithm: pair neighbours ten times, a last one without neighbour moves up unchanged, which is the tree of RFC 6962.
SELECT chunk, length(hashes) AS leaves, lower(hex(tree[1])) AS root
FROM
(
    SELECT
        intDiv(n, 1024) AS chunk,
        arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((n, leaf)))) AS hashes,
        arrayFold((level, step) ->
            arrayMap(i -> if(i < length(level), SHA256(concat(char(1), level[i], level[i + 1])), level[i]), range(1, length(level) + 1, 2)),
            range(10), hashes) AS tree
    FROM seal_leaves FINAL
    WHERE segment = {segment:UInt64} AND n < {leaves:UInt64}
    GROUP BY chunk
)
ORDER BY chunk
SETTINGS optimize_aggregation_in_order = 1, max_block_size = 16384
