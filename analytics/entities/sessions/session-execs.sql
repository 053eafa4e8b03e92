-- Execs as the runtime tells of them, one row an exec id: asked for (exec-added), started, ended. Times in microseconds, 0 unknown.
SELECT
    cluster, node, container_id, exec_id,
    toUnixTimestamp64Micro(minIf(time, topic = '/tasks/exec-added')) AS added_us,
    toUnixTimestamp64Micro(minIf(time, topic = '/tasks/exec-started')) AS started_us,
    toUnixTimestamp64Micro(minIf(time, topic = '/tasks/exit')) AS exited_us,
    max(pid) AS pid,
    if(exited_us = 0, -1, argMinIf(exit_status, time, topic = '/tasks/exit')) AS exit_status,
    anyIf(args, notEmpty(args)) AS command,
    arraySort(groupUniqArrayIf(lower(hex(digest)), topic != '/tasks/exit')) AS begin_digests,
    arraySort(groupUniqArrayIf(lower(hex(digest)), topic = '/tasks/exit')) AS end_digests
FROM runtime FINAL
WHERE exec_id != '' AND topic IN ('/tasks/exec-added', '/tasks/exec-started', '/tasks/exit') AND /*scope container (cluster, node, container_id)*/ 1
GROUP BY cluster, node, container_id, exec_id
HAVING added_us > 0 OR started_us > 0
ORDER BY cluster, node, container_id, exec_id
