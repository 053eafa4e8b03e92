-- Notices of collectors to rows of collector_notices.
--
-- Sample: {"vestige":"collector","id":"b7c1.../17","kind":"gap","time":"2026-11-26T10:00:00.123Z","about":"auditd","stream":"/var/log/audit/audit.log","reads_again":true,
--         "uptime_s":1042.5,"program":"0.1.0","clock":"synchronised","clock_error_us":410,"records":90210,"waiting_bytes":0,"torn_bytes":0,
--         "gap":{"reason":"spool-full","from_ms":1795687200000,"to_ms":1795687201000,"records":512,"bytes":480000,"detail":"..."}}
-- Specification: ingest/collect/notices.ts, which writes them.
-- Input: input_records (cluster, node, event_time, collector, boot_id, raw, digest, loader, seq).
WITH
    'Tuple(id String, kind String, about String, stream String, reads_again Bool, uptime_s Float64, program String, clock String, clock_error_us Int64, records UInt64, waiting_bytes UInt64, torn_bytes UInt64, gap Tuple(reason String, from_ms Int64, to_ms Int64, records Int64, bytes Int64, detail String))' AS notice_type,
    read AS (SELECT *, JSONExtract(raw, notice_type) AS notice FROM input_records),
    parts AS (SELECT *, notice.gap AS gap FROM read)
SELECT
    cluster,
    node,
    event_time AS time,
    collector,
    substringIndex(notice.id, '/', 1) AS run,
    toUInt64OrZero(substring(notice.id, position(notice.id, '/') + 1)) AS n,
    notice.kind AS kind,
    notice.about AS about,
    notice.stream AS stream,
    notice.reads_again AS reads_again,
    boot_id,
    notice.uptime_s AS uptime_s,
    notice.program AS program,
    notice.clock AS clock,
    notice.clock_error_us AS clock_error_us,
    notice.records AS records,
    notice.waiting_bytes AS waiting_bytes,
    notice.torn_bytes AS torn_bytes,
    gap.reason AS gap_reason,
    fromUnixTimestamp64Milli(gap.from_ms, 'UTC') AS gap_from,
    fromUnixTimestamp64Milli(gap.to_ms, 'UTC') AS gap_to,
    gap.records AS missing,
    gap.bytes AS missing_bytes,
    gap.detail AS detail,
    digest,
    loader,
    seq,
    -- the decoder's version, and of two records of one notice always the same
    bitShiftLeft(toUInt64(1), 32) + reinterpretAsUInt32(substring(digest, 1, 4)) AS version
FROM parts
