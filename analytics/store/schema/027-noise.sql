-- What users say of findings (suppressions, maintenance), what they look for (indicators) and what they allow (images); and what of it
-- each finding and event was given. A time of 1970 means "not told".

-- severity is what the context makes of rule_severity (docs/reference/findings.md).
ALTER TABLE findings
    ADD COLUMN IF NOT EXISTS rule_severity   LowCardinality(String) DEFAULT severity AFTER severity, -- the level of its rule
    ADD COLUMN IF NOT EXISTS severity_reason String AFTER rule_severity,                             -- why the two differ, '' where they do not
    ADD COLUMN IF NOT EXISTS signal          LowCardinality(String) AFTER severity_reason,           -- of its rule: intrusion | access | discovery | change | removal | ''
    ADD COLUMN IF NOT EXISTS workload_kind   LowCardinality(String) AFTER pod_uid,                   -- at the top of its pod's owners
    ADD COLUMN IF NOT EXISTS workload_name   String AFTER workload_kind,
    ADD COLUMN IF NOT EXISTS suppressed_by   String AFTER summary;                                   -- name of the suppression that hides it, '' for one that is shown

-- Exceptions of users: suppressions hide findings, maintenance lowers them.
CREATE TABLE IF NOT EXISTS exceptions
(
    kind        LowCardinality(String),            -- suppression | maintenance
    name        String,
    owner       String,
    reason      String,
    rules       Array(String),                     -- ids, titles and tags, with * and ?; none: all rules
    selection   String,                            -- JSON: Sigma, over the fields of a finding; '' for all findings of the rules
    filter      String,                            -- JSON: what selection does not mean; '' for nothing
    valid_from  DateTime64(3, 'UTC'),              -- of event time, this instant included
    valid_until DateTime64(3, 'UTC'),              -- not included
    origin      LowCardinality(String),            -- file it was read from, '' for one that was added by hand
    added_at    DateTime64(3, 'UTC'),
    version     UInt64,
    is_deleted  UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (kind, name);

-- Values of labels of sensitivity that raise findings, as the last correlate was told them.
CREATE TABLE IF NOT EXISTS sensitive_values
(
    job     LowCardinality(String),                -- correlate
    values  Array(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY job;

-- Whose a namespace is and how much it matters, by its labels.
CREATE TABLE IF NOT EXISTS namespaces
(
    cluster     LowCardinality(String),
    namespace   LowCardinality(String),
    owner       String,
    team        String,
    sensitivity String,
    digest      FixedString(32),                   -- of the request that told the labels
    version     UInt64,
    is_deleted  UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, namespace);
