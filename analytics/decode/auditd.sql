-- Linux audit events to rows of auditd.
--
-- Sample: type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e syscall=59 success=yes exit=0 a0=3 ... ppid=28970 pid=29392 auid=4294967295
--         uid=0 gid=0 euid=0 ... tty=(none) ses=4294967295 comm="sh" exe="/bin/dash" key="exec"
--         type=EXECVE msg=audit(1795439390.632:9989): argc=3 a0="sh" a1="-c" a2=6964203B20
--         type=PATH msg=audit(1795439390.632:9989): item=0 name="/bin/sh" inode=1 dev=00:b4 mode=0100755 ... nametype=NORMAL ...
-- Specification: https://github.com/linux-audit/audit-documentation/wiki/SPEC-Audit-Event-Enrichment and kernel/audit.c
--         (audit_log_untrustedstring: a value is quoted, or hex when it holds a space, a quote or a control character).
--
-- Input: input_records (cluster, node, event_key, event_time, boot_id, format, raw, digest, loader, seq): every record of the events
-- concerned, also those received earlier, so that halves of one event unite. Lines that two records share count once.
-- Algorithm: unite records by event; cut what auditd's ENRICHED format adds (after 0x1d); sort the lines by type; read key=value
-- pairs of SYSCALL by splitting at spaces, which quoted kernel values never hold; user-space records quote with '...'.
-- A line is read to 64 KiB: auditd's own bound is 9 KiB, and so a line has fewer pairs than the engine's bound (decode.ts).
-- Each step is a query of its own, which the engine is kept from merging (decode.ts); what few events need stands behind an if().
WITH
    (v -> multiIf(startsWith(v, '"'), substring(v, 2, length(v) - 2),
                  v IN ('(null)', '(none)', '?', ''), '',
                  length(v) % 2 = 0 AND match(v, '^[0-9A-F]+$'), unhex(v), v)) AS untrusted,
    (v -> if(v = '4294967295', toInt64(-1), toInt64OrDefault(v, toInt64(-1)))) AS number_or_unset,
    (l -> substring(l, 6 + position(l, 'type=') - 1, position(l, ' msg=') - position(l, 'type=') - 5)) AS type_of,
    -- arguments of system calls and sets of capabilities are hex
    (v -> reinterpretAsUInt64(reverse(unhex(leftPad(substring(v, greatest(length(v) - 15, 1)), 16, '0'))))) AS from_hex,
    ((names, n) -> arrayStringConcat(arrayMap(b -> if(names[b + 1] = '', concat('bit ', toString(b)), names[b + 1]), bitPositionsToArray(n)), '|')) AS flag_names,
    (n -> concat('0', toString(intDiv(n, 64) % 8), toString(intDiv(n, 8) % 8), toString(n % 8))) AS octal,
    (SELECT (groupArray(concat(arch, ' ', toString(number))), groupArray(toString(name))) FROM syscall_names) AS syscall_numbers,
    (SELECT (groupArray(number), groupArray(name)) FROM audit_names WHERE kind = 'errno') AS errno_names,
    -- for shapes that write names where the kernel writes numbers (audit-lines.sql)
    (SELECT (groupArray(toString(name)), groupArray(toString(-number))) FROM audit_names WHERE kind = 'errno') AS errno_words,
    (SELECT (groupArray(number), groupArray(toString(name))) FROM audit_names WHERE kind = 'record_type') AS type_names,
    (SELECT (groupArray(concat(transform(arch, ['c000003e', '40000003', 'c00000b7', '40000028'], ['x86_64', 'i386', 'aarch64', 'arm'], ''), ' ', name)), groupArray(toString(number))) FROM syscall_names) AS syscall_words,
    (SELECT (groupArray(number), groupArray(name)) FROM audit_names WHERE kind = 'signal') AS signal_names,
    (SELECT (groupArray(number), groupArray(name)) FROM audit_names WHERE kind = 'family') AS family_names,
    (SELECT (groupArray(number), groupArray(name)) FROM audit_names WHERE kind = 'ptrace') AS ptrace_names,
    (SELECT (groupArray(number), groupArray(name)) FROM audit_names WHERE kind = 'prctl') AS prctl_names,
    (SELECT any(names) FROM audit_flags WHERE kind = 'capability') AS capability_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'open') AS open_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'open_arm') AS open_arm_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'mount') AS mount_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'umount') AS umount_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'clone') AS clone_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'prot') AS prot_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'mmap') AS mmap_bits,
    (SELECT any(names) FROM audit_flags WHERE kind = 'memfd') AS memfd_bits,
    -- what ENRICHED adds, and blanks at the end of a line, go; most records have neither, and are told by a look at their bytes
    (r -> if(position(r, '\x1d') = 0 AND position(r, '\r') = 0 AND position(r, ' \n') = 0 AND NOT endsWith(r, ' ') AND length(r) <= 65536,
             splitByChar('\n', r),
             arrayMap(l -> trimRight(substring(splitByChar('\x1d', l)[1], 1, 65536), '\r '), splitByChar('\n', r)))) AS lines_of,
    in_parts AS (SELECT cluster, node, event_key FROM input_records GROUP BY cluster, node, event_key HAVING count() > 1),
    -- nearly every event is one record, with nothing to unite
    single AS
    (
        SELECT cluster, node, event_key, event_time AS time, boot_id, [(digest, loader, seq)] AS sources, lines_of(text) AS lines
        FROM (SELECT *, {audit_lines} AS text FROM input_records WHERE (cluster, node, event_key) NOT IN (SELECT * FROM in_parts))
    ),
    united AS
    (
        SELECT
            cluster, node, event_key,
            any(event_time) AS time,
            max(boot_id) AS boot_id,
            arraySort(x -> (x.2, x.3), groupUniqArray((digest, loader, seq))) AS sources,
            -- of a line type that came in several shapes, the lines of the shape nearest to the kernel's
            arrayFlatten(arrayMap(x -> arrayMap(l -> (x.1, l), lines_of(x.3)), arraySort(x -> (x.1, x.2), groupUniqArray((shape, seq, text))))) AS shaped_lines,
            arrayMap(x -> type_of(x.2), shaped_lines) AS shaped_types,
            arrayMap(x -> x.1, shaped_lines) AS shapes,
            -- a lambda takes a copy of what it captures for every element: never of thousands of lines
            shapes[1] != shapes[-1] AND length(shapes) <= 300 AS is_mixed,
            arrayMap(x -> x.2, if(is_mixed,
                arrayFilter((x, t) -> x.1 = shapes[indexOf(shaped_types, t)], if(is_mixed, shaped_lines, []), if(is_mixed, shaped_types, [])),
                shaped_lines)) AS cut_lines,
            -- of several records: each line once, none that is another one cut short, in the kernel's order whatever came first
            if(length(sources) = 1, cut_lines, arraySort(
                l -> (indexOf(['SYSCALL', 'BPRM_FCAPS', 'CAPSET', 'MMAP', 'FD_PAIR', 'OBJ_PID', 'EXECVE', 'SOCKADDR', 'CWD', 'PATH', 'PROCTITLE'],
                              type_of(l)), l),
                arrayFilter((l, next) -> NOT startsWith(next, l),
                            arraySort(arrayDistinct(cut_lines)) AS sorted_lines, arrayPushBack(arrayPopFront(sorted_lines), '')))) AS lines
        FROM
        (
            SELECT *, indexOf(['auditd', 'go-audit', 'journald-audit', 'laurel', 'auditbeat'], format) AS shape, {audit_lines} AS text
            FROM input_records
            WHERE (cluster, node, event_key) IN (SELECT * FROM in_parts)
        )
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
            cluster, node, event_key, time, boot_id, sources, lines,
            arrayMap(l -> type_of(l), lines) AS types,
            lines[indexOf(types, 'SYSCALL')] AS syscall_line,
            arrayFilter((l, t) -> t = 'EXECVE', lines, types) AS execve_lines,
            arrayFilter((l, t) -> t = 'PATH', lines, types) AS path_lines,
            lines[indexOf(types, 'SOCKADDR')] AS sockaddr_line,
            lines[indexOf(types, 'PROCTITLE')] AS proctitle_line,
            lines[indexOf(types, 'CWD')] AS cwd_line,
            -- of the capabilities a program starts with, or sets
            lines[arrayFirstIndex(t -> t IN ('BPRM_FCAPS', 'CAPSET'), types)] AS capability_line,
            -- lines that are not of every system call: of user space, or special ones of the kernel
            arrayExists(t -> t NOT IN ('SYSCALL', 'EXECVE', 'PATH', 'CWD', 'PROCTITLE', 'SOCKADDR', 'BPRM_FCAPS', 'CAPSET', 'EOE'), types) AS is_special
        FROM events
    ),
    split AS
    (
        SELECT
            cluster, node, event_key, time, boot_id, sources, lines, types, syscall_line != '' AS is_syscall, proctitle_line, capability_line, is_special,
            extractKeyValuePairs(syscall_line, '=', ' ', '\x01') AS sc,
            if(sockaddr_line = '', '', upper(extract(sockaddr_line, ' saddr=([0-9A-Fa-f]+)'))) AS saddr,
            if(proctitle_line = '', '', substring(proctitle_line, position(proctitle_line, ' proctitle=') + 11)) AS title,
            if(cwd_line = '', '', substring(cwd_line, position(cwd_line, ' cwd=') + 5)) AS directory,
            -- the arguments as they stand, where one line holds them all whole
            length(execve_lines) = 1 AND position(execve_lines[1], '[') = 0 AND match(execve_lines[1], ' argc=\\d+ a0=') AS is_plain,
            if(is_plain, splitByChar(' ', substring(execve_lines[1], position(execve_lines[1], ' a0=') + 1)), []) AS arguments,
            -- argument number, part number, value
            if(is_plain OR empty(execve_lines), [], arraySort(x -> (x.1, x.2), arrayFlatten(arrayMap(l -> arrayMap(g -> (toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), g[3]),
                extractAllGroupsVertical(l, ' a(\\d+)(?:\\[(\\d+)\\])?=("[^"]*"|\\S*)')), execve_lines)))) AS argument_parts,
            arraySort(m -> toUInt32OrZero(m['item']), arrayMap(l -> extractKeyValuePairs(l, '=', ' ', '\x01'), path_lines)) AS paths,
            -- old logins tell `old auid=4294967295 new auid=0`
            if(is_special, replaceAll(replaceAll(arrayStringConcat(arrayMap(l -> trim(LEADING ': ' FROM substring(l, position(l, ')') + 1)),
                arrayFilter((l, t) -> t NOT IN ('SYSCALL', 'EXECVE', 'PATH', 'CWD', 'PROCTITLE', 'SOCKADDR', 'BPRM_FCAPS', 'CAPSET', 'EOE'), lines, types)), ' '),
                ' old ', ' old-'), ' new ', ' '), '') AS special_text,
            if(is_special, extract(special_text, 'msg=(?:\'(.*)\'|"(.*)")$'), '') AS user_text
        FROM sorted
    ),
    special AS
    (
        SELECT
            *,
            if(is_special, mapConcat(
                -- what a program or a person chose is hex where it is not quoted (libaudit: audit_encode_nv_string)
                CAST(arrayMap(g -> (g[1], untrusted(g[2])),
                    extractAllGroupsVertical(special_text, '\\b(acct|exe|cmd|cwd|data|comm|ocomm|vm|ses_name|name|path|key|proctitle|cmdline)=("[^"]*"|[^\\s\']+)')), 'Map(String, String)'),
                if(position(special_text, 'avc: ') = 0, map(), map('seresult', extract(special_text, 'avc: +(\\w+)'), 'seperms', trim(BOTH ' ' FROM extract(special_text, '\\{([^}]*)\\}')))),
                extractKeyValuePairs(user_text, '=', ' ', '"'),
                extractKeyValuePairs(replaceRegexpOne(special_text, 'msg=[\'"].*$', ''), '=', ' ', '"')), map()) AS found,
            if(is_special, CAST(arraySort(arrayDistinct(mapKeys(found))) AS names, 'Array(String)'), []) AS field_names
        FROM split
    )
