-- Pids that the runtime named (analytics/entities/containers/container-pids.sql), kept so that a run of correlate knows which of them changed.
CREATE TABLE IF NOT EXISTS named_pids
(
    cluster      LowCardinality(String),
    node         LowCardinality(String),
    container_id String,
    exec_id      String,
    pid          Int64,
    started_at   Int64,                               -- ms
    ended_at     Int64,                               -- ms, 0 unknown
    exit_status  Int32,                               -- -1 unknown
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, container_id, exec_id, pid);
