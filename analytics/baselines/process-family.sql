-- Every process with its parent's program. Columns: cluster, node, process_key, parent_key, ppid, container_id, first_seen, program, parent_program.
WITH p AS
(
    SELECT cluster, node, process_key, parent_key, ppid, container_id, first_seen, if(exe IN ('', '/'), toString(comm), extract(exe, '[^/]*$')) AS program FROM processes FINAL
)
SELECT
    p.cluster AS cluster, p.node AS node, p.process_key AS process_key, p.parent_key AS parent_key, p.ppid AS ppid, p.container_id AS container_id, p.first_seen AS first_seen,
    p.program AS program, f.program AS parent_program
FROM p LEFT ANY JOIN p AS f ON p.cluster = f.cluster AND p.node = f.node AND p.parent_key = f.process_key
