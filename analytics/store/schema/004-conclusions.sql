-- What was concluded: findings of rules, chains of findings. Written by correlate (analytics/rules, analytics/chains).

CREATE TABLE IF NOT EXISTS findings
(
    cluster      LowCardinality(String),
    id           String,                          -- from rule and event key: the same finding keeps its id
    rule_id      String,
    title        String,
    severity     LowCardinality(String),          -- informational | low | medium | high | critical
    techniques   Array(LowCardinality(String)),
    tactics      Array(LowCardinality(String)),
    time         DateTime64(9, 'UTC'),
    source       LowCardinality(String),          -- layer of the event
    event_key    String,                          -- auditID; time:serial; time/topic/id
    node         LowCardinality(String),
    namespace    LowCardinality(String),
    pod          String,
    pod_uid      String,
    container_id String,
    process_key  String,
    principal    String,
    digests      Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex),
    digests_hex  Array(String) EPHEMERAL,         -- how TypeScript hands digests in
    summary      String,
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, id);

CREATE TABLE IF NOT EXISTS chains
(
    cluster    LowCardinality(String),
    id         String,
    title      String,
    severity   LowCardinality(String),
    score      Float64,
    first_seen DateTime64(9, 'UTC'),
    last_seen  DateTime64(9, 'UTC'),
    tactics    Array(LowCardinality(String)),
    entities   String,                            -- JSON: [{id, kind, name}]
    steps      String,                            -- JSON: [{n, time, tactic, techniques, sentence, finding_ids, digests}]
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, id);

CREATE TABLE IF NOT EXISTS chain_links
(
    cluster    LowCardinality(String),
    chain_id   String,
    n          UInt32,
    from_id    String,
    to_id      String,
    kind       LowCardinality(String),
    confidence Float32,
    reason     String,
    digests    Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex),
    digests_hex Array(String) EPHEMERAL,         -- how TypeScript hands digests in
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, chain_id, n);

CREATE TABLE IF NOT EXISTS chain_members
(
    cluster    LowCardinality(String),
    chain_id   String,
    digest     FixedString(32) DEFAULT toFixedString(unhex(digest_hex), 32),
    digest_hex String EPHEMERAL,
    member_id  String,                            -- event id, as links name it
    layer      LowCardinality(String),
    time       DateTime64(9, 'UTC'),
    step       UInt32,                            -- 0: of no step
    role       LowCardinality(String),            -- core | context
    version    UInt64,
    is_deleted UInt8 DEFAULT 0,
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, chain_id, member_id, digest);

-- A chain that grows stays the same chain: the ids given so far and the event keys they were given for.
CREATE TABLE IF NOT EXISTS chain_ids
(
    cluster    LowCardinality(String),
    event_key  String,
    chain_id   String,
    given_at   DateTime64(6, 'UTC'),
    version    UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (cluster, event_key);

-- How far each job has read, a row per loader (never a time: collectors' clocks lie), and the runs of a job.
CREATE TABLE IF NOT EXISTS cursors
(
    job     LowCardinality(String),
    loader  String,
    seq     UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (job, loader);

-- What is known to be missing, and why.
CREATE TABLE IF NOT EXISTS gaps
(
    cluster    LowCardinality(String),
    source     LowCardinality(String),
    node       LowCardinality(String),
    first_seen DateTime64(9, 'UTC'),
    last_seen  DateTime64(9, 'UTC'),
    kind       LowCardinality(String),
    missing    UInt64,
    detail     String,
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, source, node, kind, first_seen);
