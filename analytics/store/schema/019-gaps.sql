-- Serials that auditd's records of a node hold, by the hour: what missing ones are found in without reading every event again
-- (analytics/entities/gaps/auditd-hours.sql). Written by correlate.
CREATE TABLE IF NOT EXISTS auditd_hours
(
    cluster    LowCardinality(String),
    node       LowCardinality(String),
    hour       DateTime('UTC'),
    part       UInt16,                             -- counts the restarts of the serial within the hour
    events     UInt64,
    first_time DateTime64(3, 'UTC'),
    last_time  DateTime64(3, 'UTC'),
    boot_first LowCardinality(String),             -- as collectors told it, '' where none did
    boot_last  LowCardinality(String),
    head       Array(UInt64),                      -- serials of the first events that are written the moment they happen, in order of time
    tail       Array(UInt64),                      -- and of the last ones
    -- maximal runs of serials of which none is missing, in order; young: the first event in it that is younger than all before it and did not
    -- block. Of an hour with very many, neighbours are one, which counts the serials missing in it, and in how many places.
    runs       Array(Tuple(lo UInt64, hi UInt64, young DateTime64(3, 'UTC'), latest DateTime64(3, 'UTC'), missing UInt64, holes UInt64,
                           lo_digest FixedString(32), hi_digest FixedString(32))),
    version    UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (cluster, node, hour, part);

-- How TypeScript hands digests in.
ALTER TABLE gaps ADD COLUMN IF NOT EXISTS digests_hex Array(String) EPHEMERAL;
ALTER TABLE gaps MODIFY COLUMN digests Array(FixedString(32)) DEFAULT arrayMap(d -> toFixedString(unhex(d), 32), digests_hex);
