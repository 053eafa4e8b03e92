-- What rules matched and what they were tested on, so that a run tests only what changed since the one before (analytics/rules/run).

-- Events that event rules match, of each rule and event one row. A row keeps its version for as long as it says the same.
CREATE TABLE IF NOT EXISTS rule_hits
(
    source        LowCardinality(String),          -- log source of the rule
    rule_id       LowCardinality(String),
    layer         LowCardinality(String),
    cluster       LowCardinality(String),
    node          LowCardinality(String),          -- '' for k8s-audit
    minute        DateTime('UTC'),
    time          DateTime64(9, 'UTC'),
    event_key     String,
    event_id      String,
    digests       Array(FixedString(32)),
    principal     String,
    namespace     LowCardinality(String),
    pod           String,
    pod_uid       String,
    container_id  String,
    process_key   String,
    of_node       LowCardinality(String),          -- the node that events know, '' where they know none
    words         Map(LowCardinality(String), String), -- for sentences; what is not known is left out
    values        Map(LowCardinality(String), String), -- of fields that correlations ask for
    content       UInt64,                          -- hash of all before
    version       UInt64,
    is_deleted    UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (source, cluster, node, minute, event_key, rule_id);

-- What rules saw of each minute when they were last tested on it: a hash of the events and of all that is joined to them.
CREATE TABLE IF NOT EXISTS tested_minutes
(
    layer      LowCardinality(String),
    cluster    LowCardinality(String),
    node       LowCardinality(String),             -- '' for k8s-audit
    minute     DateTime('UTC'),
    content    UInt64,
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (layer, cluster, node, minute);

-- What decided the hits of each rule, and what its findings were told by, when that was last done over everything.
CREATE TABLE IF NOT EXISTS tested_rules
(
    rule_id    String,
    tested     String,                             -- SHA-256 in hex; of a correlation, with the state of the hits it rests on
    told       String,
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY rule_id;
