-- Who came in, from where, into what, and how clocks of layers differ (analytics/entities: build-sessions.ts, clocks.ts).
-- kind: exec | attach | portforward | debug (API); runtime-exec (crictl, ctr, docker ... on the node);
--       login-ssh | login-cron | login-at | login-console | login | su | sudo (the node, by its audit records).
-- Times stand as each clock told them: requested_at the API server's, started_at and ended_at the node's, where the node saw them.
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS impersonated   String AFTER principal,                -- whom the principal acted as, '' for itself
    ADD COLUMN IF NOT EXISTS source_ips     Array(String) AFTER source_ip,
    ADD COLUMN IF NOT EXISTS container_name LowCardinality(String) AFTER container_id,
    ADD COLUMN IF NOT EXISTS ports          Array(String) AFTER command,           -- of a port-forward, where the request names them
    ADD COLUMN IF NOT EXISTS code           UInt16 AFTER ports,                    -- of the answer, 0 when there was none
    ADD COLUMN IF NOT EXISTS boot_id        LowCardinality(String) AFTER node,
    ADD COLUMN IF NOT EXISTS ses            Int64 DEFAULT -1 AFTER boot_id,        -- the kernel's number of a login session, -1 none
    ADD COLUMN IF NOT EXISTS auid           Int64 DEFAULT -1 AFTER ses,            -- who logged in, whoever he became; -1 unset
    ADD COLUMN IF NOT EXISTS account        String AFTER auid,                     -- as PAM names it; for su and sudo whom it became
    ADD COLUMN IF NOT EXISTS terminal       String AFTER account,
    ADD COLUMN IF NOT EXISTS parent_session String AFTER terminal,                 -- session inside which it began
    ADD COLUMN IF NOT EXISTS client_key     String AFTER parent_session,           -- process of the client program, of runtime-exec
    ADD COLUMN IF NOT EXISTS tree_processes UInt32 AFTER process_key,              -- rows of session_processes
    ADD COLUMN IF NOT EXISTS last_seen      DateTime64(9, 'UTC') AFTER ended_at,   -- of its processes
    ADD COLUMN IF NOT EXISTS ended_by       LowCardinality(String) AFTER last_seen, -- exit | container-exit | answer | logout | reboot | refused | ''
    ADD COLUMN IF NOT EXISTS exit_status    Int32 DEFAULT -1 AFTER ended_by,       -- as the runtime tells it, -1 unknown
    ADD COLUMN IF NOT EXISTS method         LowCardinality(String) AFTER exit_status, -- how request and process were joined: docs/reference/sessions.md
    ADD COLUMN IF NOT EXISTS begin_hex      Array(String) EPHEMERAL,
    ADD COLUMN IF NOT EXISTS end_hex        Array(String) EPHEMERAL,
    ADD COLUMN IF NOT EXISTS begin_digests  Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), begin_hex),
    ADD COLUMN IF NOT EXISTS end_digests    Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), end_hex);

-- Every process inside a session. A process stands in each session around it: su in ssh is in both.
CREATE TABLE IF NOT EXISTS session_processes
(
    cluster     LowCardinality(String),
    session_id  String,
    node        LowCardinality(String),
    process_key String,
    depth       UInt16,                               -- below the root of the session's tree
    via         LowCardinality(String),               -- root | descent | ses | container
    version     UInt64,
    is_deleted  UInt8 DEFAULT 0,
    INDEX by_process process_key TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, session_id, node, process_key);

-- How far a layer's clock on a node is ahead of another clock, by windows of the layer's own time: docs/reference/clocks.md.
-- The truth lies within offset_us +- uncertainty_us.
CREATE TABLE IF NOT EXISTS clock_offsets
(
    cluster        LowCardinality(String),
    node           LowCardinality(String),
    layer          LowCardinality(String),            -- runtime | auditd
    reference      LowCardinality(String),            -- k8s-audit; runtime (of auditd, on the same node)
    window_begin   DateTime64(6, 'UTC'),
    window_end     DateTime64(6, 'UTC'),
    offset_us      Int64,
    uncertainty_us UInt64,
    pairs          UInt64,                            -- of cause and effect that bound it
    digests_hex    Array(String) EPHEMERAL,
    digests        Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex), -- of those nearest to it
    version        UInt64,
    is_deleted     UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, layer, reference, window_begin);
