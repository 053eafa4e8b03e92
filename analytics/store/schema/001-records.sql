-- The evidence and what happened to it on the way in.
-- Times are UTC. A digest is SHA-256 of the record's bytes. cluster is in every key.

-- Evidence: one row a record (source, cluster, node, digest). The first receipt stays.
CREATE TABLE IF NOT EXISTS records
(
    source      LowCardinality(String),            -- k8s-audit | auditd | runtime
    cluster     LowCardinality(String),
    node        LowCardinality(String),            -- empty for k8s-audit
    event_time  DateTime64(9, 'UTC'),              -- from the bytes, clamped to 2015..2100; 1970 when they hold none
    digest      FixedString(32),
    format      LowCardinality(String),            -- what the bytes were recognised as (ingest/frame)
    event_key   String,                            -- identity of the event the bytes belong to, see analytics/decode
    raw         String CODEC(ZSTD(3)),             -- the bytes as received
    lines       UInt32 CODEC(T64, ZSTD(1)),        -- lines of the source folded into this record
    boot_id     LowCardinality(String),
    attrs       Map(LowCardinality(String), String),
    collector   LowCardinality(String),
    received_at DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stream      LowCardinality(String),            -- file, or topic-partition
    position    UInt64 CODEC(DoubleDelta, ZSTD(1)),-- offset in the stream
    loader      LowCardinality(String),
    seq         UInt64 CODEC(DoubleDelta, ZSTD(1)),-- monotonic within a loader
    first_wins  UInt64 MATERIALIZED 18446744073709551615 - toUInt64(toUnixTimestamp64Micro(received_at)) CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_event event_key TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY if(event_time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(event_time))
ORDER BY (source, cluster, node, event_time, digest);

-- Every delivery of every record, the first and all later ones.
CREATE TABLE IF NOT EXISTS receipts
(
    source      LowCardinality(String),
    cluster     LowCardinality(String),
    node        LowCardinality(String),
    digest      FixedString(32),
    collector   LowCardinality(String),
    received_at DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stream      LowCardinality(String),
    position    UInt64 CODEC(DoubleDelta, ZSTD(1)),
    loader      LowCardinality(String),
    seq         UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (cluster, source, node, stream, loader, seq);

-- Why a record has no typed row. reason is from a closed list (docs/reference/dead-letters.md).
CREATE TABLE IF NOT EXISTS dead_letters
(
    source      LowCardinality(String),
    cluster     LowCardinality(String),
    node        LowCardinality(String),
    digest      FixedString(32),
    reason      LowCardinality(String),
    detail      String,
    stream      LowCardinality(String),
    position    UInt64,
    received_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (cluster, source, node, digest);

-- A batch on its way in: filled from a segment, read by the decoders, dropped when the batch is done.
-- What a killed loader left behind is dropped when the store is next opened by its owner.
CREATE TABLE IF NOT EXISTS staged
(
    batch       String,
    source      LowCardinality(String),
    cluster     LowCardinality(String),
    node        LowCardinality(String),
    event_time  DateTime64(9, 'UTC'),
    digest      FixedString(32),
    format      LowCardinality(String),
    event_key   String,
    raw         String CODEC(LZ4),
    lines       UInt32,
    boot_id     LowCardinality(String),
    attrs       Map(LowCardinality(String), String),
    collector   LowCardinality(String),
    received_at DateTime64(6, 'UTC'),
    stream      LowCardinality(String),
    position    UInt64,
    loader      LowCardinality(String),
    seq         UInt64
)
ENGINE = MergeTree
PARTITION BY batch
ORDER BY (source, format, event_time);
