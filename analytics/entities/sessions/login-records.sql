-- Records of people and jobs coming to a node and leaving it, as PAM, login programs and the kernel wrote them.
SELECT
    cluster,
    node,
    toStartOfMinute(time) AS minute,
    time,
    serial,
    boot_id,
    arrayFirst(t -> t IN ('LOGIN', 'USER_LOGIN', 'USER_START', 'USER_END', 'USER_LOGOUT', 'CRED_DISP', 'USER_CMD', 'SYSTEM_BOOT', 'SYSTEM_SHUTDOWN'), record_types) AS record,
    pid,
    auid,
    ses,
    -- unset is the largest number of 32 bits
    if(fields['old-ses'] = '4294967295', -1, toInt64OrDefault(fields['old-ses'], toInt64(-1))) AS old_ses,
    basename(exe) AS program,
    acct,
    if(fields['terminal'] IN ('?', '(none)'), '', fields['terminal']) AS terminal,
    multiIf(fields['addr'] NOT IN ('', '?'), fields['addr'], fields['hostname'] NOT IN ('', '?'), fields['hostname'], '') AS address,
    result != 'failed' AS succeeded,
    fields['cmd'] AS command,
    digests[1] AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM auditd FINAL
WHERE hasAny(record_types, ['LOGIN', 'USER_LOGIN', 'USER_START', 'USER_END', 'USER_LOGOUT', 'CRED_DISP', 'USER_CMD', 'SYSTEM_BOOT', 'SYSTEM_SHUTDOWN'])
  AND /*scope minute*/ 1
