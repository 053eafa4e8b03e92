-- Events of a window, each with its lane.
-- Parameters: from, to (microseconds since 1970, both ends inside), cluster ('' for all), lanes (empty for all),
-- crowded (tracks left out, as layer|lane), limit.
SELECT
    event_id AS id,
    lane_of_row AS lane,
    toUnixTimestamp64Micro(time) / 1000 AS t,
    layer, action, object, outcome, principal, exe,
    lower(hex(digest)) AS digest
FROM events FINAL
WHERE time >= fromUnixTimestamp64Micro({from:Int64})
  AND time <= fromUnixTimestamp64Micro({to:Int64})
  AND ({cluster:String} = '' OR cluster = {cluster:String})
  AND (empty({lanes:Array(String)}) OR has({lanes:Array(String)}, lane))
  AND NOT has({crowded:Array(String)}, concat(layer, '|', lane))
ORDER BY time, event_id
LIMIT {limit:UInt32}
