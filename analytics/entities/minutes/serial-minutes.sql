-- Where the kernel's count of events stood in a minute, and which boot the envelopes of its events told. Parameter: {version:UInt64}. Columns: those of
-- serial_minutes. auditd counts its own records by itself.
WITH
    serial > 0 AND odd_key = '' AND NOT startsWith(record_types[1], 'DAEMON_') AS is_counted
SELECT
    cluster, node, minute,
    lowest.1 AS lowest_serial,
    lowest.2 AS lowest_at,
    lowest.3 AS lowest_digest,
    boot_ids,
    named.1 AS named_at,
    named.2 AS named_serial,
    named.3 AS named_digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM
(
    SELECT
        cluster, node, toStartOfMinute(time) AS minute,
        minIf((serial, time, digests[1]), is_counted) AS lowest,
        minIf((time, serial, digests[1]), boot_id != '') AS named,
        arraySort(groupUniqArrayIf(toString(boot_id), boot_id != '')) AS boot_ids
    FROM auditd FINAL
    WHERE /*scope minute*/ 1
    GROUP BY cluster, node, minute
)
