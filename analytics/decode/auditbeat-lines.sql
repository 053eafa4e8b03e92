-- An expression over (event_key, raw): an event of Auditbeat that keeps no original lines, as lines of auditd (see audit-lines.sql).
-- Newer ones speak ECS (user.id, process.executable), older ones name fields as auditd does (user.uid, process.exe). An effective user is
-- left out where it is the user. The words of a process title are joined with blanks and cannot be told apart any more.
arrayStringConcat(arrayConcat(
    [concat(
        if(JSONHas(raw, 'auditd', 'data', 'syscall'),
            concat('type=SYSCALL', concat(' msg=audit(', event_key, '): '), 'arch=', transform(JSONExtractString(raw, 'auditd', 'data', 'arch'), ['x86_64', 'i386', 'aarch64', 'arm'], ['c000003e', '40000003', 'c00000b7', '40000028'], '?'),
                ' syscall=', transform(concat(JSONExtractString(raw, 'auditd', 'data', 'arch'), ' ', JSONExtractString(raw, 'auditd', 'data', 'syscall')), syscall_words.1, syscall_words.2, JSONExtractString(raw, 'auditd', 'data', 'syscall')),
                transform(JSONExtractString(raw, 'auditd', 'result'), ['success', 'fail'], [' success=yes', ' success=no'], ''),
                ' exit=', transform(JSONExtractString(raw, 'auditd', 'data', 'exit'), errno_words.1, errno_words.2, JSONExtractString(raw, 'auditd', 'data', 'exit')),
                arrayStringConcat(arrayMap(n -> concat(' ', n, '=', JSONExtractString(raw, 'auditd', 'data', n)), ['a0', 'a1', 'a2', 'a3', 'tty'])),
                ' comm=', hex(JSONExtractString(raw, 'process', 'name')), ' exe=', hex(if(JSONExtractString(raw, 'process', 'executable') = '', JSONExtractString(raw, 'process', 'exe'), JSONExtractString(raw, 'process', 'executable'))),
                ' key=', hex(arrayStringConcat(JSONExtract(raw, 'tags', 'Array(String)'), '\x01'))),
            concat('type=', upper(if(JSONHas(raw, 'auditd', 'message_type'), JSONExtractString(raw, 'auditd', 'message_type'), JSONExtractString(raw, 'event', 'type'))), concat(' msg=audit(', event_key, '): '))),
        arrayStringConcat(arrayMap(x -> if(x.2 IN ('', '"unset"'), '', concat(' ', x.1, '=', replaceAll(x.2, '"', ''))), [
        ('pid', JSONExtractRaw(raw, 'process', 'pid')),
        ('ppid', if(JSONExtractRaw(raw, 'process', 'parent', 'pid') = '', JSONExtractRaw(raw, 'process', 'ppid'), JSONExtractRaw(raw, 'process', 'parent', 'pid'))),
        ('auid', if(JSONExtractRaw(raw, 'user', 'audit', 'id') = '', JSONExtractRaw(raw, 'user', 'auid'), JSONExtractRaw(raw, 'user', 'audit', 'id'))),
        ('uid', if(JSONExtractRaw(raw, 'user', 'id') = '', JSONExtractRaw(raw, 'user', 'uid'), JSONExtractRaw(raw, 'user', 'id'))),
        ('gid', if(JSONExtractRaw(raw, 'user', 'group', 'id') = '', JSONExtractRaw(raw, 'user', 'gid'), JSONExtractRaw(raw, 'user', 'group', 'id'))),
        ('suid', if(JSONExtractRaw(raw, 'user', 'saved', 'id') = '', JSONExtractRaw(raw, 'user', 'suid'), JSONExtractRaw(raw, 'user', 'saved', 'id'))),
        ('sgid', if(JSONExtractRaw(raw, 'user', 'saved', 'group', 'id') = '', JSONExtractRaw(raw, 'user', 'sgid'), JSONExtractRaw(raw, 'user', 'saved', 'group', 'id'))),
        ('fsuid', if(JSONExtractRaw(raw, 'user', 'filesystem', 'id') = '', JSONExtractRaw(raw, 'user', 'fsuid'), JSONExtractRaw(raw, 'user', 'filesystem', 'id'))),
        ('fsgid', if(JSONExtractRaw(raw, 'user', 'filesystem', 'group', 'id') = '', JSONExtractRaw(raw, 'user', 'fsgid'), JSONExtractRaw(raw, 'user', 'filesystem', 'group', 'id'))),
        ('ses', JSONExtractRaw(raw, 'auditd', 'session')),
        ('euid', multiIf(JSONHas(raw, 'user', 'effective', 'id'), JSONExtractRaw(raw, 'user', 'effective', 'id'), JSONHas(raw, 'user', 'euid'), JSONExtractRaw(raw, 'user', 'euid'), JSONExtractRaw(raw, 'user', 'id'))),
        ('egid', multiIf(JSONHas(raw, 'user', 'effective', 'group', 'id'), JSONExtractRaw(raw, 'user', 'effective', 'group', 'id'), JSONHas(raw, 'user', 'egid'), JSONExtractRaw(raw, 'user', 'egid'), JSONExtractRaw(raw, 'user', 'group', 'id')))])),
        if(JSONHas(raw, 'auditd', 'data', 'syscall'), '', concat(' msg=''',
            arrayStringConcat(arrayMap(x -> concat(x.1, '="', replaceRegexpAll(x.2, '["\n]', ' '), '" '), JSONExtractKeysAndValues(raw, 'auditd', 'data', 'String'))),
            'exe="', if(JSONExtractString(raw, 'process', 'executable') = '', JSONExtractString(raw, 'process', 'exe'), JSONExtractString(raw, 'process', 'executable')), '" addr=', if(JSONHas(raw, 'source', 'ip'), JSONExtractString(raw, 'source', 'ip'), '?'),
            ' res=', transform(JSONExtractString(raw, 'auditd', 'result'), ['success', 'fail'], ['success', 'failed'], '?'), '''')))],
    if(JSONHas(raw, 'process', 'args') AND JSONExtractString(raw, 'auditd', 'data', 'syscall') IN ('execve', 'execveat'),
       [concat('type=EXECVE', concat(' msg=audit(', event_key, '): '), 'argc=', toString(JSONLength(raw, 'process', 'args')),
           arrayStringConcat(arrayMap((a, n) -> concat(' a', toString(n - 1), '=', if(a = '', '""', hex(a))), JSONExtract(raw, 'process', 'args', 'Array(String)'), arrayEnumerate(JSONExtract(raw, 'process', 'args', 'Array(String)')))))], []),
    if(JSONHas(raw, 'auditd', 'data', 'socket', 'family'), [concat('type=SOCKADDR', concat(' msg=audit(', event_key, '): '), 'saddr=', multiIf(
            JSONExtractString(raw, 'auditd', 'data', 'socket', 'family') = 'ipv4', concat('0200', leftPad(hex(toUInt16OrZero(JSONExtractString(raw, 'auditd', 'data', 'socket', 'port'))), 4, '0'), leftPad(hex(IPv4StringToNumOrDefault(JSONExtractString(raw, 'auditd', 'data', 'socket', 'addr'))), 8, '0'), '0000000000000000'),
            JSONExtractString(raw, 'auditd', 'data', 'socket', 'family') = 'ipv6', concat('0A00', leftPad(hex(toUInt16OrZero(JSONExtractString(raw, 'auditd', 'data', 'socket', 'port'))), 4, '0'), '00000000', hex(IPv6StringToNumOrDefault(JSONExtractString(raw, 'auditd', 'data', 'socket', 'addr'))), '00000000'),
            JSONExtractString(raw, 'auditd', 'data', 'socket', 'family') = 'unix', concat('0100', hex(JSONExtractString(raw, 'auditd', 'data', 'socket', 'path')), '00'),
            JSONExtractString(raw, 'auditd', 'data', 'socket', 'family') = 'netlink', '100000000000000000000000', ''))], []),
    if(if(JSONExtractString(raw, 'process', 'working_directory') = '', JSONExtractString(raw, 'process', 'cwd'), JSONExtractString(raw, 'process', 'working_directory')) = '', [], [concat('type=CWD', concat(' msg=audit(', event_key, '): '), 'cwd=', hex(if(JSONExtractString(raw, 'process', 'working_directory') = '', JSONExtractString(raw, 'process', 'cwd'), JSONExtractString(raw, 'process', 'working_directory'))))]),
    arrayMap(p -> concat('type=PATH', concat(' msg=audit(', event_key, '): '), arrayStringConcat(arrayMap(x -> concat(x.1, '=', if(x.1 = 'name' AND x.2 != '(null)', hex(x.2), x.2)), JSONExtractKeysAndValues(p, 'String')), ' ')),
        JSONExtractArrayRaw(raw, 'auditd', 'paths')),
    if(JSONHas(raw, 'process', 'title'), [concat('type=PROCTITLE', concat(' msg=audit(', event_key, '): '), 'proctitle=', hex(JSONExtractString(raw, 'process', 'title')))], [])
), '\n')
