-- Who asked, for whom and with what: more of bodies, pods with their owners and ends, principals of every kind, uses of credentials.
-- A time of 1970 means "not known".

-- Empty where an event was decoded before, until reindex.
ALTER TABLE k8s_audit
    ADD COLUMN IF NOT EXISTS labels       Map(LowCardinality(String), String) AFTER webhook_targets, -- of the object
    ADD COLUMN IF NOT EXISTS config_hash  String AFTER labels,                      -- of a mirror pod: the UID that the runtime knows its static pod by
    ADD COLUMN IF NOT EXISTS phase        LowCardinality(String) AFTER config_hash, -- status.phase: Pending, Running, Succeeded, Failed
    ADD COLUMN IF NOT EXISTS phase_reason LowCardinality(String) AFTER phase,       -- status.reason: Evicted, NodeLost, Terminated
    ADD COLUMN IF NOT EXISTS host_ip      String AFTER phase_reason,                -- of a pod's node
    ADD COLUMN IF NOT EXISTS addresses    Array(String) AFTER host_ip;              -- of a pod, a node, a service: as its body tells them

-- Objects that own others or are owned, pods left out.
CREATE TABLE IF NOT EXISTS owners
(
    cluster          LowCardinality(String),
    uid              String,
    kind             LowCardinality(String),       -- as ownerReferences name it; '' where none does
    resource         LowCardinality(String),
    namespace        LowCardinality(String),
    name             String,
    owner_kind       LowCardinality(String),
    owner_name       String,
    owner_uid        String,
    owner_method     LowCardinality(String),       -- owner-reference | name (its body was not kept) | ''
    labels           Map(LowCardinality(String), String),
    created_by       String,
    created_audit_id String,
    created_from     String,                       -- addresses, as the request tells them, joined by a space
    created_at       DateTime64(9, 'UTC'),
    deleted_by       String,
    deleted_audit_id String,
    deleted_at       DateTime64(9, 'UTC'),
    first_seen       DateTime64(9, 'UTC'),
    last_seen        DateTime64(9, 'UTC'),
    digests          Array(FixedString(32)),       -- of the requests that made and deleted it
    version          UInt64,
    is_deleted       UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, uid);

-- The workload at the top of each object that owns pods.
CREATE TABLE IF NOT EXISTS workloads
(
    cluster          LowCardinality(String),
    uid              String,                       -- of the pods' own owner
    workload_kind    LowCardinality(String),
    workload_name    String,
    workload_uid     String,
    path             Array(String),                -- kind/name from the owner of the pods to the top
    method           LowCardinality(String),       -- owner-reference | name (a body in between was not kept)
    resource         LowCardinality(String),       -- of the workload; '' where no request about it was seen
    namespace        LowCardinality(String),
    labels           Map(LowCardinality(String), String),
    created_by       String,
    created_audit_id String,
    created_from     String,
    created_at       DateTime64(9, 'UTC'),
    deleted_by       String,                       -- of the first of the owners to be deleted
    deleted_audit_id String,
    deleted_at       DateTime64(9, 'UTC'),
    digests          Array(FixedString(32)),
    version          UInt64,
    is_deleted       UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, uid);

-- An address is one node's, or none's.
CREATE TABLE IF NOT EXISTS node_addresses
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    address    String,
    methods    Array(LowCardinality(String)),      -- node | pod (bodies tell it) | kubelet (which called from it)
    first_seen DateTime64(9, 'UTC'),
    last_seen  DateTime64(9, 'UTC'),
    digests    Array(FixedString(32)),             -- of the first record of each method
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, address);

