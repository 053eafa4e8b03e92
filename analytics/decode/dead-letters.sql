-- Records of which no typed row can be made, each with its reason (docs/reference/dead-letters.md).
-- Input: input_records (source, cluster, node, digest, format, event_key, raw, stream, position, received_at, reason).
SELECT
    source, cluster, node, digest,
    reason,
    substringUTF8(toValidUTF8(substring(raw, 1, 200)), 1, 120) AS detail,
    stream, position, received_at
FROM input_records
WHERE reason != ''
