-- Digests of the records in which every word occurs, whatever its case.
-- Parameters: words; since, until (RFC 3339), layer (pattern of LIKE).
-- Algorithm: for each record, which words its bytes hold; for each auditd event, which words its decoded text holds
-- (what a program was called with is hex in the bytes when it holds a space). Both are united by digest.
-- A day of slack: the time of an event may be that of another stage than the time of its record.
SELECT digest
FROM
(
    SELECT digest, arrayMap(p -> p > 0, multiSearchAllPositionsCaseInsensitive(raw, {words:Array(String)})) AS found
    FROM records
    WHERE event_time >= parseDateTime64BestEffort({since:String}, 9, 'UTC') - INTERVAL 1 DAY
      AND event_time < parseDateTime64BestEffort({until:String}, 9, 'UTC') + INTERVAL 1 DAY
      AND source LIKE {layer:String}
      AND has(found, 1)
    UNION ALL
    SELECT
        arrayJoin(digests) AS digest,
        arrayMap(p -> p > 0, multiSearchAllPositionsCaseInsensitive(
            concat(arrayStringConcat(argv, ' '), '\n', arrayStringConcat(proctitle, ' '), '\n', exe, '\n', comm, '\n', cwd, '\n',
                   arrayStringConcat(path_names, '\n'), '\n', addr, ':', toString(port), '\n', syscall_name, '\n',
                   arrayStringConcat(mapValues(fields), '\n')),
            {words:Array(String)})) AS found
    FROM auditd
    WHERE time >= parseDateTime64BestEffort({since:String}, 9, 'UTC') - INTERVAL 1 DAY
      AND time < parseDateTime64BestEffort({until:String}, 9, 'UTC') + INTERVAL 1 DAY
      AND 'auditd' LIKE {layer:String}
      AND has(found, 1)
)
GROUP BY digest
HAVING arrayAll(f -> f, maxForEach(found))
