-- What auditd's records of one minute tell, made again for the minutes that new records touch (analytics/entities/minutes/minutes.ts); the entities are
-- made of these. With process_runs.

-- Executions of container runtimes, which carry the id of the container they were called for (runtime-calls.sql).
CREATE TABLE IF NOT EXISTS runtime_calls
(
    cluster           LowCardinality(String),
    node              LowCardinality(String),
    minute            DateTime('UTC'),
    time              DateTime64(3, 'UTC'),
    serial            UInt64,
    pid               Int64,
    ppid              Int64,
    verb              LowCardinality(String),         -- create, start, run, exec, kill, delete of an OCI runtime; shim; monitor
    container_id      String,
    runtime_namespace LowCardinality(String),
    is_of_disk        Bool,                           -- it was read from the node's disk, not from an overlay
    digest            FixedString(32),
    version           UInt64,
    is_deleted        UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute, time, serial);

-- Devices of containers' root file systems, as runc's own mounts tell (rootfs-devices.sql).
CREATE TABLE IF NOT EXISTS rootfs_devices
(
    cluster      LowCardinality(String),
    node         LowCardinality(String),
    minute       DateTime('UTC'),
    dev          LowCardinality(String),
    container_id String,
    mounted_at   DateTime64(3, 'UTC'),
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute, dev, container_id);
