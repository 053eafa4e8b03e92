-- Pairs of one cause told by the kernel and by the runtime of one node: each bounds how far the kernel's stamps are ahead of the runtime's.
-- The runtime tells of a container (an exec) before it calls runc for it, and that it started when runc is done: so runc's execve lies between.
-- Told by container id and exec id. Columns as in clock-pairs.sql.
WITH
    calls AS
    (
        -- runc ... create ... ID, and runc ... exec ... --pid-file .../EXECID.pid ... ID
        SELECT cluster, node, argv[-1] AS of_container,
               if(has(argv, 'create'), '', extract(argv[indexOf(argv, '--pid-file') + 1], '([^/]+)\\.pid$')) AS of_exec,
               min(first_seen) AS at, argMin(digests[1], (first_seen, digests[1])) AS digest
        FROM processes FINAL
        WHERE comm IN ('runc', 'crun', 'runsc', 'youki', 'kata-runtime') AND notEmpty(digests) AND (has(argv, 'create') OR has(argv, 'exec') AND has(argv, '--pid-file'))
          AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, of_container, of_exec
    ),
    tellings AS
    (
        SELECT cluster, node, container_id, exec_id, if(topic IN ('/containers/create', '/tasks/exec-added'), 'high', 'low') AS side, min(time) AS at, argMin(digest, (time, digest)) AS digest
        FROM runtime FINAL
        WHERE topic IN ('/containers/create', '/tasks/exec-added', '/tasks/start', '/tasks/exec-started') AND container_id != '' AND /*scope node (cluster, node)*/ 1
        GROUP BY cluster, node, container_id, exec_id, side
    ),
    measured AS
    (
        SELECT c.cluster AS cluster, c.node AS node, t.side AS side, [c.digest, t.digest] AS of,
               toUnixTimestamp64Micro(toDateTime64(c.at, 6, 'UTC')) AS at_us, at_us - toUnixTimestamp64Micro(t.at) AS bound_us, intDiv(at_us, 60000000) AS minute
        FROM calls AS c
        INNER JOIN tellings AS t ON c.cluster = t.cluster AND c.node = t.node AND c.of_container = t.container_id AND c.of_exec = t.exec_id
    )
SELECT cluster, node, 'auditd' AS layer, 'runtime' AS reference, side, at_us, bound_us,
       count() OVER (PARTITION BY cluster, node, side, minute) AS pairs, arrayMap(d -> lower(hex(d)), of) AS digests
FROM measured
ORDER BY cluster, node, side, minute, if(side = 'high', bound_us, -bound_us), at_us, digests
LIMIT 1 BY cluster, node, side, minute
