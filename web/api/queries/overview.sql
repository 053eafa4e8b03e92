-- Events a layer in {parts} equal parts of the time that the store covers.
-- Columns: layer, part, n, from_ms, to_ms (the same on every row).
WITH
    (SELECT (min(time), max(time)) FROM events FINAL) AS ends,
    ends.1 AS first,
    ends.2 AS last,
    greatest(toUnixTimestamp64Micro(last) - toUnixTimestamp64Micro(first), 1) AS span
SELECT
    layer,
    least(intDiv((toUnixTimestamp64Micro(time) - toUnixTimestamp64Micro(first)) * {parts:UInt32}, span), {parts:UInt32} - 1) AS part,
    count() AS n,
    toUnixTimestamp64Micro(first) / 1000 AS from_ms,
    toUnixTimestamp64Micro(last) / 1000 AS to_ms
FROM events FINAL
GROUP BY layer, part
ORDER BY layer, part
