-- Roots of the perfect subtrees of a segment, 1,024 leaves each, the last one of the rest; hashed where the leaves are.
-- Parameters: {segment:UInt64}, {leaves:UInt64}. Columns: chunk (from 0), leaves, root (hex). In order of chunk.
-- Algorithm: pair neighbours ten times, a last one without neighbour moves up unchanged, which is the tree of RFC 6962.
SELECT chunk, length(hashes) AS leaves, lower(hex(tree[1])) AS root
FROM
(
    SELECT
        intDiv(n, 1024) AS chunk,
        arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((n, leaf)))) AS hashes,
        -- no lambda takes an array from outside: the engine would copy it for every element
        arrayFold((level, step) -> arrayMap((l, r, paired) -> if(paired, SHA256(concat(char(1), l, r)), l),
                arrayFilter((h, i) -> i % 2 = 1, level, arrayEnumerate(level)) AS lefts,
                arrayResize(arrayFilter((h, i) -> i % 2 = 0, level, arrayEnumerate(level)) AS rights, length(lefts)),
                arrayResize(arrayMap(h -> true, rights), length(lefts), false)),
            range(10), hashes) AS tree
    FROM seal_leaves FINAL
    WHERE segment = {segment:UInt64} AND n < {leaves:UInt64}
    GROUP BY chunk
)
ORDER BY chunk
SETTINGS optimize_aggregation_in_order = 1, max_block_size = 16384
