-- Findings with what their context makes of them: severity and why, the workload, the suppression that hides them.
-- Parameters: sensitive (values of labels, in small letters). {findings} is the table or SELECT judged; {hidden} and {calm} hold the
-- suppressions and maintenance that speak of each (cluster, id, name). {only} is WHERE what the rows judged must hold.
-- Columns: those of findings.
-- Algorithm: one level up where the pod's label says so, or the label of the namespace it is in or that the request asked about;
-- critical stays. One level down in maintenance, but never below low, and never for what nobody does by duty (signal intrusion).
-- What is informational stays so: it is no statement on danger.
WITH
    -- of several that speak of one finding the first by name is told: which was written first does not matter
    hidden AS (SELECT cluster, id, min(name) AS name FROM {hidden} GROUP BY cluster, id),
    calm AS
    (
        SELECT c.cluster AS cluster, c.id AS id, min((c.name, m.owner, m.reason)) AS told
        FROM {calm} AS c INNER JOIN (SELECT name, owner, reason FROM exceptions FINAL WHERE kind = 'maintenance') AS m ON m.name = c.name
        GROUP BY cluster, id
    ),
    asked AS
    (
        SELECT cluster, audit_id, any(namespace) AS namespace
        FROM k8s_audit WHERE audit_id IN (SELECT event_key FROM {findings} WHERE source = 'k8s-audit')
        GROUP BY cluster, audit_id
    ),
    placed AS
    (
        SELECT
            f.*,
            p.workload_kind AS new_workload_kind,
            p.workload_name AS new_workload_name,
            h.name AS new_suppressed_by,
            c.told AS maintenance,
            -- the nearest label says it; what a request asks about may lie in another namespace than who asked
            arrayFilter(s -> has({sensitive:Array(String)}, lower(s.2)),
                [(if(p.pod = '', concat('namespace ', f.namespace), concat('pod ', p.namespace, '/', p.pod)), if(p.sensitivity != '', p.sensitivity, n.sensitivity)),
                 (concat('namespace ', a.namespace), t.sensitivity)])[1] AS sensitive
        FROM {findings} AS f
        LEFT ANY JOIN (SELECT cluster, pod_uid, namespace, pod, workload_kind, workload_name, sensitivity FROM pods FINAL) AS p ON p.cluster = f.cluster AND p.pod_uid = f.pod_uid
        LEFT ANY JOIN (SELECT cluster, namespace, sensitivity FROM namespaces FINAL) AS n ON n.cluster = f.cluster AND n.namespace = f.namespace
        LEFT ANY JOIN asked AS a ON a.cluster = f.cluster AND a.audit_id = f.event_key
        LEFT ANY JOIN (SELECT cluster, namespace, sensitivity FROM namespaces FINAL) AS t ON t.cluster = a.cluster AND t.namespace = a.namespace
        LEFT ANY JOIN hidden AS h ON h.cluster = f.cluster AND h.id = f.id
        LEFT ANY JOIN calm AS c ON c.cluster = f.cluster AND c.id = f.id
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
    )
SELECT * EXCEPT (new_workload_kind, new_workload_name, new_suppressed_by, new_severity, new_severity_reason)
    REPLACE (new_severity AS severity, new_severity_reason AS severity_reason, new_workload_kind AS workload_kind,
             new_workload_name AS workload_name, new_suppressed_by AS suppressed_by)
FROM judged
{only}
