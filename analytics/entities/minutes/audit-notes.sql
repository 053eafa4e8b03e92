-- What auditd and the kernel say of auditing itself, and of the machine's start. Parameter: {version:UInt64}. Columns: those of audit_notes.
SELECT cluster, node, toStartOfMinute(time) AS minute, time, serial, record_types AS types, fields, digests[1] AS digest, {version:UInt64} AS version, 0 AS is_deleted
FROM auditd FINAL
WHERE hasAny(record_types, ['CONFIG_CHANGE', 'KERNEL', 'DAEMON_START', 'DAEMON_END', 'DAEMON_ABORT', 'SYSTEM_BOOT', 'TIME_INJOFFSET']) AND /*scope minute*/ 1
