-- Records of a source that have neither a typed row nor a dead letter.
-- {table}: the typed table; {made_of}: digests of a row. Parameters: {source:String}; {slices:UInt64}, {slice:UInt64}: the part
-- of all digests looked at, for a set of them has to fit into memory.
-- Columns: records, digest (hex, of the first).
-- Algorithm: records whose digest no row names; of two records that are one event byte for byte not the same, the row names one:
-- those of an event that has a row are fine.
WITH
    bare AS
    (
        SELECT cluster, node, event_key, digest
        FROM records_all
        WHERE source = {source:String} AND reinterpretAsUInt64(substring(digest, 1, 8)) % {slices:UInt64} = {slice:UInt64}
          AND digest NOT IN (SELECT d FROM {table} FINAL ARRAY JOIN {made_of} AS d WHERE reinterpretAsUInt64(substring(d, 1, 8)) % {slices:UInt64} = {slice:UInt64})
          AND digest NOT IN (SELECT digest FROM dead_letters FINAL WHERE source = {source:String})
    ),
    others AS
    (
        SELECT cluster, node, event_key
        FROM records_all
        WHERE source = {source:String} AND (cluster, node, event_key) IN (SELECT cluster, node, event_key FROM bare)
          AND digest IN (SELECT d FROM {table} FINAL ARRAY JOIN {made_of} AS d)
    )
SELECT uniqExact(bare.digest) AS records, lower(hex(min(bare.digest))) AS digest
FROM bare
WHERE (cluster, node, event_key) NOT IN (SELECT * FROM others)
