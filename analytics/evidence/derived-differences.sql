-- Typed rows as they are stored against the same rows derived again from the records of one window.
-- {table}: the typed table; {again}: the table of rows derived again; {key}: the key of an event; {made_of}: digests of a row.
-- Parameters: {from:Int64}, {to:Int64}: nanoseconds of event time of the window, `to` excluded; {source:String}.
-- Columns: difference (changed | lost | older), rows, digest (hex, of a record of the first). `older`: made by an older
-- decoder, so not comparable. Several records may be the same event: the stored row has to be one of those derived again.
WITH
    window_digests AS
    (
        SELECT digest FROM records FINAL WHERE source = {source:String} AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
        UNION ALL
        SELECT digest FROM records_kept FINAL WHERE source = {source:String} AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    ),
    stored AS
    (
        SELECT {made_of} AS made_of, ({key}) AS event, bitShiftRight(version, 32) AS decoder, sipHash128(* EXCEPT (loader, seq, version)) AS content
        FROM {table} FINAL
        WHERE arrayExists(d -> d IN (SELECT digest FROM window_digests), made_of)
    ),
    again AS
    (
        SELECT {made_of} AS made_of, ({key}) AS event, bitShiftRight(version, 32) AS decoder, sipHash128(* EXCEPT (loader, seq, version)) AS content
        FROM {again}
    )
SELECT difference, count() AS rows, lower(hex(any(made_of)[1])) AS digest
FROM
(
    SELECT
        made_of,
        multiIf(decoder < (SELECT max(decoder) FROM again), 'older',
                content IN (SELECT content FROM again), '',
                -- retention took part of what it was made of
                {partly_expired} AND arrayExists(d -> d NOT IN (SELECT digest FROM window_digests), made_of), '',
                'changed') AS difference
    FROM stored
    UNION ALL
    SELECT made_of, 'lost' AS difference FROM again WHERE event NOT IN (SELECT event FROM stored)
)
WHERE difference != ''
GROUP BY difference
ORDER BY difference