SELECT
    cluster,
    node,
    time,
    toUInt64OrZero(substring(event_key, position(event_key, ':') + 1)) AS serial,
    -- a time beyond belief or a number no kernel writes must not make two events one
    if(time > toDateTime64(0, 9, 'UTC') AND match(event_key, '^[1-9]\\d*\\.\\d{3}:(0|[1-9]\\d{0,17})$'), '', event_key) AS odd_key,
    boot_id,
    types AS record_types,
    transform(if(is_syscall, sc['arch'], found['arch']) AS arch_number, ['c000003e', '40000003', 'c00000b7', '40000028'], ['x86_64', 'i386', 'aarch64', 'arm'], arch_number) AS arch,
    toInt32OrDefault(sc['syscall'], toInt32(-1)) AS syscall,
    if(syscall < 0, '', transform(concat(sc['arch'], ' ', sc['syscall']), syscall_numbers.1, syscall_numbers.2, sc['syscall'])) AS syscall_name,
    sc['success'] AS success,
    toInt64OrZero(sc['exit']) AS exit,
    if(exit >= 0, '', transform(-exit, errno_names.1, errno_names.2, '')) AS exit_name,
    if(is_syscall, [sc['a0'], sc['a1'], sc['a2'], sc['a3']], []) AS args,
    -- a program that a signal ended (ANOM_ABEND, SECCOMP), and the call it was ended for
    if(syscall < 0, if(found['sig'] = '', map(), map('signal', transform(toInt64OrZero(found['sig']), signal_names.1, signal_names.2, ''),
        'syscall', transform(concat(found['arch'], ' ', found['syscall']), syscall_numbers.1, syscall_numbers.2, found['syscall']))), multiIf(
        syscall_name = 'mount', map('flags', flag_names(mount_bits, from_hex(args[4]))),
        syscall_name IN ('execve', 'execveat', 'connect', 'bind', 'accept', 'accept4'), map(),
        syscall_name IN ('setns', 'unshare'), map('flags', flag_names(clone_bits, from_hex(args[syscall_name = 'setns' ? 2 : 1]))),
        syscall_name = 'umount2', map('flags', flag_names(umount_bits, from_hex(args[2]))),
        syscall_name IN ('open', 'openat', 'open_by_handle_at'),
            map('flags', concat(['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'][from_hex(args[syscall_name = 'open' ? 2 : 3]) % 4 + 1],
                replaceRegexpOne(flag_names(arch IN ('arm', 'aarch64') ? open_arm_bits : open_bits,
                    bitShiftLeft(bitShiftRight(from_hex(args[syscall_name = 'open' ? 2 : 3]), 2), 2)), '^(.)', '|\\1'))),
        syscall_name = 'clone', map('flags', flag_names(clone_bits, bitShiftLeft(bitShiftRight(from_hex(args[1]), 8), 8)),
                                    'signal', transform(toInt64(from_hex(args[1]) % 256), signal_names.1, signal_names.2, '')),
        syscall_name IN ('mmap', 'mmap2'), map('prot', flag_names(prot_bits, from_hex(args[3])), 'flags', flag_names(mmap_bits, from_hex(args[4]))),
        syscall_name IN ('mprotect', 'pkey_mprotect'), map('prot', flag_names(prot_bits, from_hex(args[3]))),
        syscall_name = 'memfd_create', map('flags', flag_names(memfd_bits, from_hex(args[2]))),
        syscall_name IN ('socket', 'socketpair'),
            map('family', transform(toInt64(from_hex(args[1])), family_names.1, family_names.2, ''),
                'type', concat(['', 'SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_RAW', 'SOCK_RDM', 'SOCK_SEQPACKET', 'SOCK_DCCP', '', '', '', 'SOCK_PACKET'][from_hex(args[2]) % 16 + 1],
                    bitTest(from_hex(args[2]), 11) ? '|SOCK_NONBLOCK' : '', bitTest(from_hex(args[2]), 19) ? '|SOCK_CLOEXEC' : '')),
        syscall_name IN ('kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'pidfd_send_signal'),
            map('signal', transform(toInt64(from_hex(args[syscall_name = 'tgkill' ? 3 : 2])), signal_names.1, signal_names.2, '')),
        syscall_name = 'ptrace', map('request', transform(toInt64(from_hex(args[1])), ptrace_names.1, ptrace_names.2, '')),
        syscall_name = 'prctl', map('option', transform(toInt64(from_hex(args[1])), prctl_names.1, prctl_names.2, '')),
        syscall_name IN ('chmod', 'fchmod', 'mkdir'), map('mode', octal(from_hex(args[2]) % 4096)),
        syscall_name IN ('fchmodat', 'fchmodat2', 'mkdirat'), map('mode', octal(from_hex(args[3]) % 4096)),
        map())) AS arg_names,
    toInt64OrDefault(if(is_syscall, sc['ppid'], found['ppid']), toInt64(-1)) AS ppid,
    toInt64OrDefault(if(is_syscall, sc['pid'], found['pid']), toInt64(-1)) AS pid,
    number_or_unset(if(is_syscall, sc['auid'], found['auid'])) AS auid,
    number_or_unset(if(is_syscall, sc['uid'], found['uid'])) AS uid,
    number_or_unset(if(is_syscall, sc['gid'], found['gid'])) AS gid,
    number_or_unset(sc['euid']) AS euid,
    number_or_unset(sc['egid']) AS egid,
    number_or_unset(sc['suid']) AS suid,
    number_or_unset(sc['sgid']) AS sgid,
    number_or_unset(sc['fsuid']) AS fsuid,
    number_or_unset(sc['fsgid']) AS fsgid,
    if(sc['tty'] = '(none)', '', sc['tty']) AS tty,
    number_or_unset(if(is_syscall, sc['ses'], found['ses'])) AS ses,
    if(is_syscall, untrusted(sc['comm']), found['comm']) AS comm,
    if(is_syscall, untrusted(sc['exe']), found['exe']) AS exe,
    if(sc['key'] IN ('', '(null)'), [], arrayFilter(k -> k != '', splitByChar('\x01', untrusted(if(startsWith(sc['key'], '"'), sc['key'], trim(TRAILING '"' FROM sc['key'])))))) AS keys,
    if(is_syscall, sc['subj'], found['subj']) AS subj,
    -- each part of a long argument is quoted or hex by itself
    if(empty(argument_parts), arrayMap(a -> untrusted(substring(a, position(a, '=') + 1)), arguments),
       arrayMap(n -> arrayStringConcat(arrayMap(p -> untrusted(p.3), arrayFilter(p -> p.1 = n, argument_parts))),
                arrayDistinct(arrayMap(p -> p.1, argument_parts)))) AS argv,
    if(title = '', [], splitByChar('\0', untrusted(title))) AS proctitle,
    untrusted(directory) AS cwd,
    arrayMap(m -> untrusted(m['name']), paths) AS path_names,
    -- relative to the working directory; '' where it is relative to a descriptor (AT_FDCWD is -100)
    if(NOT arrayExists(p -> NOT startsWith(p, '/') OR position(p, '/.') > 0, path_names), path_names, arrayMap(p -> multiIf(
        startsWith(p, '/') AND position(p, '/.') = 0, p,
        p = '' OR NOT startsWith(cwd, '/') AND NOT startsWith(p, '/'), '',
        NOT startsWith(p, '/') AND NOT endsWith(args[1], 'ffffff9c') AND syscall_name IN (
            'openat', 'openat2', 'mkdirat', 'mknodat', 'fchownat', 'fchmodat', 'fchmodat2', 'newfstatat', 'fstatat', 'statx', 'unlinkat', 'renameat', 'renameat2',
            'linkat', 'readlinkat', 'faccessat', 'faccessat2', 'futimesat', 'utimensat', 'execveat', 'name_to_handle_at'), '',
        concat('/', arrayStringConcat(arrayFold((acc, s) -> multiIf(s IN ('', '.'), acc, s = '..', arrayPopBack(acc), arrayPushBack(acc, s)),
            splitByChar('/', startsWith(p, '/') ? p : concat(cwd, '/', p)), CAST([], 'Array(String)')), '/'))), path_names)) AS path_names_absolute,
    arrayMap(m -> coalesce(nullIf(m['nametype'], ''), m['objtype']), paths) AS path_types,
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
    if(capability_line = '', [], arrayMap(b -> if(capability_bits[b + 1] = '', toString(b), capability_bits[b + 1]),
        bitPositionsToArray(from_hex(extract(capability_line, ' (?:cap_|new_)?pe=([0-9a-f]+)'))))) AS capabilities,
    found['op'] AS op,
    found['acct'] AS acct,
    -- Linux of 2007 ends with `res=success)`
    if(NOT is_special, '', transform(trim(TRAILING ')' FROM found['res']), ['success', '1', 'yes', 'failed', '0', 'no'], ['success', 'success', 'success', 'failed', 'failed', 'failed'], '')) AS result,
    if(is_special, mapFilter((k, v) -> k NOT IN ('', 'type', 'msg'), CAST((field_names, arrayMap(n -> found[n], field_names)), 'Map(String, String)')), map()) AS fields,
    arrayMap(x -> x.1, sources) AS digests,
    sources[1].2 AS loader,
    sources[1].3 AS seq,
    bitShiftLeft(toUInt64(1), 32) + length(lines) AS version
FROM special
