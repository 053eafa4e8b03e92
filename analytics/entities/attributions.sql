-- Every auditd event with the process it was written for: the process that had its pid then.
SELECT
    a.cluster AS cluster, a.node AS node, a.time AS time, a.serial AS serial,
    p.process_key AS process_key, p.container_id AS container_id, p.method AS method, p.confidence AS confidence,
    {version:UInt64} AS version, 0 AS is_deleted
FROM (SELECT cluster, node, time, serial, pid FROM auditd FINAL WHERE pid > 0 AND ppid >= 0) AS a
ASOF INNER JOIN (SELECT cluster, node, pid, process_key, container_id, method, confidence, first_seen FROM processes FINAL) AS p
ON a.cluster = p.cluster AND a.node = p.node AND a.pid = p.pid AND a.time >= p.first_seen
