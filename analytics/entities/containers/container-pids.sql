-- Host pids that the runtime named: a container's first process (tasks/start, or a document read while it ran) and each exec in it
-- (tasks/exec-started). ended_at (ms, 0 unknown) is the exit that the runtime reported for the same pid.
WITH
    starts AS
    (
        SELECT cluster, node, container_id, exec_id, pid,
            topic = 'container' AND started_at = 0 AS is_guess,
            -- containerd's documents do not tell when the task began; the kubelet starts what it creates, once
            multiIf(topic = 'container' AND started_at > 0, started_at, is_guess AND kind != '' AND created_at > 0, created_at, time) AS at
        FROM runtime FINAL
        WHERE topic IN ('/tasks/start', '/tasks/exec-started', 'container') AND pid > 0 AND /*scope node (cluster, node)*/ 1
        ORDER BY is_guess, at
        -- a start that events and documents tell is one
        LIMIT 1 BY cluster, node, container_id, exec_id, pid
    ),
    exits AS
    (
        SELECT cluster, node, container_id, pid, min(time) AS at, argMin(exit_status, time) AS status FROM runtime FINAL WHERE topic = '/tasks/exit' AND pid > 0 AND /*scope node (cluster, node)*/ 1 GROUP BY cluster, node, container_id, pid
    )
SELECT
    r.cluster AS cluster, r.node AS node, r.container_id AS container_id, r.exec_id AS exec_id, r.pid AS pid,
    toUnixTimestamp64Milli(r.at) AS started_at,
    toUnixTimestamp64Milli(e.at) AS ended_at,
    if(e.at > 0, e.status, -1) AS exit_status
FROM starts AS r
LEFT ANY JOIN exits AS e ON e.cluster = r.cluster AND e.node = r.node AND e.container_id = r.container_id AND e.pid = r.pid
ORDER BY started_at
