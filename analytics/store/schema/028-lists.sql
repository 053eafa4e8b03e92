-- What users look for (indicators) and what they allow (images), and the events that these lists and the history of tags speak of.
-- A time of 1970 means "not told".

CREATE TABLE IF NOT EXISTS lists
(
    kind       LowCardinality(String),             -- indicators | allowed-images
    list       String,                             -- name of the file without its ending
    origin     String,                             -- file it was read from
    by_hand    Bool,                               -- added by a command: files that correlate is given do not replace it
    content    String,                             -- SHA-256 of the file, in hex
    entries    UInt64,
    skipped    UInt64,                             -- that could not be understood
    loaded_at  DateTime64(3, 'UTC'),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (kind, list);

CREATE TABLE IF NOT EXISTS indicators
(
    list        LowCardinality(String),
    type        LowCardinality(String),            -- address | domain | url | digest | path | name
    value       String,                            -- as it is compared; written as the list has it
    written     String,
    network     IPv6,                              -- of an address: the first of its network; IPv4 as ::ffff:a.b.c.d
    prefix      UInt8,                             -- 128 for a single address
    cluster     LowCardinality(String),            -- '' for all
    note        String,
    source_id   String,                            -- STIX id
    valid_from  DateTime64(3, 'UTC'),
    valid_until DateTime64(3, 'UTC'),              -- 1970: for ever
    version     UInt64,
    is_deleted  UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (type, value, list, cluster, source_id);

CREATE TABLE IF NOT EXISTS allowed_images
(
    list       LowCardinality(String),
    cluster    LowCardinality(String),             -- '' for all
    namespace  String,                             -- with * and ?
    pattern    String,                             -- repository or reference, with * and ?, its registry written out
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (list, cluster, namespace, pattern);

-- Events that lists speak of. Made by correlate before rules run (analytics/lists).
CREATE TABLE IF NOT EXISTS event_marks
(
    cluster    LowCardinality(String),
    layer      LowCardinality(String),
    node       LowCardinality(String),             -- '' for k8s-audit
    event_key  String,
    kind       LowCardinality(String),             -- indicator | image-not-allowed | image-retagged
    type       LowCardinality(String),             -- of an indicator; of a tag: fixed | moving
    value      String,                             -- indicator as written; image
    place      LowCardinality(String),             -- where in the event: peer | command | image | path; of a tag: deployed | same
    observed   String,
    list       LowCardinality(String),
    note       String,
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (layer, cluster, node, event_key, kind, type, value, place, observed, list);
