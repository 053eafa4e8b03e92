-- Events as chains ask for them, again and again and mostly by process: one pass over those of all runs, instead of one a question.
-- Columns: those of events that lookup.ts and members.sql use; `object` only of calls that are followed.
SELECT
    cluster, node, layer, event_id, time, digest, process_key, container_id, exe, action,
    if(action IN ('connect', 'accept', 'accept4'), object, '') AS object, outcome
FROM events FINAL
