-- What was new when it appeared, and how much so.
-- Table {facts}: facts.sql. Parameters: {version:UInt64}, {learning_hours:UInt32}, {window_hours:UInt32}, {half_life:Float64} (days), {weight_min:Float64}. Columns: those of novelties.
--
-- A fact is new in an hour in which its subject shows it and does not know it. It knows what hours before showed and may be learned from, each
-- day weighing half as much with every half-life, down to weight_min. What a rule calls bad is never learned, so that it is new again: told once a day.
-- Whether new means anything: the subject must have been watched for learning_hours, and so must facts of this kind in the cluster (an audit rule may
-- have come later). A subject not watched for so long is judged by those alike: new is what none of them showed, if one of them is watched long enough.
-- An analyst's decision goes first: what is pinned is never new, what is rejected is new in every hour that shows it.
--
-- score, in bits, is how improbable it is, by two things that know nothing of each other:
--   surprise  of the subject's hours in how many did anything new of this kind appear: (with + 1) / (hours + 2), the rule of succession
--   rarity    how many of the subjects of its sort showed this value before: (showing + 1) / (subjects + 2); of those alike where more of these do
-- A subject that always does something new (people's sessions) surprises little; a value that many show says little.
WITH
    20 AS score_of_rejected, -- once in a million hours: above whatever a rule asks for
    candidates AS (SELECT cluster, subject, kind, value, subject_kind, likeness, layer, decision, arrayJoin(new_in) AS h FROM {facts} WHERE decision != 'pin'),
    watched AS (SELECT cluster, subject, layer, arraySort(groupUniqArrayArray(hours)) AS watched_hours FROM {facts} GROUP BY cluster, subject, layer),
    kinds AS (SELECT cluster, kind, min(hours[1]) AS kind_since FROM {facts} GROUP BY cluster, kind),
    news AS (SELECT cluster, subject, kind, groupUniqArray(first_learned) AS new_hours FROM {facts} WHERE first_learned > 0 GROUP BY cluster, subject, kind),
    showing AS (SELECT cluster, subject_kind, kind, value, groupArray((first_learned, subject, likeness)) AS shows FROM {facts} WHERE first_learned > 0 GROUP BY cluster, subject_kind, kind, value),
    begun AS (SELECT cluster, subject, layer, min(hours[1]) AS since FROM {facts} GROUP BY cluster, subject, layer),
    of_kind AS (SELECT cluster, subject_kind, kind, subject, argMin(likeness, (hours[1], value)) AS likeness, min(hours[1]) AS since FROM {facts} GROUP BY cluster, subject_kind, kind, subject),
    likes AS (SELECT cluster, subject_kind, kind, likeness, groupArray((since, subject)) AS members FROM of_kind WHERE likeness != '' GROUP BY cluster, subject_kind, kind, likeness),
    sorts AS (SELECT cluster, subject_kind, kind, groupArray((since, subject, likeness)) AS members FROM of_kind GROUP BY cluster, subject_kind, kind),
    -- most is seen first while its subject is learned: only what may be told is compared with all the others
    considered AS
    (
        SELECT
            c.cluster AS cluster, c.subject AS subject, c.kind AS kind, c.value AS value, c.subject_kind AS subject_kind, c.likeness AS likeness, c.layer AS layer, c.h AS h,
            c.decision AS decision, b.since AS since,
            arrayExists(m -> m.2 != c.subject AND m.1 + {learning_hours:UInt32} <= c.h, l.members) AS has_learned_alike
        FROM candidates AS c
        INNER JOIN begun AS b ON c.cluster = b.cluster AND c.subject = b.subject AND c.layer = b.layer
        INNER JOIN kinds AS k ON c.cluster = k.cluster AND c.kind = k.kind
        LEFT ANY JOIN likes AS l ON c.cluster = l.cluster AND c.subject_kind = l.subject_kind AND c.kind = l.kind AND c.likeness = l.likeness
        WHERE c.decision = 'reject' OR c.h - k.kind_since >= {learning_hours:UInt32} AND (c.h - b.since >= {learning_hours:UInt32} OR has_learned_alike)
    ),
    judged AS
    (
        SELECT
            c.cluster AS cluster, c.subject AS subject, c.kind AS kind, c.value AS value, c.subject_kind AS subject_kind, c.likeness AS likeness, c.layer AS layer, c.h AS h,
            c.h - c.since AS learned_for,
            arrayCount(x -> x < c.h, w.watched_hours) AS hours_before,
            arrayCount(x -> x < c.h, n.new_hours) AS new_before,
            arrayFilter(m -> m.1 < c.h AND m.2 != c.subject, o.members) AS others,
            arrayFilter(m -> m.1 < c.h AND m.2 != c.subject, s.shows) AS showers,
            arrayFilter(m -> c.likeness != '' AND m.3 = c.likeness, others) AS alike,
            arrayCount(m -> c.likeness != '' AND m.3 = c.likeness, showers) AS alike_showing,
            multiIf(
                c.decision = 'reject', 'rejected',
                learned_for >= {learning_hours:UInt32}, 'own',
                alike_showing = 0, 'alike',
                '') AS reason
        FROM considered AS c
        INNER JOIN watched AS w ON c.cluster = w.cluster AND c.subject = w.subject AND c.layer = w.layer
        LEFT ANY JOIN news AS n ON c.cluster = n.cluster AND c.subject = n.subject AND c.kind = n.kind
        LEFT ANY JOIN showing AS s ON c.cluster = s.cluster AND c.subject_kind = s.subject_kind AND c.kind = s.kind AND c.value = s.value
        LEFT ANY JOIN sorts AS o ON c.cluster = o.cluster AND c.subject_kind = o.subject_kind AND c.kind = o.kind
    ),
    scored AS
    (
        SELECT
            *,
            length(others) AS n_others, length(showers) AS n_showing,
            if(reason = 'own', -log2((new_before + 1) / (hours_before + 2)), 0) AS surprise,
            least(-log2((n_showing + 1) / (n_others + 2)), if(alike_showing = 0, 64, -log2((alike_showing + 1) / (length(alike) + 2)))) AS rarity,
            if(reason = 'rejected', score_of_rejected, surprise + rarity) AS score
        FROM judged WHERE reason != ''
    ),
    versions AS (SELECT cluster, subject, image_version, min(hour) AS since FROM behaviours FINAL WHERE kind = 'image-version' GROUP BY cluster, subject, image_version),
    firsts AS (SELECT cluster, subject, min(since) AS first_since FROM versions GROUP BY cluster, subject)
SELECT
    j.cluster AS cluster, j.subject AS subject, j.kind AS kind, j.value AS value, b.hour AS hour, b.subject_kind AS subject_kind, j.reason AS reason,
    round(j.score, 2) AS score, round(j.surprise, 2) AS surprise, round(j.rarity, 2) AS rarity, j.n_showing AS shown_by, j.n_others AS subjects, j.learned_for AS learned_for,
    v.image_version != '' AND v.since > f.first_since AND b.hour < v.since + toIntervalHour({learning_hours:UInt32}) AS of_rollout,
    b.learned = 0 AS kept_out,
    b.layer AS layer, b.time AS time, b.event_key AS event_key, b.event_id AS event_id, b.digest AS digest, b.node AS node, b.namespace AS namespace, b.pod AS pod, b.pod_uid AS pod_uid,
    b.container_id AS container_id, b.process_key AS process_key, b.principal AS principal,
    {version:UInt64} AS version, 0 AS is_deleted
FROM (SELECT *, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS h FROM behaviours FINAL) AS b
INNER JOIN scored AS j
    ON j.cluster = b.cluster AND j.subject = b.subject AND j.kind = b.kind AND j.value = b.value AND j.h = b.h
LEFT ANY JOIN versions AS v ON b.cluster = v.cluster AND replaceRegexpOne(b.subject, ' exec$', '') = v.subject AND b.image_version = v.image_version
LEFT ANY JOIN firsts AS f ON v.cluster = f.cluster AND v.subject = f.subject
