-- What collectors say of themselves: that they began, are there, ended, and what they know to be missing. Typed rows of records of source
-- `collector` (analytics/decode/collector-notices.sql).
CREATE TABLE IF NOT EXISTS collector_notices
(
    cluster          LowCardinality(String),
    node             LowCardinality(String),          -- the collector's; empty for one that stands beside the API server
    time             DateTime64(9, 'UTC'),            -- of the collector's clock
    collector        LowCardinality(String),
    run              String,                          -- one start of the program
    n                UInt64,                          -- counts the notices of a run
    kind             LowCardinality(String),          -- started | heartbeat | gap | stopped
    about            LowCardinality(String),          -- source the collector reads: k8s-audit | auditd | runtime
    stream           String,
    reads_again      Bool,                            -- what it missed while it was away lies in its source still
    boot_id          LowCardinality(String),
    uptime_s         Float64,                         -- of the node: a clock that nobody sets
    program          LowCardinality(String),          -- version of Vestige
    clock            LowCardinality(String),          -- synchronised | unsynchronised | unknown
    clock_error_us   Int64,                           -- as the kernel estimates it; -1 unknown
    records          UInt64,                          -- emitted in this run so far
    waiting_bytes    UInt64,                          -- in the spool
    torn_bytes       UInt64,                          -- cut off the end of the spool at the start
    gap_reason       LowCardinality(String),          -- closed list, docs/reference/gaps.md
    gap_from         DateTime64(3, 'UTC'),
    gap_to           DateTime64(3, 'UTC'),
    missing          Int64,                           -- the most records that can be missing; -1: nobody can know
    missing_bytes    Int64,
    detail           String,
    digest           FixedString(32),
    loader           LowCardinality(String),
    seq              UInt64 CODEC(DoubleDelta, ZSTD(1)),
    version          UInt64 CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(time))
ORDER BY (cluster, node, collector, time, run, n, digest);

-- What is known to be missing, and why: filled by correlate (analytics/entities/gaps/gaps-of-collectors.sql). Nothing filled it before.
DROP TABLE IF EXISTS gaps;
CREATE TABLE gaps
(
    cluster    LowCardinality(String),
    source     LowCardinality(String),                -- k8s-audit | auditd | runtime
    node       LowCardinality(String),
    first_seen DateTime64(9, 'UTC'),
    last_seen  DateTime64(9, 'UTC'),
    kind       LowCardinality(String),                -- closed list, docs/reference/gaps.md
    collector  LowCardinality(String),
    stream     String,
    missing    Int64,                                 -- the most records that can be missing; -1: nobody can know
    detail     String,
    digests    Array(FixedString(32)),                -- of the notices that tell of it
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, source, node, kind, first_seen, collector, stream, last_seen, digests);
