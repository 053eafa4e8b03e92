-- An expression over (format, event_key, raw): the record as lines of auditd, whatever shape it came in, so that one decoder reads all.
-- What is text in JSON and may hold blanks becomes hex, as the kernel writes it; names of numbers become numbers again.
--
-- laurel     {"ID":"1795439398.624:11396","SYSCALL":{"arch":"0xc000003e","syscall":59,...},"EXECVE":{"argc":1,"ARGV":["sh"]},"PATH":[{...}]}
--            https://github.com/threathunters-io/laurel/blob/master/man/laurel.8.md (bytes that are no text are %xx)
-- go-audit   {"sequence":1,"timestamp":"1795439398.624","messages":[{"type":1300,"data":"arch=..."}],"uid_map":{}}
--            https://github.com/slackhq/go-audit/blob/master/parser.go
-- journald   {"_TRANSPORT":"audit","_AUDIT_TYPE_NAME":"SYSCALL","_AUDIT_ID":"1","MESSAGE":"SYSCALL arch=...","_SOURCE_REALTIME_TIMESTAMP":"..."}
--            https://github.com/systemd/systemd/blob/main/src/journal/journald-audit.c; one entry a line of the event
-- auditbeat  {"@timestamp":"...","auditd":{"sequence":1,"data":{...},"paths":[...]},"process":{...},"user":{...}}, event.original where kept
--            https://www.elastic.co/docs/reference/beats/auditbeat/exported-fields-auditd
multiIf(
    format = 'auditd', raw,
    format = 'laurel', arrayStringConcat(arrayFlatten(arrayMap(
        (type, value) -> arrayMap(
            record -> concat('type=', type, ' msg=audit(', event_key, '): ', arrayStringConcat(arrayMap(
                (name, field) -> multiIf(
                    name = 'ARGV' AND type = 'SYSCALL', arrayStringConcat(arrayMap((a, n) -> concat('a', toString(n - 1), '=', replaceOne(a, '0x', '')),
                        JSONExtract(field, 'Array(String)'), arrayEnumerate(JSONExtract(field, 'Array(String)'))), ' '),
                    name = 'ARGV' AND type = 'PROCTITLE', concat('proctitle=', hex(arrayStringConcat(arrayMap(a -> decodeURLComponent(a), JSONExtract(field, 'Array(String)')), '\0'))),
                    name = 'ARGV', arrayStringConcat(arrayMap((a, n) -> concat('a', toString(n - 1), '=', if(a = '', '""', hex(decodeURLComponent(a)))),
                        JSONExtract(field, 'Array(String)'), arrayEnumerate(JSONExtract(field, 'Array(String)'))), ' '),
                    name = 'SADDR', concat('saddr=', multiIf(
                        JSONExtractString(field, 'saddr_fam') = 'inet', concat('0200', leftPad(hex(toUInt16(JSONExtractUInt(field, 'port'))), 4, '0'), leftPad(hex(IPv4StringToNumOrDefault(JSONExtractString(field, 'addr'))), 8, '0'), '0000000000000000'),
                        JSONExtractString(field, 'saddr_fam') = 'inet6', concat('0A00', leftPad(hex(toUInt16(JSONExtractUInt(field, 'port'))), 4, '0'), '00000000', hex(IPv6StringToNumOrDefault(JSONExtractString(field, 'addr'))), '00000000'),
                        JSONExtractString(field, 'saddr_fam') IN ('local', 'unix'), concat('0100', hex(decodeURLComponent(JSONExtractString(field, 'path'))), '00'),
                        JSONExtractString(field, 'saddr_fam') = 'netlink', '100000000000000000000000', '')),
                    -- what LAUREL adds is in capitals
                    match(name, '^[A-Z]'), '',
                    field = 'null', concat(name, '=(null)'),
                    startsWith(field, '['), concat(name, '=', hex(arrayStringConcat(arrayMap(a -> decodeURLComponent(a), JSONExtract(field, 'Array(String)')), '\x01'))),
                    NOT startsWith(field, '"'), concat(name, '=', replaceAll(field, '\n', ' ')),
                    name = 'msg', concat('msg=''', replaceAll(decodeURLComponent(JSONExtractString(field)), '\n', ' '), ''''),
                    name IN ('comm', 'exe', 'key', 'name', 'cwd', 'path', 'data', 'acct', 'cmd', 'proctitle', 'ocomm', 'saddr') AND field NOT IN ('""', '"(null)"'),
                        concat(name, '=', hex(decodeURLComponent(JSONExtractString(field)))),
                    match(field, '^"0[xo][0-9a-f]+"$'), concat(name, '=', replaceRegexpOne(JSONExtractString(field), '^0x|^(0)o', '\\1')),
                    position(field, ' ') > 0, concat(name, '="', replaceAll(replaceAll(decodeURLComponent(JSONExtractString(field)), '"', ''''), '\n', ' '), '"'),
                    concat(name, '=', JSONExtractString(field))),
                tupleElement(JSONExtractKeysAndValuesRaw(record) AS fields, 1), tupleElement(fields, 2)), ' ')),
            if(startsWith(value, '['), JSONExtractArrayRaw(value), [value])),
        tupleElement(arrayFilter(x -> x.1 NOT IN ('ID', 'NODE') AND match(x.1, '^[A-Z0-9_]+$') AND x.1 NOT LIKE '%\\_INFO' AND (startsWith(x.2, '{') OR startsWith(x.2, '[{')), JSONExtractKeysAndValuesRaw(raw)) AS records, 1),
        tupleElement(records, 2))), '\n'),
    format = 'go-audit', arrayStringConcat(arrayMap(
        m -> concat('type=', transform(toInt64(m.1), type_names.1, type_names.2, concat('UNKNOWN[', toString(m.1), ']')), ' msg=audit(', event_key, '): ', replaceAll(m.2, '\n', ' ')),
        JSONExtract(raw, 'messages', 'Array(Tuple(type UInt16, data String))')), '\n'),
    format = 'journald-audit', concat('type=', transform(toInt64OrZero(JSONExtractString(raw, '_AUDIT_TYPE')), type_names.1, type_names.2, JSONExtractString(raw, '_AUDIT_TYPE_NAME')),
        ' msg=audit(', event_key, '): ', replaceRegexpOne(replaceAll(
            -- journalctl writes bytes that are no text as numbers
            if(JSONType(raw, 'MESSAGE') = 'Array', arrayStringConcat(arrayMap(b -> char(b), JSONExtract(raw, 'MESSAGE', 'Array(UInt8)'))), JSONExtractString(raw, 'MESSAGE')),
            '\n', ' '), '^\\S+ ', '')),
    JSONType(raw, 'event', 'original') = 'Array', arrayStringConcat(arrayMap(l -> replaceAll(l, '\n', ' '), JSONExtract(raw, 'event', 'original', 'Array(String)')), '\n'),
    {auditbeat_lines})
