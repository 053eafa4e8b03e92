-- Linux audit events to rows of auditd.
--
-- Sample: type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e syscall=59 success=yes exit=0 a0=3 ... ppid=28970 pid=29392 auid=4294967295
--         uid=0 gid=0 euid=0 ... tty=(none) ses=4294967295 comm="sh" exe="/bin/dash" key="exec"
--         type=EXECVE msg=audit(1795439390.632:9989): argc=3 a0="sh" a1="-c" a2=6964203B20
--         type=PATH msg=audit(1795439390.632:9989): item=0 name="/bin/sh" inode=1 dev=00:b4 mode=0100755 ... nametype=NORMAL ...
-- Specification: https://github.com/linux-audit/audit-documentation/wiki/SPEC-Audit-Event-Enrichment and kernel/audit.c
--         (audit_log_untrustedstring: a value is quoted, or hex when it holds a space, a quote or a control character).
--
-- Input: input_records (cluster, node, event_key, event_time, boot_id, raw, digest, loader, seq): every record of the events concerned,
-- also those received earlier, so that halves of one event unite. Lines that two records share count once.
-- Algorithm: unite records by event; cut what auditd's ENRICHED format adds (after 0x1d); split the lines by type; read key=value
-- pairs of SYSCALL by splitting at spaces, which quoted kernel values never hold; user-space records quote with '...'.
-- A line is read to 64 KiB: auditd's own bound is 9 KiB, and so a line has fewer pairs than the engine's bound (decode.ts).
WITH
    (v -> multiIf(startsWith(v, '"'), substring(v, 2, length(v) - 2),
                  v IN ('(null)', '(none)', '?', ''), '',
                  length(v) % 2 = 0 AND match(v, '^[0-9A-F]+$'), unhex(v), v)) AS untrusted,
    (v -> if(v IN ('', '4294967295', '-1'), toInt64(-1), toInt64OrDefault(v, toInt64(-1)))) AS number_or_unset,
    -- what ENRICHED adds, and blanks at the end of a line, go; most records have neither, and are told by a look at their bytes
    (r -> if(position(r, '\x1d') = 0 AND position(r, '\r') = 0 AND position(r, ' \n') = 0 AND NOT endsWith(r, ' ') AND length(r) <= 65536,
             splitByChar('\n', r),
             arrayMap(l -> trimRight(substring(splitByChar('\x1d', l)[1], 1, 65536), '\r '), splitByChar('\n', r)))) AS lines_of,
    in_parts AS (SELECT cluster, node, event_key FROM input_records GROUP BY cluster, node, event_key HAVING count() > 1),
    -- nearly every event is one record, with nothing to unite
    single AS
    (
        SELECT cluster, node, event_key, event_time AS time, boot_id, [(digest, loader, seq)] AS sources, lines_of(raw) AS lines
        FROM input_records
        WHERE (cluster, node, event_key) NOT IN (SELECT * FROM in_parts)
    ),
    united AS
    (
        SELECT
            cluster, node, event_key,
            any(event_time) AS time,
            max(boot_id) AS boot_id,
            arraySort(x -> (x.2, x.3), groupUniqArray((digest, loader, seq))) AS sources,
            arrayFlatten(arrayMap(x -> lines_of(x.2), arraySort(x -> x.1, groupUniqArray((seq, raw))))) AS cut_lines,
            -- of several records: each line once, none that is another one cut short, in the kernel's order whatever came first
            if(length(sources) = 1, cut_lines, arraySort(
                l -> (indexOf(['SYSCALL', 'BPRM_FCAPS', 'CAPSET', 'MMAP', 'FD_PAIR', 'OBJ_PID', 'EXECVE', 'SOCKADDR', 'CWD', 'PATH', 'PROCTITLE'],
                              extract(l, '^(?:node=\\S+ )?type=(\\S+)')), l),
                arrayFilter((l, next) -> NOT startsWith(next, l),
                            arraySort(arrayDistinct(cut_lines)) AS sorted_lines, arrayPushBack(arrayPopFront(sorted_lines), '')))) AS lines
        FROM input_records
        WHERE (cluster, node, event_key) IN (SELECT * FROM in_parts)
        GROUP BY cluster, node, event_key
    ),
    events AS
    (
        SELECT cluster, node, event_key, time, boot_id, sources, lines FROM single
        UNION ALL
        SELECT cluster, node, event_key, time, boot_id, sources, lines FROM united
    ),
    sorted AS
    (
        SELECT
            *,
            arrayMap(l -> extract(l, '^(?:node=\\S+ )?type=(\\S+)'), lines) AS types,
            arrayFirst((l, t) -> t = 'SYSCALL', lines, types) AS syscall_line,
            extractKeyValuePairs(syscall_line, '=', ' ', '\x01') AS sc,
            arrayFilter((l, t) -> t = 'EXECVE', lines, types) AS execve_lines,
            arrayFilter((l, t) -> t = 'PATH', lines, types) AS path_lines,
            arrayFirst((l, t) -> t = 'SOCKADDR', lines, types) AS sockaddr_line,
            upper(extract(sockaddr_line, ' saddr=([0-9A-Fa-f]+)')) AS saddr,
            arrayFirst((l, t) -> t = 'PROCTITLE', lines, types) AS proctitle_line,
            -- the first line that is not of a system call: a user-space record, or a special one of the kernel
            arrayFirst((l, t) -> t NOT IN ('SYSCALL', 'EXECVE', 'PATH', 'CWD', 'PROCTITLE', 'SOCKADDR', 'BPRM_FCAPS', 'CAPSET', 'MMAP', 'FD_PAIR', 'OBJ_PID', 'EOE'), lines, types) AS special_line,
            if(special_line = '', '', extract(special_line, 'msg=audit\\([^)]*\\): ?(.*)$')) AS special_text,
            if(special_text = '', CAST(map(), 'Map(String, String)'), extractKeyValuePairs(replaceRegexpOne(special_text, 'msg=\'.*$', ''), '=', ' ', '"')) AS special,
            if(special_text = '', '', extract(special_text, 'msg=\'(.*)\'$')) AS user_text,
            if(user_text = '', CAST(map(), 'Map(String, String)'), extractKeyValuePairs(user_text, '=', ' ', '"')) AS user_words,
            -- what a program or a person chose is hex where it is not quoted (libaudit: audit_encode_nv_string)
            if(user_text = '', user_words, mapUpdate(user_words, mapFilter((k, v) -> has(user_words, k), CAST(
                arrayMap(g -> (g[1], untrusted(g[2])), extractAllGroupsVertical(user_text, '\\b(acct|exe|cmd|cwd|data|comm|vm|ses_name)=("[^"]*"|\\S+)')),
                'Map(String, String)')))) AS user_message,
            -- argument number, part number, value
            arraySort(x -> (x.1, x.2), arrayFlatten(arrayMap(l -> arrayMap(g -> (toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), g[3]),
                extractAllGroupsVertical(l, ' a(\\d+)(?:\\[(\\d+)\\])?=("[^"]*"|\\S*)')), execve_lines))) AS argument_parts,
            arrayMap(l -> extractKeyValuePairs(l, '=', ' ', '\x01'), path_lines) AS path_maps,
            arraySort(m -> toUInt32OrZero(m['item']), path_maps) AS paths
        FROM events
    )
