-- What is known about how much is known: how the container's auditd events were attributed, gaps and undecodable records in
-- its lifetime. Parameters: {cluster:String}, {node:String}, {container:String}, {from:String}, {to:String}.
-- Columns: methods (method, events, lowest confidence), gaps (source, kind, missing, detail), dead_letters.
SELECT
    (SELECT groupArray((method, events, lowest)) FROM
        (SELECT method, count() AS events, round(min(confidence), 2) AS lowest FROM attributions FINAL
         WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String} GROUP BY method ORDER BY events DESC)) AS methods,
    (SELECT groupArray(100)((source, kind, missing, detail)) FROM gaps FINAL
     WHERE missing != 0 AND cluster = {cluster:String} AND node IN ('', {node:String})
       AND first_seen <= parseDateTime64BestEffort({to:String}, 9, 'UTC') AND last_seen >= parseDateTime64BestEffort({from:String}, 9, 'UTC')) AS gaps,
    (SELECT count() FROM dead_letters FINAL WHERE cluster = {cluster:String} AND node IN ('', {node:String})) AS dead_letters
