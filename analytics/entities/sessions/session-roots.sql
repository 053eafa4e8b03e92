-- Processes at which sessions may begin that no exec started: the first process of a container (attach, debug), by container; those of a
-- login session, by its number; those that opened one or changed account, by pid. Parameters: containers (cluster/node/id), pids (cluster/node/pid).
-- Columns: the process, first_us and last_us, whether it is its container's first.
SELECT
    cluster, node, process_key, parent_key, pid, ses, container_id,
    toUnixTimestamp64Micro(toDateTime64(first_seen, 6, 'UTC')) AS first_us,
    method = 'runtime-pid' AND exec_id = '' AS is_first
FROM processes FINAL
WHERE (concat(cluster, '/', node, '/', container_id) IN {containers:Array(String)} AND exec_id = '' AND NOT setup
       OR ses >= 0
       OR concat(cluster, '/', node, '/', toString(pid)) IN {pids:Array(String)})
  AND /*scope node (cluster, node)*/ 1
ORDER BY cluster, node, first_seen, process_key
