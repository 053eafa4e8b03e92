-- The books of all imports against one another and against what the store holds (docs/reference/accounting.md).
-- Columns: imports, unfinished, unbalanced, first (loader of the first unbalanced one), why.
-- Retention takes records, never receipts: fewer records than booked are right once it took any.
WITH
    (SELECT count() FROM retention_drops FINAL) > 0 AS expired,
    delivered AS (SELECT loader, count() AS receipts FROM receipts FINAL GROUP BY loader),
    stored AS (SELECT loader, uniqExact(source, cluster, node, digest) AS records FROM records_all GROUP BY loader),
    checked AS
    (
        SELECT
            i.loader AS loader,
            i.finished_at > toDateTime64(0, 6, 'UTC') AS finished,
            multiIf(
                NOT finished, '',
                i.bytes != i.record_bytes + i.separator_bytes + i.ignored_bytes, 'bytes do not add up',
                i.lines + i.further_records != i.records + i.duplicates + i.folded_lines + i.blank_lines + i.ignored_lines, 'lines do not add up',
                d.receipts != i.records + i.duplicates, concat('receipts: ', toString(d.receipts), ' of ', toString(i.records + i.duplicates)),
                s.records > i.records OR s.records < i.records AND NOT expired, concat('records: ', toString(s.records), ' of ', toString(i.records)),
                '') AS why
        FROM imports AS i FINAL
        LEFT JOIN delivered AS d ON d.loader = i.loader
        LEFT JOIN stored AS s ON s.loader = i.loader
    )
SELECT
    count() AS imports,
    countIf(NOT finished) AS unfinished,
    countIf(why != '') AS unbalanced,
    anyIf(loader, why != '') AS first,
    anyIf(why, why != '') AS reason
FROM checked
