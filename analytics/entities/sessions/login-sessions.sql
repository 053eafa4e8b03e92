-- Records of logins, in order; login-sessions.ts puts them together. Times in microseconds; ses and auid -1 where unset.
SELECT
    cluster, node, boot_id, toUnixTimestamp64Micro(toDateTime64(time, 6, 'UTC')) AS at_us, serial, record, pid, auid, ses, old_ses, program, acct,
    terminal, address, succeeded, command, lower(hex(digest)) AS digest
FROM login_records FINAL
WHERE /*scope node (cluster, node)*/ 1
ORDER BY cluster, node, time, serial