ALTER TABLE pods
    ADD COLUMN IF NOT EXISTS mirror_uid        String AFTER digests,                -- of a static pod: the UID that the API knows it by
    ADD COLUMN IF NOT EXISTS known_by          Array(LowCardinality(String)) AFTER mirror_uid, -- api (requests about it) | status (nothing but its node's) | runtime | auditd (a cgroup alone)
    ADD COLUMN IF NOT EXISTS labels            Map(LowCardinality(String), String) AFTER known_by,
    ADD COLUMN IF NOT EXISTS image_digests     Array(String) AFTER labels,          -- sha256:...
    ADD COLUMN IF NOT EXISTS end_reason        LowCardinality(String) AFTER image_digests, -- closed list, docs/reference/actors.md
    ADD COLUMN IF NOT EXISTS ended_by          String AFTER end_reason,             -- principal; '' where nobody asked for it
    ADD COLUMN IF NOT EXISTS ended_audit_id    String AFTER ended_by,
    ADD COLUMN IF NOT EXISTS begin_digests     Array(FixedString(32)) AFTER ended_audit_id,
    ADD COLUMN IF NOT EXISTS end_digests       Array(FixedString(32)) AFTER begin_digests,
    ADD COLUMN IF NOT EXISTS workload_kind     LowCardinality(String) AFTER end_digests, -- at the top of its owners; Pod for one without an owner
    ADD COLUMN IF NOT EXISTS workload_name     String AFTER workload_kind,
    ADD COLUMN IF NOT EXISTS workload_uid      String AFTER workload_name,
    ADD COLUMN IF NOT EXISTS workload_path     Array(String) AFTER workload_uid,    -- kind/name from its owner to the top
    ADD COLUMN IF NOT EXISTS workload_method   LowCardinality(String) AFTER workload_path, -- owner-reference | name | ''
    ADD COLUMN IF NOT EXISTS creator           String AFTER workload_method,        -- principal that made the workload
    ADD COLUMN IF NOT EXISTS creator_audit_id  String AFTER creator,
    ADD COLUMN IF NOT EXISTS creator_from      String AFTER creator_audit_id,       -- addresses, joined by a space
    ADD COLUMN IF NOT EXISTS creator_at        DateTime64(9, 'UTC') AFTER creator_from,
    ADD COLUMN IF NOT EXISTS changed_by        String AFTER creator_at,             -- last to change the workload before the pod was made
    ADD COLUMN IF NOT EXISTS changed_audit_id  String AFTER changed_by,
    ADD COLUMN IF NOT EXISTS changed_from      String AFTER changed_audit_id,
    ADD COLUMN IF NOT EXISTS changed_at        DateTime64(9, 'UTC') AFTER changed_from,
    ADD COLUMN IF NOT EXISTS owner             String AFTER changed_at,             -- values of labels of the pod, its workload, its namespace
    ADD COLUMN IF NOT EXISTS team              String AFTER owner,
    ADD COLUMN IF NOT EXISTS sensitivity       String AFTER team;

-- The ways in which users come to the API, each with its first and last request.
CREATE TABLE IF NOT EXISTS ways
(
    cluster             LowCardinality(String),
    username            LowCardinality(String),
    way                 UInt64,                    -- hash of the columns below up to impersonated_groups, names of pod and node left out
    user_uid            String,
    user_groups         Array(LowCardinality(String)),
    credential_id       String,
    user_pod_uid        String,
    user_pod_name       String,
    user_node_name      LowCardinality(String),
    source_ips          Array(String),
    user_agent          LowCardinality(String),
    impersonated_user   LowCardinality(String),
    impersonated_groups Array(LowCardinality(String)),
    first_seen          DateTime64(9, 'UTC'),
    last_seen           DateTime64(9, 'UTC'),
    requests            UInt64,
    refused             UInt64,
    days                UInt32,                    -- on which it was seen
    first_digest        FixedString(32),
    last_digest         FixedString(32),
    version             UInt64,
    is_deleted          UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, username, way);

-- Whoever or whatever asks the API. Made anew by the next correlate: the kind is part of the key.
DROP TABLE IF EXISTS principals;
CREATE TABLE IF NOT EXISTS principals
(
    cluster         LowCardinality(String),
    kind            LowCardinality(String),        -- user | service-account | node | anonymous | group | certificate | token | address
    principal       String,                        -- name; of a credential its id
    user_groups     Array(LowCardinality(String)),
    credential_ids  Array(String),
    source_ips      Array(String),
    user_agents     Array(String),
    first_seen      DateTime64(9, 'UTC'),
    last_seen       DateTime64(9, 'UTC'),
    requests        UInt64,                        -- that it was authenticated for
    refused         UInt64,
    users           Array(String),                 -- of a credential, group or address: who used it
    uids            Array(String),
    pod_uids        Array(String),                 -- of a token: the pods it is bound to
    impersonated_by Array(String),                 -- who asked in its name
    impersonates    Array(String),                 -- in whose name it asked
    as_impersonated UInt64,                        -- requests others made in its name
    first_digest    FixedString(32),
    last_digest     FixedString(32),
    version         UInt64,
    is_deleted      UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, kind, principal);

-- Whom pods had connected to when their tokens were used for the first time.
CREATE TABLE IF NOT EXISTS api_contacts
(
    cluster    LowCardinality(String),
    pod_uid    String,
    address    String,
    port       UInt16,
    time       DateTime64(3, 'UTC'),
    digest     FixedString(32),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, pod_uid, address, port);

-- Where the API server is reached.
CREATE TABLE IF NOT EXISTS api_servers
(
    cluster    LowCardinality(String),
    address    String,
    port       UInt16,
    methods    Array(LowCardinality(String)),      -- service | arguments (of the API server) | connections (of pods that used their tokens)
    digests    Array(FixedString(32)),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, address, port);

-- connect() to an API server.
CREATE TABLE IF NOT EXISTS api_connections
(
    cluster      LowCardinality(String),
    node         LowCardinality(String),
    time         DateTime64(3, 'UTC'),
    serial       UInt64,
    pod_uid      String,
    container_id String,
    process_key  String,
    address      String,
    port         UInt16,
    server       LowCardinality(String),           -- known | node (a node's address) | '' (only the port speaks for it)
    programs     Array(LowCardinality(String)),    -- comm and name of exe, in small letters
    digest       FixedString(32),
    version      UInt64,
    is_deleted   UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(time)
ORDER BY (cluster, node, time, serial);

-- Credentials used where they do not belong: a fact each, with how sure it is and why (docs/reference/actors.md).
CREATE TABLE IF NOT EXISTS token_uses
(
    cluster       LowCardinality(String),
    kind          LowCardinality(String),          -- other-pod | other-node | elsewhere | after-end | other-agent
    username      String,
    credential_id String,                          -- '' where the API server does not tell it
    pod_uid       String,                          -- the pod its token is bound to; '' for one that is not bound
    namespace     LowCardinality(String),
    pod           String,
    node          LowCardinality(String),
    address       String,
    user_agents   Array(String),
    found_pod     String,                          -- namespace/name of the pod that has the address
    found_pod_uid String,
    found_node    LowCardinality(String),          -- the node that has the address
    first_seen    DateTime64(9, 'UTC'),
    last_seen     DateTime64(9, 'UTC'),
    requests      UInt64,
    refused       UInt64,
    confidence    Float32,
    reason        String,
    digests       Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex), -- of the first and last use
    digests_hex   Array(String) EPHEMERAL,
    version       UInt64,
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, kind, username, credential_id, pod_uid, address);

-- Images by digest, with who pulled and who ran each first.
CREATE TABLE IF NOT EXISTS images
(
    cluster          LowCardinality(String),
    image            String,                       -- its digest, or its name where no record tells that
    image_digest     String,
    names            Array(String),
    pulled_at        DateTime64(9, 'UTC'),         -- the runtime's event; 1970 where it was there before
    pulled_node      LowCardinality(String),
    ran_at           DateTime64(9, 'UTC'),
    ran_node         LowCardinality(String),
    ran_container_id String,
    ran_namespace    LowCardinality(String),
    ran_pod          String,
    ran_pod_uid      String,
    first_seen       DateTime64(9, 'UTC'),
    last_seen        DateTime64(9, 'UTC'),
    nodes            Array(LowCardinality(String)),
    containers       UInt64,
    pods             UInt64,
    digests          Array(FixedString(32)),       -- of the first pull and the first run
    version          UInt64,
    is_deleted       UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, image);
