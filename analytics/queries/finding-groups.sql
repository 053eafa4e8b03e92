-- Findings in groups: those of one rule about one subject that come again within a stretch of time, the worst first, then in order of time.
-- Parameters: those of findings-filter.sql, which stands for the filter; gap_seconds, after which one begins a group of its own; limit.
-- Columns: one row a group; examples are the first three, in order of time.
-- Algorithm: the subject is the workload, else pod, container, who asked, node; requests are also told apart by who asked and where, for
-- two people who do the same are no repetition. What groups have in common travels through the sort as a hash: over millions of findings
-- it moves an id and three numbers of each. Words are fetched for the groups that are shown.
WITH
    chosen AS
    (
        SELECT
            id, time,
            toUInt8(indexOf(['informational', 'low', 'medium', 'high', 'critical'], severity)) AS rank,
            cityHash64(cluster, rule_id, severity, suppressed_by, namespace, if(source = 'k8s-audit', principal, ''),
                       multiIf(workload_name != '', (toString(workload_kind), workload_name), pod != '', ('pod', pod), container_id != '', ('container', container_id),
                               source = 'k8s-audit', ('principal', ''), ('node', toString(node)))) AS key
        FROM findings AS f FINAL
        WHERE {filter}
    ),
    begun AS
    (
        SELECT key, id, time, rank, time > addSeconds(lagInFrame(time, 1, time) OVER (PARTITION BY key ORDER BY time, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), {gap_seconds:UInt32}) AS begins
        FROM chosen
    ),
    stretches AS
    (
        SELECT key, id, time, rank, sum(begins) OVER (PARTITION BY key ORDER BY time, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
        FROM begun
    ),
    first_groups AS
    (
        SELECT key, stretch, any(rank) AS g_rank, count() AS g_count, min(time) AS g_first, max(time) AS g_last, groupArraySorted(3)((time, id)) AS g_ones
        FROM stretches
        GROUP BY key, stretch
        ORDER BY g_rank DESC, g_first, g_ones[1].2
        LIMIT {limit:UInt64}
    ),
    examples AS
    (
        SELECT key, stretch, g_rank, g_count, g_first, g_last, one.1 AS e_time, one.2 AS e_id
        FROM first_groups ARRAY JOIN g_ones AS one
    ),
    gathered AS
    (
        SELECT
            key, stretch,
            any(g_rank) AS rank, any(g_count) AS count, any(g_first) AS first_seen, any(g_last) AS last_seen,
            argMin((rule_id, title, severity, rule_severity, severity_reason, techniques, tactics, source, cluster, namespace,
                    multiIf(workload_name != '', (toString(workload_kind), concat(namespace, '/', workload_name)),
                            pod != '', ('pod', concat(namespace, '/', pod)),
                            container_id != '', ('container', container_id),
                            source = 'k8s-audit', ('principal', principal),
                            ('node', toString(node))),
                    if(source = 'k8s-audit', principal, ''), suppressed_by), (e_time, e_id)) AS head,
            arraySort(x -> (x.2, x.1), groupArray((id, time, node, pod, arrayMap(d -> lower(hex(d)), digests), summary))) AS found
        FROM examples AS e
        INNER JOIN (SELECT * FROM findings FINAL WHERE id IN (SELECT e_id FROM examples)) AS f ON f.id = e_id AND f.time = e_time
        GROUP BY key, stretch
    )
SELECT
    head.1 AS rule_id,
    head.2 AS title,
    head.3 AS severity,
    head.4 AS rule_severity,
    head.5 AS severity_reason,
    head.6 AS techniques,
    head.7 AS tactics,
    head.8 AS source,
    head.9 AS cluster,
    head.10 AS namespace,
    head.11.1 AS subject_kind,
    head.11.2 AS subject,
    head.12 AS principal,
    head.13 AS suppressed_by,
    count,
    if(first_seen = toDateTime64(0, 9, 'UTC'), NULL, first_seen) AS first,
    if(last_seen = toDateTime64(0, 9, 'UTC'), NULL, last_seen) AS last,
    arrayMap(x -> (x.1, if(x.2 = toDateTime64(0, 9, 'UTC'), NULL, x.2), x.3, x.4, x.5, x.6), found)
        :: Array(Tuple(id String, time Nullable(DateTime64(9, 'UTC')), node String, pod String, digests Array(String), summary String)) AS examples
FROM gathered
ORDER BY rank DESC, first_seen, found[1].1
