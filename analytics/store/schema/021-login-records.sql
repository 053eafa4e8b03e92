-- Records of people and jobs coming to a node and leaving it (login-records.sql), a few in a thousand of auditd's: made again for the minutes that
-- new records touch (analytics/entities/minutes/minutes.ts). login-sessions.ts makes sessions of them.
CREATE TABLE IF NOT EXISTS login_records
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    minute     DateTime('UTC'),
    time       DateTime64(3, 'UTC'),
    serial     UInt64,
    boot_id    LowCardinality(String),
    record     LowCardinality(String),                -- LOGIN, USER_START, ...
    pid        Int64,
    auid       Int64,                                 -- -1 unset
    ses        Int64,                                 -- -1 unset
    old_ses    Int64,                                 -- of LOGIN: the session it was called in, -1 none
    program    LowCardinality(String),                -- sshd, cron, su, ...
    acct       LowCardinality(String),
    terminal   LowCardinality(String),
    address    LowCardinality(String),
    succeeded  Bool,
    command    String,                                -- of USER_CMD
    digest     FixedString(32),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute, time, serial);
