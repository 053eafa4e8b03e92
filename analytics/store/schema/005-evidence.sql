-- Seals over records, and what is kept beyond its time. Written by analytics/evidence.

-- Leaves in the order they were sealed; order is n, never event time. Append only.
-- leaf = SHA-256(0x00 || SHA-256(canonical envelope) || digest)
CREATE TABLE IF NOT EXISTS seal_leaves
(
    segment       UInt64,
    n             UInt64,
    source        LowCardinality(String),
    cluster       LowCardinality(String),
    node          LowCardinality(String),
    event_time    DateTime64(9, 'UTC'),
    loader        LowCardinality(String),
    seq           UInt64,
    digest        FixedString(32),
    leaf          FixedString(32)
)
ENGINE = ReplacingMergeTree
ORDER BY (segment, n);

-- One seal a segment: an RFC 6962 tree head over its leaves, chained to the seal before, signed.
CREATE TABLE IF NOT EXISTS seals
(
    segment       UInt64,
    sealed_at     DateTime64(6, 'UTC'),
    leaves        UInt64,
    root          FixedString(32),
    previous      FixedString(32),                -- hash of the previous seal's signed bytes, zeros for the first
    hash          FixedString(32),                -- SHA-256 of this seal's signed bytes
    streams       String,                         -- JSON: first and last position of each stream
    public_key    String,                         -- SPKI, base64
    signature     String,                         -- Ed25519 over the signed bytes, base64
    signed        String                          -- the signed bytes, canonical JSON
)
ENGINE = ReplacingMergeTree
ORDER BY segment;

-- Evidence kept beyond the retention of bulk data: the same bytes, with why they are kept.
CREATE TABLE IF NOT EXISTS records_kept AS records
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY if(event_time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(event_time))
ORDER BY (source, cluster, node, event_time, digest);

CREATE TABLE IF NOT EXISTS holds
(
    cluster    LowCardinality(String),
    hold_id    String,
    kind       LowCardinality(String),            -- chain | dossier | manual
    subject    String,
    digest     FixedString(32),
    held_at    DateTime64(6, 'UTC'),
    reason     String,
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, hold_id, digest);

-- Who saw or took evidence.
CREATE TABLE IF NOT EXISTS custody
(
    at      DateTime64(6, 'UTC'),
    actor   String,
    action  LowCardinality(String),
    subject String,
    detail  String
)
ENGINE = MergeTree
ORDER BY (at, actor, action, subject);

-- Every record that is still here, whichever table keeps it. One that both hold comes twice:
-- readers take LIMIT 1 BY source, cluster, node, digest.
CREATE VIEW IF NOT EXISTS records_all AS
SELECT * FROM records FINAL
UNION ALL
SELECT * FROM records_kept FINAL;
