-- Typed rows: derived from records by analytics/decode, thrown away and derived again at will.
-- version is the decoder's version, above the number of lines united: a better decoder or more bytes replace a row.

-- One Kubernetes API audit event at one stage.
CREATE TABLE IF NOT EXISTS k8s_audit
(
    cluster              LowCardinality(String),
    time                 DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),  -- requestReceivedTimestamp
    stage_time           DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    audit_id             String,
    stage                LowCardinality(String),
    level                LowCardinality(String),
    verb                 LowCardinality(String),
    request_uri          String CODEC(ZSTD(1)),
    username             LowCardinality(String),
    user_uid             String,
    user_groups          Array(LowCardinality(String)),
    credential_id        String,                   -- X509SHA256=..., JTI=...
    user_pod_name        String,                   -- bound token: the pod it was issued to
    user_pod_uid         String,
    user_node_name       LowCardinality(String),
    impersonated_user    LowCardinality(String),
    impersonated_groups  Array(LowCardinality(String)),
    source_ips           Array(String),
    user_agent           LowCardinality(String),
    resource             LowCardinality(String),
    subresource          LowCardinality(String),
    api_group            LowCardinality(String),
    api_version          LowCardinality(String),
    namespace            LowCardinality(String),
    name                 String,                   -- objectRef.name; for generateName the name the server gave
    object_uid           String,
    code                 UInt16,                   -- HTTP status, 0 when there is none yet
    status_reason        LowCardinality(String),
    decision             LowCardinality(String),   -- authorization.k8s.io/decision
    decision_reason      String CODEC(ZSTD(1)),
    annotations          Map(LowCardinality(String), String),
    exec_command         Array(String),            -- command= of exec, in order
    exec_container       String,
    owner_kind           LowCardinality(String),   -- controller owner of the object in the body
    owner_name           String,
    owner_uid            String,
    node_name            LowCardinality(String),   -- spec.nodeName, or target of a binding
    pod_ip               String,                   -- status.podIP
    host_network         Bool,
    host_pid             Bool,
    host_ipc             Bool,
    privileged           Bool,                     -- any container
    capabilities_added   Array(LowCardinality(String)),
    host_paths           Array(String),
    images               Array(String),
    commands             Array(String),            -- command and args of each container, joined by a space
    service_account      String,
    container_ids        Array(String),            -- status.containerStatuses, without the runtime prefix
    role_kind            LowCardinality(String),
    role_name            String,
    subjects             Array(String),            -- kind:namespace:name of a binding
    schedule             String,
    body                 LowCardinality(String),   -- none | request | response | both
    digest               FixedString(32),
    loader               LowCardinality(String),
    seq                  UInt64 CODEC(DoubleDelta, ZSTD(1)),
    version              UInt64 CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_audit_id audit_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_source_ip source_ips TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_credential credential_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_name name TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(time))
ORDER BY (cluster, time, audit_id, stage);

-- One Linux audit event: the lines of all its records united.
CREATE TABLE IF NOT EXISTS auditd
(
    cluster       LowCardinality(String),
    node          LowCardinality(String),
    time          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    serial        UInt64 CODEC(Delta, ZSTD(1)),
    odd_key       String,                          -- seconds.millis:serial as written, where time and serial do not say it
    boot_id       LowCardinality(String),
    record_types  Array(LowCardinality(String)),
    arch          LowCardinality(String),          -- x86_64, i386, aarch64, arm, or the number in hex
    syscall       Int32,                           -- -1: no SYSCALL record
    syscall_name  LowCardinality(String),
    success       LowCardinality(String),          -- yes | no | ''
    exit          Int64,
    exit_name     LowCardinality(String),          -- errno of a failed call: ENOENT
    args          Array(String),                   -- a0..a3 of SYSCALL, hex
    arg_names     Map(LowCardinality(String), LowCardinality(String)), -- what they mean: flags, prot, family, type, signal, request, option, mode
    ppid          Int64,                           -- -1: unknown
    pid           Int64,                           -- -1: unknown
    auid          Int64,                           -- -1: unset
    uid           Int64,
    gid           Int64,
    euid          Int64,
    egid          Int64,
    suid          Int64,
    sgid          Int64,
    fsuid         Int64,
    fsgid         Int64,
    tty           LowCardinality(String),
    ses           Int64,                           -- -1: unset
    comm          LowCardinality(String),
    exe           LowCardinality(String),
    keys          Array(LowCardinality(String)),
    subj          LowCardinality(String),
    argv          Array(String),                   -- EXECVE
    proctitle     Array(String),
    cwd           String,
    path_names    Array(String),                   -- PATH, by item; as recorded
    path_names_absolute Array(String),             -- joined with cwd; '' where relative to a descriptor
    path_types    Array(LowCardinality(String)),   -- nametype
    path_devs     Array(LowCardinality(String)),
    path_inodes   Array(UInt64),
    path_modes    Array(LowCardinality(String)),
    addr_family   LowCardinality(String),          -- inet | inet6 | unix | netlink | ''
    addr          String,                          -- address or socket path
    port          UInt16,
    capabilities  Array(LowCardinality(String)),   -- effective ones after an execution or capset, where told
    op            LowCardinality(String),          -- user-space records and CONFIG_CHANGE
    acct          LowCardinality(String),
    result        LowCardinality(String),          -- success | failed | ''
    fields        Map(LowCardinality(String), String), -- of user-space and special records
    digests       Array(FixedString(32)),
    loader        LowCardinality(String),
    seq           UInt64 CODEC(DoubleDelta, ZSTD(1)),
    version       UInt64 CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_pid pid TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_addr addr TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_path path_names TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_digest digests TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(time < toDateTime64('2015-01-01 00:00:00', 3, 'UTC'), 0, toYYYYMM(time))
ORDER BY (cluster, node, time, serial, odd_key);

-- One event of a container runtime, or one document of a container (topic 'container').
CREATE TABLE IF NOT EXISTS runtime
(
    cluster           LowCardinality(String),
    node              LowCardinality(String),
    time              DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    runtime_namespace LowCardinality(String),
    topic             LowCardinality(String),      -- /tasks/start, ..., container for a document
    container_id      String,                      -- snapshot key for /snapshot topics
    exec_id           String,
    pid               Int64,                       -- host pid, -1 unknown
    exit_status       Int32,
    image             String,
    bundle            String,
    upper_dir         String,                      -- of the rootfs overlay
    labels            Map(LowCardinality(String), String),
    pod_name          String,
    pod_namespace     LowCardinality(String),
    pod_uid           String,
    container_name    LowCardinality(String),
    kind              LowCardinality(String),      -- sandbox | container | ''
    sandbox_id        String,
    args              Array(String),
    env_names         Array(LowCardinality(String)),
    mount_sources     Array(String),               -- bind mounts: host path
    mount_targets     Array(String),               -- and where the container sees it
    privileged        Bool,
    capabilities      Array(LowCardinality(String)),
    namespaces        Array(LowCardinality(String)), -- the namespaces of its own it was given
    cgroup            String,
    digest            FixedString(32),
    loader            LowCardinality(String),
    seq               UInt64 CODEC(DoubleDelta, ZSTD(1)),
    version           UInt64 CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_container container_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_pod pod_uid TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(time < toDateTime64('2015-01-01 00:00:00', 9, 'UTC'), 0, toYYYYMM(time))
ORDER BY (cluster, node, time, topic, runtime_namespace, container_id, exec_id, digest);
