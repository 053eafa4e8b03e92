-- How many events of a window lie in each of its equal parts: a row a track (lane and layer), parts without events left out.
-- Columns: lane, layer, bins, counts (of the same length, in order of time), total.
-- Parameters: from, to (microseconds since 1970), width (microseconds of one part), cluster ('' for all), lanes (empty for all).
SELECT lane, layer, groupArray(bin) AS bins, groupArray(part.n) AS counts, sum(part.n) AS total
FROM
(
    SELECT
        lane_of_row AS lane,
        layer,
        intDiv(toUnixTimestamp64Micro(time) - {from:Int64}, {width:Int64}) AS bin,
        count() AS n
    FROM events FINAL
    WHERE time >= fromUnixTimestamp64Micro({from:Int64})
      AND time <= fromUnixTimestamp64Micro({to:Int64})
      AND ({cluster:String} = '' OR cluster = {cluster:String})
      AND (empty({lanes:Array(String)}) OR has({lanes:Array(String)}, lane))
    GROUP BY lane, layer, bin
    ORDER BY bin
) AS part
GROUP BY lane, layer
ORDER BY total, lane, layer
