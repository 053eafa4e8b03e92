-- Whose habits a process's are where its container does not say it all: of the node, its program's; in an exec session, the session's.
-- Tables {family}: process-family.sql; {tops}: the ancestor of processes of the node below pid 1, the last step of those there (baselines.ts).
-- Columns: cluster, node, process_key, unit (of a process of the node: the program at the top of its tree), in_session, parent_program.
SELECT
    p.cluster AS cluster, p.node AS node, p.process_key AS process_key,
    if(p.container_id != '', '', t.program) AS unit,
    (p.cluster, p.node, p.process_key) IN
    (
        SELECT cluster, node, process_key FROM session_processes FINAL
        WHERE (cluster, session_id) IN (SELECT cluster, session_id FROM sessions FINAL WHERE kind IN ('exec', 'attach', 'debug', 'runtime-exec'))
    ) AS in_session,
    p.parent_program AS parent_program
FROM {family} AS p
LEFT ANY JOIN (SELECT * FROM {tops} WHERE step = (SELECT max(step) FROM {tops})) AS u ON p.cluster = u.cluster AND p.node = u.node AND p.process_key = u.process_key
LEFT ANY JOIN {family} AS t ON u.cluster = t.cluster AND u.node = t.node AND u.top = t.process_key
