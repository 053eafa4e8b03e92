-- What is normal for a workload or a principal, and what is new (analytics/baselines, docs/reference/baselines.md).

-- What a process did in a minute, as its own auditd events tell: made again for the minutes that new records touch (entities/minutes).
-- kind: exec | peer (address as recorded) | listen | socket | write (directory) | syscall.
CREATE TABLE IF NOT EXISTS process_facts
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    minute     DateTime('UTC'),
    pid        Int64,
    kind       LowCardinality(String),
    value      String,
    port       UInt16,
    program    LowCardinality(String),                -- of an exec: the name it goes by
    time       DateTime64(3, 'UTC'),                  -- of the first event
    serial     UInt64,
    events     UInt32,
    digest     FixedString(32),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (cluster, node, minute, pid, kind, value, port);

-- What a subject (workload, node program, principal) did in an hour, with the first event that shows it. Made by correlate.
CREATE TABLE IF NOT EXISTS behaviours
(
    cluster       LowCardinality(String),
    subject       LowCardinality(String),             -- NAMESPACE/KIND/NAME/CONTAINER, image/REPOSITORY, node/PROGRAM, principal/NAME
    kind          LowCardinality(String),
    value         String,
    hour          DateTime('UTC'),
    subject_kind  LowCardinality(String),             -- workload | session | image | node | principal
    likeness      LowCardinality(String),             -- subjects that have it in common are alike; '' like no other
    layer         LowCardinality(String),
    time          DateTime64(9, 'UTC'),
    event_key     String,
    event_id      String,
    digest        FixedString(32),
    node          LowCardinality(String),
    namespace     LowCardinality(String),
    pod           String,
    pod_uid       String,
    container_id  String,
    process_key   String,
    principal     String,
    image_version String,                             -- that the container of the first event ran
    instances     UInt32,                             -- pods, containers, nodes or addresses that showed it
    events        UInt64,
    learned       UInt64,                             -- of these, how many may be learned from
    version       UInt64,
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (cluster, subject, kind, value, hour);

-- What was new when it appeared: the log source that rules choose from (product: vestige, service: baselines).
CREATE TABLE IF NOT EXISTS novelties
(
    cluster      LowCardinality(String),
    subject      LowCardinality(String),
    kind         LowCardinality(String),
    value        String,
    hour         DateTime('UTC'),
    subject_kind LowCardinality(String),
    reason       LowCardinality(String),              -- own | alike | rejected
    score        Float32,                             -- bits: surprise + rarity
    surprise     Float32,                             -- how seldom this subject shows anything new of the kind
    rarity       Float32,                             -- how few subjects show this value
    shown_by     UInt32,                              -- subjects that had shown it before
    subjects     UInt32,                              -- of so many
    learned_for  UInt32,                              -- hours since the subject was first seen
    of_rollout   Bool,                                -- by a container whose image version is not a learning period old
    kept_out     Bool,                                -- a rule calls the event bad
    layer        LowCardinality(String),
    time         DateTime64(9, 'UTC'),
    event_key    String,
    event_id     String,
    digest       FixedString(32),
    node         LowCardinality(String),
    namespace    LowCardinality(String),
    pod          String,
    pod_uid      String,
    container_id String,
    process_key  String,
    principal    String,
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, subject, kind, value, hour);

-- What is known of each subject, fact by fact, as of the last event of the cluster.
CREATE TABLE IF NOT EXISTS baselines
(
    cluster      LowCardinality(String),
    subject      LowCardinality(String),
    kind         LowCardinality(String),
    value        String,
    subject_kind LowCardinality(String),
    likeness     LowCardinality(String),
    state        LowCardinality(String),              -- learned | learning | forgotten | kept-out | pinned | rejected
    weight       Float32,                             -- of the days that showed it, halved with every half-life
    first_seen   DateTime64(9, 'UTC'),
    last_seen    DateTime64(9, 'UTC'),
    hours        UInt32,
    days         UInt32,
    instances    UInt32,                              -- most in any hour
    events       UInt64,
    kept_out     UInt64,                              -- events that were not learned from
    subject_since DateTime('UTC'),                    -- first hour of the subject in this layer
    learned_from DateTime('UTC'),                     -- from when on what is new is told
    novel_at     DateTime64(9, 'UTC'),                -- when it last was new; 1970 never
    score        Float32,                             -- and how much, in bits
    model        UInt16,                              -- number of the way of learning
    digest       FixedString(32),                     -- of the first event
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, subject, kind, value);

-- Decisions of analysts, every one kept: the last for a fact holds. Not derived: rebuilding leaves them alone.
CREATE TABLE IF NOT EXISTS baseline_decisions
(
    cluster    LowCardinality(String),
    subject    String,
    kind       LowCardinality(String),
    value      String,
    decision   LowCardinality(String),                -- pin | reject | unpin
    reason     String,
    decided_by String,
    decided_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (cluster, subject, kind, value, decided_at, decision, decided_by);

-- Minutes made before this table was there lack its rows: all are made once more, as after a reindex.
INSERT INTO cursors SELECT 'reindex' AS job, '' AS loader, 0 AS seq, max(version) + 1 AS version FROM cursors HAVING count() > 0;
