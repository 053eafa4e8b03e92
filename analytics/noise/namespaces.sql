-- Namespaces by the labels that the last request with a body told: whose they are and how much they matter.
-- Parameters: version; owner_labels, team_labels, sensitivity_labels (keys, the first to be found first; one without a prefix stands for that
-- name under any). Columns: those of namespaces. The rule for labels is that of pods (entities/actors/pods.sql).
WITH
    told AS
    (
        SELECT cluster, name, argMax((labels, digest), (time, digest)) AS last
        FROM k8s_audit FINAL
        WHERE resource = 'namespaces' AND notEmpty(labels) AND code < 400
        GROUP BY cluster, name
    ),
    read AS
    (
        SELECT cluster, name, last.2 AS digest,
               arrayMap(keys -> arrayFirst(v -> v != '', arrayMap(
                   k -> if(last.1[k] != '' OR position(k, '/') > 0, last.1[k], last.1[arraySort(arrayFilter(x -> endsWith(x, concat('/', k)), mapKeys(last.1)))[1]]), keys)),
                   [{owner_labels:Array(String)}, {team_labels:Array(String)}, {sensitivity_labels:Array(String)}]) AS context
        FROM told
    )
SELECT cluster, name AS namespace, context[1] AS owner, context[2] AS team, context[3] AS sensitivity, digest,
       {version:UInt64} AS version, 0 AS is_deleted
FROM read
