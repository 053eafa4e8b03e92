-- Records that a chain or a hold needs, copied from the bulk table to records_kept; those already there are left alone.
-- keep.ts puts in which: those of a partition, those of a hold.
INSERT INTO records_kept ({columns})
SELECT {columns}
FROM records FINAL
WHERE {condition}
  AND (cluster, digest) IN ({needed})
  AND (source, cluster, node, digest) NOT IN (SELECT source, cluster, node, digest FROM records_kept)
