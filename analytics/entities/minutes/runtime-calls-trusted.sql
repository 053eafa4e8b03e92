-- What runtimes were called for (table runtime_calls). A program in a container may call itself runc as well: where some calls on a node ran a
-- program of its disk, only those count.
SELECT cluster, node, toUnixTimestamp64Milli(time) AS at, time, serial, pid, ppid, verb, container_id, runtime_namespace, digest
FROM runtime_calls FINAL
WHERE (cluster, node, is_of_disk) IN (SELECT cluster, node, max(is_of_disk) FROM runtime_calls FINAL GROUP BY cluster, node) AND /*scope calls*/ 1
