-- Findings in groups: those of one rule about one subject that come again within a stretch of time, the worst first, then in order of time.
-- Parameters: those of findings-filter.sql, which stands for the filter; gap_seconds, after which one begins a group of its own; limit.
-- Columns: one row a group; examples are the first three, in order of time.
-- Algorithm: the subject is the workload, else pod, container, who asked, node; requests are also told apart by who asked and where, for
-- two people who do the same are no repetition. Keys travel as a hash through the sort: over millions it moves three numbers and an id.
WITH
    chosen AS
    (
        SELECT
            f.id AS id, f.time AS time, f.cluster AS cluster, f.rule_id AS rule_id, f.severity AS severity, f.source AS source,
            multiIf(f.workload_name != '', (toString(f.workload_kind), concat(f.namespace, '/', f.workload_name)),
                    f.pod != '', ('pod', concat(f.namespace, '/', f.pod)),
                    f.container_id != '', ('container', f.container_id),
                    f.source = 'k8s-audit', ('principal', f.principal),
                    f.node != '', ('node', toString(f.node)),
                    ('cluster', toString(f.cluster))) AS subject,
            if(f.source = 'k8s-audit', f.principal, '') AS actor,
            f.namespace AS namespace,
            f.suppressed_by AS suppressed_by,
            cityHash64(cluster, rule_id, severity, subject, actor, namespace, suppressed_by) AS key
        FROM findings AS f FINAL
        WHERE {filter}
    ),
    begun AS
    (
        SELECT key, id, time, time > addSeconds(lagInFrame(time, 1, time) OVER (PARTITION BY key ORDER BY time, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), {gap_seconds:UInt32}) AS begins
        FROM chosen
    ),
    stretches AS
    (
        SELECT key, id, time, sum(begins) OVER (PARTITION BY key ORDER BY time, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
        FROM begun
    ),
    counted AS
    (
        SELECT key, stretch, count() AS count, min(time) AS first_seen, max(time) AS last_seen, groupArraySorted(3)((time, id)) AS first_ones
        FROM stretches GROUP BY key, stretch
    ),
    named AS
    (
        SELECT key AS n_key, any(cluster) AS cluster, any(severity) AS severity, any(subject) AS subject, any(actor) AS actor, any(suppressed_by) AS suppressed_by
        FROM chosen GROUP BY key
    ),
    first_groups AS
    (
        SELECT * FROM counted INNER JOIN named ON n_key = key
        ORDER BY indexOf(['informational', 'low', 'medium', 'high', 'critical'], severity) DESC, first_seen, cluster, first_ones[1].2
        LIMIT {limit:UInt64}
    ),
    told AS
    (
        SELECT id AS t_id, cluster AS t_cluster, rule_id, title, rule_severity, severity_reason, techniques, tactics, source, namespace, node, pod,
               time AS t_time, arrayMap(d -> lower(hex(d)), digests) AS t_digests, summary
        FROM findings FINAL
        WHERE id IN (SELECT arrayJoin(first_ones).2 FROM first_groups)
    ),
    gathered AS
    (
        SELECT
            key, stretch,
            any(g.severity) AS severity, any(g.cluster) AS cluster, any(g.subject) AS about, any(g.actor) AS principal, any(g.suppressed_by) AS suppressed_by,
            any(g.count) AS count, any(g.first_seen) AS first_seen, any(g.last_seen) AS last_seen,
            argMin((rule_id, title, rule_severity, severity_reason, techniques, tactics, source, namespace), (t_time, t_id)) AS head,
            arraySort(x -> (x.2, x.1), groupArray((t_id, t_time, node, pod, t_digests, summary))) AS found
        FROM first_groups AS g ARRAY JOIN arrayMap(x -> x.2, first_ones) AS example
        INNER JOIN told ON t_id = example AND t_cluster = g.cluster
        GROUP BY key, stretch
    )
SELECT
    head.1 AS rule_id,
    head.2 AS title,
    severity,
    head.3 AS rule_severity,
    head.4 AS severity_reason,
    head.5 AS techniques,
    head.6 AS tactics,
    head.7 AS source,
    cluster,
    head.8 AS namespace,
    about.1 AS subject_kind,
    about.2 AS subject,
    principal,
    suppressed_by,
    count,
    if(first_seen = toDateTime64(0, 9, 'UTC'), NULL, first_seen) AS first,
    if(last_seen = toDateTime64(0, 9, 'UTC'), NULL, last_seen) AS last,
    arrayMap(x -> (x.1, if(x.2 = toDateTime64(0, 9, 'UTC'), NULL, x.2), x.3, x.4, x.5, x.6), found)
        :: Array(Tuple(id String, time Nullable(DateTime64(9, 'UTC')), node String, pod String, digests Array(String), summary String)) AS examples
FROM gathered
ORDER BY indexOf(['informational', 'low', 'medium', 'high', 'critical'], severity) DESC, first_seen, cluster, found[1].1
