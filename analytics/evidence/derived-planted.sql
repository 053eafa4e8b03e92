-- Typed rows made of no record that the store has, or has on its way in.
-- {table}: the typed table; {made_of}: digests of a row. Columns: rows, digest (hex, of the first).
SELECT count() AS rows, lower(hex(any(made_of)[1])) AS digest
FROM
(
    SELECT {made_of} AS made_of FROM {table} FINAL
    WHERE NOT arrayExists(d -> d IN (SELECT digest FROM staged UNION ALL SELECT digest FROM records UNION ALL SELECT digest FROM records_kept), made_of)
)
