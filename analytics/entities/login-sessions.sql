-- Records of people and jobs coming to a node and leaving it, as PAM, login programs and the kernel wrote them. login-sessions.ts puts
-- them together. Times in microseconds; ses and auid -1 where unset.
SELECT
    cluster, node, boot_id,
    toUnixTimestamp64Micro(toDateTime64(time, 6, 'UTC')) AS at_us,
    serial,
    arrayFirst(t -> t IN ('LOGIN', 'USER_LOGIN', 'USER_START', 'USER_END', 'USER_LOGOUT', 'CRED_DISP', 'USER_CMD', 'SYSTEM_BOOT', 'SYSTEM_SHUTDOWN'), record_types) AS record,
    pid, auid, ses,
    toInt64OrDefault(fields['old-ses'], toInt64(-1)) AS told_old_ses,
    if(told_old_ses = 4294967295, -1, told_old_ses) AS old_ses,
    basename(exe) AS program,
    acct,
    if(fields['terminal'] IN ('?', '(none)'), '', fields['terminal']) AS terminal,
    multiIf(fields['addr'] NOT IN ('', '?'), fields['addr'], fields['hostname'] NOT IN ('', '?'), fields['hostname'], '') AS address,
    op,
    result != 'failed' AS succeeded,
    fields['cmd'] AS command,
    lower(hex(digests[1])) AS digest
FROM auditd FINAL
WHERE hasAny(record_types, ['LOGIN', 'USER_LOGIN', 'USER_START', 'USER_END', 'USER_LOGOUT', 'CRED_DISP', 'USER_CMD', 'SYSTEM_BOOT', 'SYSTEM_SHUTDOWN'])
  AND /*scope node (cluster, node)*/ 1
ORDER BY cluster, node, time, serial
