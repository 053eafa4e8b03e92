-- Who was that: entities with lifetimes, and the three layers on one axis. Written by correlate (analytics/entities).
-- Each run writes its rows with version = run; rows that a run no longer finds are written once more with is_deleted = 1.
-- A time of 1970 means "not known".

CREATE TABLE IF NOT EXISTS pods
(
    cluster         LowCardinality(String),
    pod_uid         String,
    namespace       LowCardinality(String),
    pod             String,
    node            LowCardinality(String),
    ips             Array(String),
    service_account String,
    owner_kind      LowCardinality(String),
    owner_name      String,
    owner_uid       String,
    created_by      String,                       -- principal of the create request
    created_audit_id String,
    deleted_by      String,
    deleted_audit_id String,
    images          Array(String),
    host_paths      Array(String),
    privileged      Bool,
    host_network    Bool,
    host_pid        Bool,
    created_at      DateTime64(9, 'UTC'),
    first_seen      DateTime64(9, 'UTC'),
    last_seen       DateTime64(9, 'UTC'),
    ended_at        DateTime64(9, 'UTC'),
    digests         Array(FixedString(32)),
    version         UInt64,
    is_deleted      UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, pod_uid);

CREATE TABLE IF NOT EXISTS containers
(
    cluster           LowCardinality(String),
    node              LowCardinality(String),
    container_id      String,
    runtime_namespace LowCardinality(String),
    kind              LowCardinality(String),     -- sandbox | container
    container_name    LowCardinality(String),
    namespace         LowCardinality(String),
    pod               String,
    pod_uid           String,
    sandbox_id        String,
    image             String,
    args              Array(String),
    env_names         Array(LowCardinality(String)),
    mount_sources     Array(String),
    mount_targets     Array(String),
    privileged        Bool,
    capabilities      Array(LowCardinality(String)),
    pid               Int64,
    rootfs_dev        LowCardinality(String),     -- device of its root overlay, as PATH records show it
    created_at        DateTime64(9, 'UTC'),
    started_at        DateTime64(9, 'UTC'),
    ended_at          DateTime64(9, 'UTC'),
    removed_at        DateTime64(9, 'UTC'),
    exit_status       Int32,                      -- -1 unknown
    digests           Array(FixedString(32)),
    version           UInt64,
    is_deleted        UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, container_id);

-- A process is (node, boot, pid, first seen); process_key names it in other tables.
CREATE TABLE IF NOT EXISTS processes
(
    cluster      LowCardinality(String),
    node         LowCardinality(String),
    process_key  String,                          -- pid@first_seen in microseconds#serial
    pid          Int64,
    ppid         Int64,
    parent_key   String,
    first_seen   DateTime64(3, 'UTC'),
    last_seen    DateTime64(3, 'UTC'),
    exe          LowCardinality(String),          -- of the last execve
    comm         LowCardinality(String),
    argv         Array(String),                   -- of the last execve
    first_argv   Array(String),                   -- of the first one
    uid          Int64,
    auid         Int64,
    ses          Int64,
    container_id String,
    method       LowCardinality(String),          -- how the container was found, '' for a process of the node
    confidence   Float32,
    setup        Bool,                            -- seen only while runc prepared the container
    exec_id      String,                          -- of the exec that started it, '' otherwise
    digests      Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex), -- the execve events
    digests_hex  Array(String) EPHEMERAL,         -- how TypeScript hands digests in
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, process_key);

-- Which container and process an auditd event belongs to.
CREATE TABLE IF NOT EXISTS attributions
(
    cluster      LowCardinality(String),
    node         LowCardinality(String),
    time         DateTime64(3, 'UTC'),
    serial       UInt64,
    process_key  String,
    container_id String,
    method       LowCardinality(String),
    confidence   Float32,
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(time)
ORDER BY (cluster, node, time, serial);

-- Exec and attach requests with the process they started.
CREATE TABLE IF NOT EXISTS sessions
(
    cluster      LowCardinality(String),
    session_id   String,                          -- auditID of the request
    kind         LowCardinality(String),          -- exec | attach | portforward
    principal    String,
    source_ip    String,
    user_agent   String,
    namespace    LowCardinality(String),
    pod          String,
    pod_uid      String,
    container_id String,
    command      Array(String),
    node         LowCardinality(String),
    exec_id      String,
    pid          Int64,
    process_key  String,
    requested_at DateTime64(9, 'UTC'),
    started_at   DateTime64(9, 'UTC'),            -- exec-started of the runtime
    ended_at     DateTime64(9, 'UTC'),
    confidence   Float32,
    digests      Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex),
    digests_hex  Array(String) EPHEMERAL,         -- how TypeScript hands digests in
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, session_id);

-- Which pod or process of a node made an API request. Requests of people are not here.
CREATE TABLE IF NOT EXISTS callers
(
    cluster      LowCardinality(String),
    audit_id     String,
    time         DateTime64(9, 'UTC'),
    namespace    LowCardinality(String),
    pod          String,
    pod_uid      String,
    method       LowCardinality(String),          -- pod-address | bound-token | node-address
    confidence   Float32,
    node         LowCardinality(String),
    container_id String,
    process_key  String,                          -- the last to connect() before the request, '' when none was seen
    connected_at DateTime64(3, 'UTC'),
    digest       FixedString(32),                 -- of that connect()
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, audit_id);

CREATE TABLE IF NOT EXISTS principals
(
    cluster        LowCardinality(String),
    principal      String,
    user_groups    Array(LowCardinality(String)),
    credential_ids Array(String),
    source_ips     Array(String),
    user_agents    Array(String),
    first_seen     DateTime64(9, 'UTC'),
    last_seen      DateTime64(9, 'UTC'),
    requests       UInt64,
    refused        UInt64,
    version        UInt64,
    is_deleted     UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, principal);

-- The three layers on one axis.
CREATE TABLE IF NOT EXISTS events
(
    cluster      LowCardinality(String),
    time         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    layer        LowCardinality(String),          -- k8s-audit | runtime | auditd
    event_id     String CODEC(ZSTD(1)),           -- auditID/stage; time:serial; time/topic/id
    node         LowCardinality(String),
    principal    LowCardinality(String),
    action       LowCardinality(String),
    object       String CODEC(ZSTD(1)),
    outcome      LowCardinality(String),
    namespace    LowCardinality(String),
    pod          LowCardinality(String),
    pod_uid      LowCardinality(String),
    container_id LowCardinality(String),
    process_key  String CODEC(ZSTD(1)),
    pid          Int64,
    exe          LowCardinality(String),
    method       LowCardinality(String),
    confidence   Float32,
    digest       FixedString(32),
    version      UInt64 CODEC(DoubleDelta, ZSTD(1)),
    is_deleted   UInt8 DEFAULT 0,
    INDEX by_container container_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_process process_key TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY if(time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(time))
ORDER BY (cluster, time, layer, node, event_id);
