-- Steps of auditd.sql for events in several records: lines of all of them, in the order the kernel writes them, each once.
-- Records come late, or of another shape from another collector; where one wrote a line type better, its lines are taken.
--
-- Input: input_records, as there. Gives united (cluster, node, event_key, time, boot_id, note, sources, lines), and in_parts for who is not.
    -- by hash: where two events share one, they are grouped by their names all the same
    in_parts AS (SELECT cityHash64(cluster, node, event_key) AS event FROM input_records GROUP BY event HAVING count() > 1),
    parts AS
    (
        SELECT cluster, node, event_key, event_time, boot_id, note_of(attrs) AS note, digest, loader, seq,
            indexOf(['auditd', 'go-audit', 'journald-audit', 'laurel', 'auditbeat'], format) AS shape, {audit_lines} AS text
        FROM input_records
        WHERE NOT ({is_single})
        -- a record that came twice in a batch is one part, the one that `records` keeps (ingest/load/load.ts)
        ORDER BY seq LIMIT 1 BY cluster, node, digest
    ),
    grouped AS
    (
        SELECT
            cluster, node, event_key,
            any(event_time) AS time,
            max(boot_id) AS boot_id,
            -- what was read of one process while its lines came: who names the container knows the most, and two that differ know nothing
            if(uniqExactIf(note.1, note.1 != '') > 1, ('', '', ''), argMin(note, (indexOf(['cgroup', 'unknown', 'host', 'gone', ''], note.2), note))) AS note,
            arraySort(x -> (x.2, x.3), groupUniqArray((digest, loader, seq))) AS sources,
            arrayFlatten(arrayMap(x -> arrayMap(l -> (x.1, trimmed_line(l)), splitByChar('\n', x.3)), arraySort(x -> (x.1, x.2), groupUniqArray((shape, seq, text))))) AS shaped_lines
        FROM parts
        GROUP BY cluster, node, event_key
    ),
    shaped AS
    (
        SELECT *, arrayMap(x -> type_of(x.2), shaped_lines) AS shaped_types, arrayMap(x -> x.1, shaped_lines) AS shapes,
            -- a lambda takes a copy of what it captures for every element: never of thousands of lines
            shapes[1] != shapes[-1] AND length(shapes) <= 300 AS is_mixed
        FROM grouped
    ),
    chosen AS
    (
        SELECT *,
            -- of a line type that came in several shapes, the lines of the shape nearest to the kernel's
            arrayMap(x -> x.2, if(is_mixed,
                arrayFilter((x, t) -> x.1 = shapes[indexOf(shaped_types, t)], if(is_mixed, shaped_lines, []), if(is_mixed, shaped_types, [])),
                shaped_lines)) AS cut_lines
        FROM shaped
    ),
    united AS
    (
        SELECT cluster, node, event_key, time, boot_id, note, sources,
            -- of several records: each line once, none that is another one cut short, in the kernel's order whatever came first
            if(length(sources) = 1, cut_lines, arraySort(
                l -> (indexOf(['SYSCALL', 'BPRM_FCAPS', 'CAPSET', 'MMAP', 'FD_PAIR', 'OBJ_PID', 'EXECVE', 'SOCKADDR', 'CWD', 'PATH', 'PROCTITLE'],
                              type_of(l)), l),
                arrayFilter((l, next) -> NOT startsWith(next, l),
                            arraySort(arrayDistinct(cut_lines)) AS sorted_lines, arrayPushBack(arrayPopFront(sorted_lines), '')))) AS lines
        FROM chosen
    ),
