-- What auditd's records of one minute tell of auditing itself, made again for the minutes that new records touch (analytics/entities/minutes/minutes.ts):
-- boots, and gaps in what was recorded, are found in these.

-- Records about auditing: rules, switches, starts and ends, what was lost, boots (audit-notes.sql).
CREATE TABLE IF NOT EXISTS audit_notes
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    minute     DateTime('UTC'),
    time       DateTime64(3, 'UTC'),
    serial     UInt64,
    types      Array(LowCardinality(String)),
    fields     Map(LowCardinality(String), String),
    digest     FixedString(32),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute, time, serial, digest);

-- Where the kernel's count of events stood, and which boot the envelopes told (serial-minutes.sql).
CREATE TABLE IF NOT EXISTS serial_minutes
(
    cluster       LowCardinality(String),
    node          LowCardinality(String),
    minute        DateTime('UTC'),
    lowest_serial UInt64,                             -- 0 where no event has one of the kernel's count
    lowest_at     DateTime64(3, 'UTC'),
    lowest_digest FixedString(32),
    boot_ids      Array(String),
    named_at      DateTime64(3, 'UTC'),               -- the first event whose envelope tells a boot
    named_serial  UInt64,
    named_digest  FixedString(32),
    version       UInt64,
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute);
