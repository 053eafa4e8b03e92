-- Linux audit events to rows of auditd.
--
-- Sample: type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e syscall=59 success=yes exit=0 a0=3 ... ppid=28970 pid=29392 auid=4294967295
--         uid=0 gid=0 euid=0 ... tty=(none) ses=4294967295 comm="sh" exe="/bin/dash" key="exec"
--         type=EXECVE msg=audit(1795439390.632:9989): argc=3 a0="sh" a1="-c" a2=6964203B20
--         type=PATH msg=audit(1795439390.632:9989): item=0 name="/bin/sh" inode=1 dev=00:b4 mode=0100755 ... nametype=NORMAL ...
-- Specification: https://github.com/linux-audit/audit-documentation/wiki/SPEC-Audit-Event-Enrichment and kernel/audit.c, auditsc.c
--         (audit_log_untrustedstring: a value is quoted, or hex when it holds a space, a quote or a control character).
--
-- Input: input_records (cluster, node, event_key, event_time, boot_id, attrs, format, raw, digest, loader, seq): every record of the events
-- concerned, also those received earlier, so that halves of one event unite. Lines that two records share count once.
-- Algorithm: unite records by event; cut each line at its type and before what auditd's ENRICHED format adds (after 0x1d); sort the
-- lines by type; split SYSCALL and PATH at blanks, which kernel values never hold, and take each value from the place where the kernel
-- writes it; lines whose names do not stand in the kernel's order are put in it first. User-space records quote with '...'.
-- A line is read to 64 KiB: auditd's own bound is 9 KiB, and so a line has fewer pairs than the engine's bound (decode.ts).
-- Each step is a query of its own, which the engine is kept from merging (decode.ts), and names what the next one needs: what is named
-- and used in one step the engine works out anew at every use, before it reads a row (measured: 0.4 s a batch). What few events need
-- stands behind an if().
WITH
    (v -> multiIf(startsWith(v, '"'), substring(v, 2, length(v) - 2),
                  v IN ('(null)', '(none)', '?', ''), '',
                  length(v) % 2 = 0 AND match(v, '^[0-9A-F]+$'), unhex(v), v)) AS untrusted,
    (v -> if(v = '4294967295', toInt64(-1), toInt64OrDefault(v, toInt64(-1)))) AS number_or_unset,
    (l -> substring(l, 6, position(l, ' msg=') - 6)) AS type_of,
    -- arguments of system calls and sets of capabilities are hex
    (v -> reinterpretAsUInt64(reverse(unhex(leftPad(substring(v, greatest(length(v) - 15, 1)), 16, '0'))))) AS from_hex,
    ((names, n) -> arrayStringConcat(arrayMap(b -> if(names[b + 1] = '', concat('bit ', toString(b)), names[b + 1]), bitPositionsToArray(n)), '|')) AS flag_names,
    (n -> concat('0', toString(intDiv(n, 64) % 8), toString(intDiv(n, 8) % 8), toString(n % 8))) AS octal,
    -- names by number, and, for shapes that write names where the kernel writes numbers (audit-lines.sql), numbers by name
    (SELECT (groupArray(concat(arch, ' ', toString(number))), groupArray(toString(name))) FROM syscall_names) AS syscall_numbers,
    (SELECT mapFromArrays(groupArray(kind), groupArray((numbers, names))) FROM
        (SELECT kind, groupArray(number) AS numbers, groupArray(name) AS names FROM audit_names GROUP BY kind)) AS names_of,
    names_of['errno'] AS errno_names,
    names_of['signal'] AS signal_names,
    names_of['family'] AS family_names,
    names_of['ptrace'] AS ptrace_names,
    names_of['prctl'] AS prctl_names,
    (SELECT (groupArray(toString(name)), groupArray(toString(-number))) FROM audit_names WHERE kind = 'errno') AS errno_words,
    (SELECT (groupArray(number), groupArray(toString(name))) FROM audit_names WHERE kind = 'record_type') AS type_names,
    (SELECT (groupArray(concat(transform(arch, ['c000003e', '40000003', 'c00000b7', '40000028'], ['x86_64', 'i386', 'aarch64', 'arm'], ''), ' ', name)), groupArray(toString(number))) FROM syscall_names) AS syscall_words,
    (SELECT mapFromArrays(groupArray(kind), groupArray(names)) FROM audit_flags) AS bits_of,
    bits_of['capability'] AS capability_bits,
    bits_of['open'] AS open_bits,
    bits_of['open_arm'] AS open_arm_bits,
    bits_of['mount'] AS mount_bits,
    bits_of['umount'] AS umount_bits,
    bits_of['clone'] AS clone_bits,
    bits_of['prot'] AS prot_bits,
    bits_of['mmap'] AS mmap_bits,
    bits_of['memfd'] AS memfd_bits,
    -- an expression that lines of user space and special ones of the kernel are told by
    (t -> t NOT IN ('SYSCALL', 'EXECVE', 'PATH', 'CWD', 'PROCTITLE', 'SOCKADDR', 'BPRM_FCAPS', 'CAPSET', 'EOE')) AS is_special_type,
    -- from the type on, without what ENRICHED adds and blanks at the end
    (l -> substringIndex(if(startsWith(l, 'node='), substring(l, position(l, ' type=') + 1), l), '\x1d', 1)) AS cut_line,
    (l -> trimRight(substring(cut_line(l), 1, 65536), '\r ')) AS trimmed_line,
    -- most records have nothing to cut, and are told by a look at their bytes
    (r -> multiIf(position(r, '\r') > 0 OR position(r, ' \n') > 0 OR endsWith(r, ' ') OR length(r) > 65536, arrayMap(l -> trimmed_line(l), splitByChar('\n', r)),
                  startsWith(r, 'node=') OR position(r, '\x1d') > 0, arrayMap(l -> cut_line(l), splitByChar('\n', r)),
                  splitByChar('\n', r))) AS lines_of,
    -- what the collector read of the process's cgroup (docs/reference/collect.md): container, where from, path
    (a -> (a['container_id'], a['container_from'], a['cgroup'])::Tuple(String, String, String)) AS note_of,
{parts}    -- nearly every event is one record, with nothing to unite; what unites those of several: auditd-parts.sql
    single AS
    (
        SELECT cluster, node, event_key, event_time AS time, boot_id, note_of(attrs) AS note, [(digest, loader, seq)] AS sources, lines_of({audit_lines}) AS lines
        FROM input_records
        WHERE {is_single}
    ),
    events AS ({events}),
    typed AS (SELECT *, arrayMap(l -> type_of(l), lines) AS types FROM events),
    sorted AS
    (
        SELECT
            cluster, node, event_key, time, boot_id, note, sources, lines, types,
            lines[indexOf(types, 'SYSCALL')] AS syscall_line,
            arrayFilter((l, t) -> t = 'EXECVE', lines, types) AS execve_lines,
            arrayFilter((l, t) -> t = 'PATH', lines, types) AS path_lines,
            lines[indexOf(types, 'SOCKADDR')] AS sockaddr_line,
            lines[indexOf(types, 'PROCTITLE')] AS proctitle_line,
            lines[indexOf(types, 'CWD')] AS cwd_line,
            -- of the capabilities a program starts with, or sets
            lines[arrayFirstIndex(t -> t IN ('BPRM_FCAPS', 'CAPSET'), types)] AS capability_line,
            arrayExists(t -> is_special_type(t), types) AS is_special
        FROM typed
    ),
    split AS
    (
        SELECT
            cluster, node, event_key, time, boot_id, note, sources, length(lines) AS line_count, arrayExists(l -> length(l) > 10240, lines) AS oversized, types, syscall_line, execve_lines, path_lines, sockaddr_line, proctitle_line,
            cwd_line, capability_line, is_special,
            if(is_special, arrayFilter((l, t) -> is_special_type(t), lines, types), []) AS special_lines,
            syscall_line != '' AS is_syscall,
            splitByChar(' ', syscall_line) AS syscall_split,
            arrayMap(l -> splitByChar(' ', l), path_lines) AS path_split,
            if(length(execve_lines) = 1 AND position(execve_lines[1], '[') = 0, splitByChar(' ', execve_lines[1]), []) AS execve_split
        FROM sorted
    ),
    placed AS
    (
        SELECT *,
            -- where a0= stands: behind arch, syscall, and where there are such, per, success and exit
            5 + startsWith(syscall_split[5], 'per=') + 2 * (startsWith(syscall_split[5], 'success=') OR startsWith(syscall_split[6], 'success=')) AS a0_at,
            arrayAll(w -> startsWith(w[3], 'item=') AND startsWith(w[4], 'name=') AND (startsWith(w[5], 'nametype=')
                OR startsWith(w[5], 'inode=') AND startsWith(w[6], 'dev=') AND startsWith(w[7], 'mode=') AND (startsWith(w[11], 'nametype=') OR startsWith(w[12], 'nametype='))),
                path_split) AS paths_in_order,
            startsWith(execve_split[3], 'argc=') AND startsWith(execve_split[4], 'a0=') AS argv_in_order
        FROM split
    ),
    checked AS
    (
        SELECT *,
            NOT is_syscall OR match(replaceRegexpAll(syscall_line, '=\\S*', ''),
                '^type msg arch syscall( per)?( success exit)? a0 a1 a2 a3 items ppid pid auid uid gid euid suid fsuid egid sgid fsgid tty ses comm exe\\b') AS in_order
        FROM placed
    ),
    ordered AS
    (
        SELECT
            cluster, node, event_key, time, boot_id, note, sources, line_count, oversized, types, syscall_line, execve_lines, sockaddr_line, proctitle_line, cwd_line, capability_line,
            is_special, special_lines, is_syscall, execve_split, argv_in_order,
            if(in_order, syscall_split, arrayMap(n -> concat(n, '=', extractKeyValuePairs(if(in_order, '', syscall_line), '=', ' ', '\x01')[n]),
                ['type', 'msg', 'arch', 'syscall', 'success', 'exit', 'a0', 'a1', 'a2', 'a3', 'items', 'ppid', 'pid', 'auid', 'uid', 'gid',
                 'euid', 'suid', 'fsuid', 'egid', 'sgid', 'fsgid', 'tty', 'ses', 'comm', 'exe', 'subj'])) AS sc,
            if(in_order, a0_at, 7) AS a0,
            arraySort(w -> toUInt32OrZero(substring(w[3], 6)), if(paths_in_order, path_split, arrayMap(
                m -> ['', '', concat('item=', m['item']), concat('name=', m['name']), concat('inode=', m['inode']), concat('dev=', m['dev']), concat('mode=', m['mode']),
                      '', '', '', concat('nametype=', coalesce(nullIf(m['nametype'], ''), m['objtype']))],
                arrayMap(l -> extractKeyValuePairs(l, '=', ' ', '\x01'), if(paths_in_order, [], path_lines))))) AS paths
        FROM checked
    ),
    valued AS
    (
        SELECT
            cluster, node, event_key, time, boot_id, note, sources, line_count, oversized, types, capability_line, is_special, special_lines, is_syscall, paths,
            substring(sc[3], 6) AS arch_number,
            substring(sc[4], 9) AS syscall_number,
            if(startsWith(sc[a0 - 2], 'success='), substring(sc[a0 - 2], 9), '') AS success,
            if(startsWith(sc[a0 - 1], 'exit='), toInt64OrZero(substring(sc[a0 - 1], 6)), 0) AS exit,
            if(is_syscall, arrayMap(w -> substring(w, 4), arraySlice(sc, a0, 4)), []) AS args,
            -- ppid, pid, auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid
            if(is_syscall, arrayMap(w -> number_or_unset(substring(w, position(w, '=') + 1)), arraySlice(sc, a0 + 5, 11)), []) AS syscall_ids,
            if(sc[a0 + 16] = 'tty=(none)', '', substring(sc[a0 + 16], 5)) AS tty,
            if(is_syscall, number_or_unset(substring(sc[a0 + 17], 5)), toInt64(-1)) AS ses,
            untrusted(substring(sc[a0 + 18], 6)) AS comm,
            untrusted(substring(sc[a0 + 19], 5)) AS exe,
            -- AppArmor's contexts hold blanks
            if(startsWith(sc[a0 + 20], 'subj='), substring(splitByString(' key=', substring(syscall_line, position(syscall_line, ' subj=')))[1], 7), '') AS subj,
            if(position(syscall_line, ' key=') = 0, '', substringIndex(substring(syscall_line, position(syscall_line, ' key=') + 5), ' ', 1)) AS key,
            if(sockaddr_line = '', '', upper(extract(sockaddr_line, ' saddr=([0-9A-Fa-f]+)'))) AS saddr,
            if(proctitle_line = '', '', substring(proctitle_line, position(proctitle_line, ' proctitle=') + 11)) AS title,
            if(cwd_line = '', '', untrusted(substring(cwd_line, position(cwd_line, ' cwd=') + 5))) AS cwd,
            -- the arguments as they stand, where one line holds them all whole; else argument number, part number, value
            if(argv_in_order, arraySlice(execve_split, 4), []) AS arguments,
            if(argv_in_order OR empty(execve_lines), [], arraySort(x -> (x.1, x.2), arrayFlatten(arrayMap(l -> arrayMap(g -> (toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), g[3]),
                extractAllGroupsVertical(l, ' a(\\d+)(?:\\[(\\d+)\\])?=("[^"]*"|\\S*)')), execve_lines)))) AS argument_parts,
            -- old logins tell `old auid=4294967295 new auid=0`
            if(is_special, replaceAll(replaceAll(arrayStringConcat(arrayMap(l -> trim(LEADING ': ' FROM substring(l, position(l, ')') + 1)),
                special_lines), ' '), ' old ', ' old-'), ' new ', ' '), '') AS special_text
        FROM ordered
    ),
    meant AS
    (
        SELECT *,
            toInt32OrDefault(syscall_number, toInt32(-1)) AS syscall,
            if(key IN ('', '(null)'), [], arrayFilter(k -> k != '', splitByChar('\x01', untrusted(if(startsWith(key, '"'), key, trim(TRAILING '"' FROM key)))))) AS keys,
            arrayMap(w -> untrusted(substring(w[4], 6)), paths) AS path_names,
            if(is_special, extract(special_text, 'msg=(?:\'(.*)\'|"(.*)")$'), '') AS user_text
        FROM valued
    ),
    special AS
    (
        SELECT *,
            if(is_special, mapConcat(
                -- what a program or a person chose is hex where it is not quoted (libaudit: audit_encode_nv_string)
                CAST(arrayMap(g -> (g[1], untrusted(g[2])),
                    extractAllGroupsVertical(special_text, '\\b(acct|exe|cmd|cwd|data|comm|ocomm|vm|ses_name|name|path|key|proctitle|cmdline)=("[^"]*"|[^\\s\']+)')), 'Map(String, String)'),
                if(position(special_text, 'avc: ') = 0, map(), map('seresult', extract(special_text, 'avc: +(\\w+)'), 'seperms', trim(BOTH ' ' FROM extract(special_text, '\\{([^}]*)\\}')))),
                extractKeyValuePairs(user_text, '=', ' ', '"'),
                extractKeyValuePairs(replaceRegexpOne(special_text, 'msg=[\'"].*$', ''), '=', ' ', '"')), map()) AS found,
            if(syscall < 0, '', transform(concat(arch_number, ' ', syscall_number), syscall_numbers.1, syscall_numbers.2, syscall_number)) AS syscall_name
        FROM meant
    ),
    named AS
    (
        SELECT *,
            if(is_special, CAST(arraySort(arrayDistinct(mapKeys(found))), 'Array(String)'), []) AS field_names,
            multiIf(is_syscall, syscall_ids, is_special, arrayMap(n -> number_or_unset(found[n]), ['ppid', 'pid', 'auid', 'uid', 'gid']), []) AS told_ids,
            arrayResize(told_ids, 11, toInt64(-1)) AS ids,
            if(is_syscall, arch_number, found['arch']) AS arch_told,
            transform(substring(saddr, 1, 4), ['0200', '0A00', '0100', '1000'], ['inet', 'inet6', 'unix', 'netlink'], '') AS addr_family,
            -- relative to a descriptor (AT_FDCWD is -100)
            NOT endsWith(args[1], 'ffffff9c') AND syscall_name IN (
                'openat', 'openat2', 'mkdirat', 'mknodat', 'fchownat', 'fchmodat', 'fchmodat2', 'newfstatat', 'fstatat', 'statx', 'unlinkat', 'renameat', 'renameat2',
                'linkat', 'readlinkat', 'faccessat', 'faccessat2', 'futimesat', 'utimensat', 'execveat', 'name_to_handle_at') OR NOT startsWith(cwd, '/') AS has_no_base,
            arrayExists(p -> NOT startsWith(p, '/') OR position(p, '/.') > 0, path_names) AS is_relative
        FROM special
    ),
    joined AS
    (
        SELECT *,
            transform(arch_told, ['c000003e', '40000003', 'c00000b7', '40000028'], ['x86_64', 'i386', 'aarch64', 'arm'], arch_told) AS arch,
            -- joined with the working directory, '' where there is none to join with
            if(is_relative, arrayMap(p -> multiIf(startsWith(p, '/'), p, p = '' OR has_no_base, '', concat(cwd, '/', p)), path_names), path_names) AS joined_names
        FROM named
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
    arch,
    syscall,
    syscall_name,
    success,
    exit,
    if(exit >= 0, '', transform(-exit, errno_names.1, errno_names.2, '')) AS exit_name,
    args,
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
    ids[1] AS ppid,
    ids[2] AS pid,
    ids[3] AS auid,
    ids[4] AS uid,
    ids[5] AS gid,
    ids[6] AS euid,
    ids[9] AS egid,
    ids[7] AS suid,
    ids[10] AS sgid,
    ids[8] AS fsuid,
    ids[11] AS fsgid,
    tty,
    if(is_syscall, ses, number_or_unset(found['ses'])) AS ses,
    if(is_syscall, comm, found['comm']) AS comm,
    if(is_syscall, exe, found['exe']) AS exe,
    keys,
    if(is_syscall, subj, found['subj']) AS subj,
    -- each part of a long argument is quoted or hex by itself
    if(empty(argument_parts), arrayMap(a -> untrusted(substring(a, position(a, '=') + 1)), arguments),
       arrayMap(n -> arrayStringConcat(arrayMap(p -> untrusted(p.3), arrayFilter(p -> p.1 = n, argument_parts))),
                arrayDistinct(arrayMap(p -> p.1, argument_parts)))) AS argv,
    if(title = '', [], splitByChar('\0', untrusted(title))) AS proctitle,
    cwd,
    path_names,
    -- without `.`, `..` and empty steps; what is absolute and holds no steps back stays as recorded
    if(is_relative, arrayMap((p, full) -> multiIf(
        startsWith(p, '/') AND position(p, '/.') = 0, p,
        position(full, '/.') = 0 AND position(full, '//') = 0 AND (full = '' OR NOT endsWith(full, '/')), full,
        position(full, '/..') = 0, concat('/', arrayStringConcat(arrayFilter(s -> s NOT IN ('', '.'), splitByChar('/', full)), '/')),
        concat('/', arrayStringConcat(arrayFold((acc, s) -> multiIf(s IN ('', '.'), acc, s = '..', arrayPopBack(acc), arrayPushBack(acc, s)),
            splitByChar('/', full), CAST([], 'Array(String)')), '/'))), path_names, joined_names), path_names) AS path_names_absolute,
    arrayMap(w -> substring(multiIf(startsWith(w[11], 'nametype='), w[11], startsWith(w[5], 'nametype='), w[5], w[12]), 10), paths) AS path_types,
    arrayMap(w -> if(startsWith(w[6], 'dev='), substring(w[6], 5), ''), paths) AS path_devs,
    arrayMap(w -> if(startsWith(w[5], 'inode='), toUInt64OrZero(substring(w[5], 7)), 0), paths) AS path_inodes,
    arrayMap(w -> if(startsWith(w[7], 'mode='), substring(w[7], 6), ''), paths) AS path_modes,
    addr_family,
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
    oversized,
    note.1 AS cgroup_container_id,
    note.2 AS container_from,
    note.3 AS cgroup,
    arrayMap(x -> x.1, sources) AS digests,
    sources[1].2 AS loader,
    sources[1].3 AS seq,
    bitShiftLeft(toUInt64(3), 32) + line_count AS version
FROM joined
