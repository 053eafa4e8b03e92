-- Processes with boot, begin and end; the runs they are put together from; the boots of nodes. Written by correlate (analytics/entities).

-- What auditd saw of a pid, minute by minute (runs.sql): made anew for the minutes that late records touch, read again for the pids in them.
CREATE TABLE IF NOT EXISTS process_runs
(
    cluster          LowCardinality(String),
    node             LowCardinality(String),
    minute           DateTime('UTC'),
    pid              Int64,
    ppid             Int64,
    first_seen       DateTime64(3, 'UTC'),
    first_serial     UInt64,
    last_seen        DateTime64(3, 'UTC'),
    exe              LowCardinality(String),
    comm             LowCardinality(String),
    argv             Array(String),                   -- of the last execve
    first_argv       Array(String),                   -- of the first one that is not runc's own
    uid              Int64,
    auid             Int64,
    ses              Int64,
    starts_with_exec Bool,
    setup            Bool,                            -- runc preparing a container, nothing else
    called_for       String,                          -- the container runc was called for
    exec_devs        Array(LowCardinality(String)),   -- anonymous devices its programs were read from
    exec_from_disk   Bool,
    exec_digests     Array(FixedString(32)),
    first_digest     FixedString(32),
    last_digest      FixedString(32),
    exits_at         DateTime64(3, 'UTC'),            -- exit_group or ANOM_ABEND
    exit_status      Int32,
    crashed          Bool,
    exit_digest      FixedString(32),
    forks            Array(Tuple(at DateTime64(3, 'UTC'), serial UInt64, child Int64, digest FixedString(32))),
    leaves           Array(Tuple(at DateTime64(3, 'UTC'), serial UInt64, call String, path String, digest FixedString(32))),
    version          UInt64,
    is_deleted       UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, pid, minute, first_seen, first_serial);

ALTER TABLE processes
    ADD COLUMN IF NOT EXISTS boot LowCardinality(String) AFTER node,               -- name of table boots; '' before any that is known
    ADD COLUMN IF NOT EXISTS seen LowCardinality(String) AFTER last_seen,          -- exec | events | fork | child: what is there of it
    ADD COLUMN IF NOT EXISTS ended_at DateTime64(3, 'UTC') AFTER seen,             -- the latest it can have been there
    ADD COLUMN IF NOT EXISTS ended_by LowCardinality(String) AFTER ended_at,       -- exit | crash | runtime-exit | container-exit | pid-reused | reboot
    ADD COLUMN IF NOT EXISTS exit_status Int32 DEFAULT -1 AFTER ended_by,
    ADD COLUMN IF NOT EXISTS left_by LowCardinality(String) AFTER confidence,      -- setns | chroot | nsenter: began in its container, acts outside
    ADD COLUMN IF NOT EXISTS left_at DateTime64(3, 'UTC') AFTER left_by,
    ADD COLUMN IF NOT EXISTS exec_devs Array(LowCardinality(String)) AFTER setup,
    ADD COLUMN IF NOT EXISTS exec_from_disk Bool AFTER exec_devs,
    ADD COLUMN IF NOT EXISTS begin_hex String EPHEMERAL,
    ADD COLUMN IF NOT EXISTS end_hex String EPHEMERAL,
    ADD COLUMN IF NOT EXISTS left_hex String EPHEMERAL,
    ADD COLUMN IF NOT EXISTS begin_digest FixedString(32) DEFAULT toFixedString(unhex(begin_hex), 32),
    ADD COLUMN IF NOT EXISTS end_digest FixedString(32) DEFAULT toFixedString(unhex(end_hex), 32),
    ADD COLUMN IF NOT EXISTS left_digest FixedString(32) DEFAULT toFixedString(unhex(left_hex), 32);

-- A node's boots, as far as its records tell of them.
CREATE TABLE IF NOT EXISTS boots
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    boot       LowCardinality(String),                -- boot_id, or @ and the moment in ms
    began_at   DateTime64(3, 'UTC'),
    told_by    LowCardinality(String),                -- collector | boot-record | serials | envelope
    digest     FixedString(32),                       -- of the first record that tells of it
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, began_at, boot);
