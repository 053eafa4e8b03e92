-- The books of every import (docs/reference/accounting.md). Checked by vestige doctor.
-- A row is written when an import begins and replaced when it ends: one without finished_at was ended early, or is running.
CREATE TABLE IF NOT EXISTS imports
(
    loader          String,
    started_at      DateTime64(6, 'UTC'),
    finished_at     DateTime64(6, 'UTC'),            -- 1970: not finished
    collector       String,
    files           UInt32,
    records         UInt64,                          -- new ones, dead letters among them
    duplicates      UInt64,
    dead_letters    UInt64,
    bytes           UInt64,
    record_bytes    UInt64,
    separator_bytes UInt64,
    ignored_bytes   UInt64,
    lines           UInt64,
    further_records UInt64,
    folded_lines    UInt64,
    blank_lines     UInt64,
    ignored_lines   UInt64,
    version         UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY loader;
