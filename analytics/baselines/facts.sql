-- Every fact with the hours that show it, and those of them in which it was new to its subject: the ground of novelties.sql.
-- Parameters: {window_hours:UInt32}, {half_life:Float64} (days), {weight_min:Float64}. Columns: cluster, subject, kind, value, subject_kind, likeness, layer, decision,
-- hours, first_learned, new_in; hours are counted from 1970.
WITH
    decided AS (SELECT cluster, subject, kind, value, argMax(decision, (decided_at, decision, decided_by)) AS decision FROM baseline_decisions FINAL GROUP BY cluster, subject, kind, value),
    sightings AS (SELECT cluster, subject, kind, value, subject_kind, likeness, layer, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS h, learned > 0 AS is_learned FROM behaviours FINAL),
    grouped AS
    (
        SELECT cluster, subject, kind, value, argMin(subject_kind, h) AS subject_kind, argMin(likeness, h) AS likeness, argMin(layer, h) AS layer, arraySort(groupArray((h, is_learned))) AS seen
        FROM sightings GROUP BY cluster, subject, kind, value
    )
SELECT cluster, subject, kind, value, subject_kind, likeness, layer, decision, hours, first_learned, new_in
FROM
(
    SELECT
        g.cluster AS cluster, g.subject AS subject, g.kind AS kind, g.value AS value, g.subject_kind AS subject_kind, g.likeness AS likeness, g.layer AS layer, d.decision AS decision,
        arrayMap(s -> s.1, g.seen) AS hours,
        arrayPushFront(arrayPopBack(arrayFill(x -> x > 0, arrayMap(s -> if(s.2 = 1, s.1, toUInt32(0)), g.seen))), toUInt32(0)) AS learned_before,
        arrayPushFront(arrayPopBack(arrayMap(s -> s.1, g.seen)), toUInt32(0)) AS seen_before,
        arrayMap(s -> s.1, arrayFilter(s -> s.2 = 1, g.seen)) AS learned_hours,
        arrayDistinct(arrayMap(x -> intDiv(x, 24), learned_hours)) AS learned_days,
        if(empty(learned_hours), toUInt32(0), learned_hours[1]) AS first_learned,
        arrayFilter((n, at, l, b) -> d.decision = 'reject' OR
            (l = 0 OR at - l > {window_hours:UInt32} AND arraySum(x -> if(x < intDiv(at, 24), exp2(-(intDiv(at, 24) - x) / {half_life:Float64}), 0), learned_days) < {weight_min:Float64})
            AND (b = 0 OR at - b >= 24), hours, hours, learned_before, seen_before) AS new_in
    FROM grouped AS g
    LEFT ANY JOIN decided AS d ON g.cluster = d.cluster AND g.subject = d.subject AND g.kind = d.kind AND g.value = d.value
)
