-- The state of every fact as of the last event of its cluster: what the baseline of a subject is.
-- Parameters: those of novelties.sql and {model:UInt16}. Columns: those of baselines.
WITH
    decided AS (SELECT cluster, subject, kind, value, argMax(decision, (decided_at, decision, decided_by)) AS decision FROM baseline_decisions FINAL GROUP BY cluster, subject, kind, value),
    ends AS (SELECT cluster, max(hour) AS last_hour FROM behaviours FINAL GROUP BY cluster),
    kinds AS (SELECT cluster, kind, min(hour) AS kind_since FROM behaviours FINAL GROUP BY cluster, kind),
    watched AS (SELECT cluster, subject, layer, min(hour) AS since FROM behaviours FINAL GROUP BY cluster, subject, layer),
    news AS (SELECT cluster, subject, kind, value, max(time) AS novel_at, argMax(score, time) AS score FROM novelties FINAL GROUP BY cluster, subject, kind, value),
    facts AS
    (
        SELECT
            cluster, subject, kind, value, argMin(b.subject_kind, b.time) AS subject_kind, argMin(b.likeness, b.time) AS likeness, argMin(b.layer, b.time) AS layer,
            min(b.time) AS first_seen, max(b.hour) AS last_hour, max(b.time) AS last_seen, count() AS hours, uniqExact(toDate(b.hour)) AS days, max(b.instances) AS instances,
            sum(b.events) AS events, sum(b.events - b.learned) AS kept_out, arraySort(groupUniqArrayIf(toDate(b.hour), b.learned > 0)) AS learned_days, argMin(b.digest, b.time) AS digest
        FROM (SELECT * FROM behaviours FINAL) AS b
        GROUP BY cluster, subject, kind, value
    )
SELECT
    f.cluster AS cluster, f.subject AS subject, f.kind AS kind, f.value AS value, f.subject_kind AS subject_kind, f.likeness AS likeness,
    multiIf(d.decision = 'pin', 'pinned', d.decision = 'reject', 'rejected', empty(f.learned_days), 'kept-out', f_weight < {weight_min:Float64}, 'forgotten',
            learned_from > e.last_hour, 'learning', 'learned') AS state,
    round(arraySum(x -> exp2(-(toDate(e.last_hour) - x) / {half_life:Float64}), f.learned_days) AS f_weight, 4) AS weight,
    f.first_seen AS first_seen, f.last_seen AS last_seen, f.hours AS hours, f.days AS days, f.instances AS instances, f.events AS events, f.kept_out AS kept_out,
    w.since AS subject_since,
    greatest(w.since, k.kind_since) + toIntervalHour({learning_hours:UInt32}) AS learned_from,
    n.novel_at AS novel_at, n.score AS score, {model:UInt16} AS model, f.digest AS digest, {version:UInt64} AS version, 0 AS is_deleted
FROM facts AS f
INNER JOIN ends AS e ON f.cluster = e.cluster
INNER JOIN kinds AS k ON f.cluster = k.cluster AND f.kind = k.kind
INNER JOIN watched AS w ON f.cluster = w.cluster AND f.subject = w.subject AND f.layer = w.layer
LEFT ANY JOIN decided AS d ON f.cluster = d.cluster AND f.subject = d.subject AND f.kind = d.kind AND f.value = d.value
LEFT ANY JOIN news AS n ON f.cluster = n.cluster AND f.subject = n.subject AND f.kind = n.kind AND f.value = n.value
