-- Findings with what their context makes of them: severity and why, the workload, the suppression that hides them.
-- Parameters: sensitive (values of labels, in small letters). Filled in by judge.ts: findings, the table or SELECT judged; hidden and calm,
-- the suppressions and maintenance that speak of each (cluster, id, name); whole, 1 to write rows that come out as they were too.
-- Columns: those of findings.
-- Algorithm: one level up where the pod's label says so, or the label of the namespace it is in or that the request asked about;
-- critical stays. One level down in maintenance, but never below low, and never for what nobody does by duty (signal intrusion).
-- What is informational stays so: it is no statement on danger.
WITH
    -- of several that speak of one finding the first by name is told: which was written first does not matter
    hidden AS (SELECT cluster AS h_cluster, id AS h_id, min(name) AS h_name FROM {hidden} GROUP BY cluster, id),
    calm AS
    (
        SELECT c.cluster AS c_cluster, c.id AS c_id, min((c.name, m.owner, m.reason)) AS maintenance
        FROM {calm} AS c INNER JOIN (SELECT name, owner, reason FROM exceptions FINAL WHERE kind = 'maintenance') AS m ON m.name = c.name
        GROUP BY c_cluster, c_id
    ),
    asked AS
    (
        SELECT cluster AS a_cluster, audit_id AS a_id, any(namespace) AS a_namespace
        FROM k8s_audit WHERE audit_id IN (SELECT event_key FROM {findings} WHERE source = 'k8s-audit')
        GROUP BY a_cluster, a_id
    ),
    owned AS
    (
        SELECT cluster AS p_cluster, pod_uid AS p_uid, concat(namespace, '/', pod) AS p_name, workload_kind AS new_workload_kind, workload_name AS new_workload_name,
               sensitivity AS p_sensitivity
        FROM pods FINAL
    ),
    placed AS
    (
        -- no name of a joined column is one of findings: f.* would then be called otherwise
        SELECT
            f.*,
            new_workload_kind,
            new_workload_name,
            h_name AS new_suppressed_by,
            maintenance,
            -- the nearest label says it; what a request asks about may lie in another namespace than who asked
            arrayFilter(s -> has({sensitive:Array(String)}, lower(s.2)),
                [(if(p_uid = '' OR p_sensitivity = '', concat('namespace ', f.namespace), concat('pod ', p_name)), if(p_sensitivity != '', p_sensitivity, n_sensitivity)),
                 (concat('namespace ', a_namespace), t_sensitivity)])[1] AS sensitive
        FROM {findings} AS f
        LEFT ANY JOIN owned ON p_cluster = f.cluster AND p_uid = f.pod_uid
        LEFT ANY JOIN (SELECT cluster AS n_cluster, namespace AS n_namespace, sensitivity AS n_sensitivity FROM namespaces FINAL) AS n ON n_cluster = f.cluster AND n_namespace = f.namespace
        LEFT ANY JOIN asked ON a_cluster = f.cluster AND a_id = f.event_key
        LEFT ANY JOIN (SELECT cluster AS t_cluster, namespace AS t_namespace, sensitivity AS t_sensitivity FROM namespaces FINAL) AS t ON t_cluster = f.cluster AND t_namespace = a_namespace
        LEFT ANY JOIN hidden ON h_cluster = f.cluster AND h_id = f.id
        LEFT ANY JOIN calm ON c_cluster = f.cluster AND c_id = f.id
    ),
    ranked AS
    (
        SELECT *,
            ['informational', 'low', 'medium', 'high', 'critical'] AS levels,
            indexOf(levels, rule_severity) AS rank,
            if(sensitive.2 != '' AND rank > 1, least(rank + 1, 5), rank) AS raised,
            if(maintenance.1 != '' AND signal != 'intrusion' AND raised > 2, raised - 1, raised) AS lowered
        FROM placed
    ),
    judged AS
    (
        SELECT * EXCEPT (levels, rank, raised, lowered, maintenance, sensitive),
            -- a level that Sigma does not know stays as it is
            if(rank = 0, toString(rule_severity), levels[lowered]) AS new_severity,
            arrayStringConcat(arrayFilter(r -> r != '', [
                if(raised > rank, concat('raised: ', sensitive.1, ' is of sensitivity ', sensitive.2), ''),
                if(lowered < raised, concat('lowered: maintenance ', maintenance.1, ' of ', maintenance.2, ': ', maintenance.3), '')]), '; ') AS new_severity_reason
        FROM ranked
    ),
    compared AS
    (
        SELECT *, (severity, severity_reason, workload_kind, workload_name, suppressed_by)
               != (new_severity, new_severity_reason, new_workload_kind, new_workload_name, new_suppressed_by) AS is_changed
        FROM judged
    )
SELECT * EXCEPT (new_workload_kind, new_workload_name, new_suppressed_by, new_severity, new_severity_reason, is_changed)
    REPLACE (new_severity AS severity, new_severity_reason AS severity_reason, new_workload_kind AS workload_kind,
             new_workload_name AS workload_name, new_suppressed_by AS suppressed_by)
FROM compared
WHERE is_changed OR {whole}