SELECT
    cluster,
    node,
    time,
    toUInt64OrZero(extract(event_key, ':(\\d+)$')) AS serial,
    boot_id,
    types AS record_types,
    transform(sc['arch'], ['c000003e', '40000003', 'c00000b7', '40000028'], ['x86_64', 'i386', 'aarch64', 'arm'], sc['arch']) AS arch,
    toInt32OrDefault(sc['syscall'], toInt32(-1)) AS syscall,
    if(syscall < 0, '', coalesce(nullIf(names.name, ''), toString(syscall))) AS syscall_name,
    sc['success'] AS success,
    toInt64OrZero(sc['exit']) AS exit,
    if(syscall_line = '', [], [sc['a0'], sc['a1'], sc['a2'], sc['a3']]) AS args,
    toInt64OrDefault(sc['ppid'], toInt64(-1)) AS ppid,
    toInt64OrDefault(coalesce(nullIf(sc['pid'], ''), special['pid']), toInt64(-1)) AS pid,
    number_or_unset(coalesce(nullIf(sc['auid'], ''), special['auid'])) AS auid,
    number_or_unset(coalesce(nullIf(sc['uid'], ''), special['uid'])) AS uid,
    number_or_unset(sc['gid']) AS gid,
    number_or_unset(sc['euid']) AS euid,
    number_or_unset(sc['egid']) AS egid,
    if(sc['tty'] = '(none)', '', sc['tty']) AS tty,
    number_or_unset(coalesce(nullIf(sc['ses'], ''), special['ses'])) AS ses,
    untrusted(sc['comm']) AS comm,
    if(syscall_line = '', coalesce(nullIf(user_message['exe'], ''), special['exe']), untrusted(sc['exe'])) AS exe,
    arrayFilter(k -> k != '', splitByChar('\x01', untrusted(sc['key']))) AS keys,
    coalesce(nullIf(sc['subj'], ''), special['subj']) AS subj,
    -- each part of a long argument is quoted or hex by itself
    arrayMap(n -> arrayStringConcat(arrayMap(p -> untrusted(p.3), arrayFilter(p -> p.1 = n, argument_parts))),
             arrayDistinct(arrayMap(p -> p.1, argument_parts))) AS argv,
    if(proctitle_line = '', [], splitByChar('\0', untrusted(extract(proctitle_line, ' proctitle=(.*)$')))) AS proctitle,
    untrusted(extract(arrayFirst((l, t) -> t = 'CWD', lines, types), ' cwd=(.*)$')) AS cwd,
    arrayMap(m -> untrusted(m['name']), paths) AS path_names,
    arrayMap(m -> m['nametype'], paths) AS path_types,
    arrayMap(m -> m['dev'], paths) AS path_devs,
    arrayMap(m -> toUInt64OrZero(m['inode']), paths) AS path_inodes,
    arrayMap(m -> m['mode'], paths) AS path_modes,
    transform(substring(saddr, 1, 4), ['0200', '0A00', '0100', '1000'], ['inet', 'inet6', 'unix', 'netlink'], '') AS addr_family,
    multiIf(addr_family = 'inet' AND length(saddr) >= 16, IPv4NumToString(reinterpretAsUInt32(reverse(unhex(substring(saddr, 9, 8))))),
            addr_family = 'inet6' AND length(saddr) >= 48, replaceRegexpOne(IPv6NumToString(toFixedString(unhex(substring(saddr, 17, 32)), 16)), '^::ffff:(\\d+\\.)', '\\1'),
            -- a path ends at the first NUL, what follows is the caller's stack; an abstract socket starts with one, written @ as ss does
            addr_family = 'unix' AND substring(saddr, 5, 2) = '00', concat('@', splitByChar('\0', substring(unhex(saddr), 4))[1]),
            addr_family = 'unix', splitByChar('\0', substring(unhex(saddr), 3))[1],
            '') AS addr,
    if(addr_family IN ('inet', 'inet6'), reinterpretAsUInt16(reverse(unhex(substring(saddr, 5, 4)))), 0) AS port,
    coalesce(nullIf(user_message['op'], ''), special['op']) AS op,
    coalesce(nullIf(user_message['acct'], ''), special['acct']) AS acct,
    multiIf(coalesce(nullIf(user_message['res'], ''), special['res']) IN ('success', '1', 'yes'), 'success',
            coalesce(nullIf(user_message['res'], ''), special['res']) IN ('failed', '0', 'no'), 'failed', '') AS result,
    mapFilter((k, v) -> k != '' AND k != 'type' AND k != 'msg', mapUpdate(special, user_message)) AS fields,
    arrayMap(x -> x.1, sources) AS digests,
    sources[1].2 AS loader,
    sources[1].3 AS seq,
    bitShiftLeft(toUInt64(1), 32) + length(lines) AS version
FROM sorted
LEFT ANY JOIN syscall_names AS names ON names.arch = sc['arch'] AND names.number = toInt32OrDefault(sc['syscall'], toInt32(-1))
