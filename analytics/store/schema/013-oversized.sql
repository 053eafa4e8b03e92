-- Larger than its source writes: an event of the API server of more than 1 MiB (etcd takes objects of 1.5 MiB, both bodies of a usual one are
-- some kilobytes), a line of auditd of more than 10 KiB (the kernel's bound is 8,970 bytes). What breaks parsers shows as such.
ALTER TABLE k8s_audit ADD COLUMN IF NOT EXISTS oversized Bool AFTER body;
ALTER TABLE auditd ADD COLUMN IF NOT EXISTS oversized Bool AFTER fields;
