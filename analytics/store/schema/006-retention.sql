-- How long bulk data stays, and what went. Written by analytics/evidence.

-- The newest row holds. No row: nothing ever goes.
CREATE TABLE IF NOT EXISTS retention_policy
(
    set_at  DateTime64(6, 'UTC'),
    days    UInt32,
    set_by  String
)
ENGINE = MergeTree
ORDER BY set_at;

-- One row each time a partition of records went, signed before it goes, so that a hole made otherwise is not taken for one.
-- Covered are the leaves of the partition up to segment `segment`, except those in retention_kept.
CREATE TABLE IF NOT EXISTS retention_drops
(
    drop_id      String,
    partition    String,                          -- as ClickHouse names it: yyyymm of the event time, 0 when it is unknown
    dropped_at   DateTime64(6, 'UTC'),
    segment      UInt64,
    records      UInt64,                          -- that went
    kept         UInt64,                          -- leaves of it that stay in records_kept
    public_key   String,
    signature    String,
    signed       String,
    finished     UInt8,                           -- 0: the typed rows made of it have still to go
    version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY drop_id;

CREATE TABLE IF NOT EXISTS retention_kept
(
    drop_id String,
    segment UInt64,
    n       UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (drop_id, segment, n);
