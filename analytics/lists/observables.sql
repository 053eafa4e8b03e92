-- What events show of the outside: addresses, names of hosts, URLs, digests of images, paths, by event.
-- Parameter: types (of the indicators there are: nothing else is taken out of events).
-- Columns: cluster, layer, node, event_key, time, place (peer | command | image | path), type, observed.
-- Algorithm: command lines are those of programs, of exec requests, of containers; targets of webhooks are read with them. URLs are compared
-- without their scheme, with the host in small letters (analytics/lists/indicator.ts).
WITH
    told AS
    (
        SELECT
            cluster, 'auditd' AS layer, node,
            concat(toString(toUnixTimestamp(time)), '.', leftPad(toString(toUnixTimestamp64Milli(time) % 1000), 3, '0'), ':', toString(serial)) AS event_key,
            toDateTime64(time, 9, 'UTC') AS time,
            if(addr_family IN ('inet', 'inet6'), [addr], []) AS peers,
            syscall_name IN ('execve', 'execveat') AS is_start,
            if(is_start, arrayStringConcat(argv, ' '), '') AS command,
            [] :: Array(String) AS digests,
            arrayConcat(if(is_start, [toString(exe)], []), path_names_absolute) AS paths
        FROM auditd FINAL
        UNION ALL
        SELECT cluster, 'k8s-audit', '', audit_id, time, source_ips, 0,
               arrayStringConcat(arrayConcat(exec_command, commands, webhook_targets), ' '), image_digests, host_paths
        FROM k8s_audit FINAL
        UNION ALL
        SELECT cluster, 'runtime', node, concat(toString(time), '/', topic, '/', container_id, if(exec_id = '', '', concat('/', exec_id))), time, [], 0,
               arrayStringConcat(args, ' '), [image_digest, image_id], mount_sources
        FROM runtime FINAL
    ),
    read AS
    (
        SELECT *, replaceRegexpAll(command, '[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@\\s]*@)?', ' ') AS bare,
            arrayConcat(
                arrayMap(x -> ('peer', 'address', x), if(has({types:Array(String)}, 'address'), peers, [])),
                arrayMap(x -> ('command', 'address', x), if(has({types:Array(String)}, 'address') AND command != '',
                    arrayConcat(extractAll(bare, '(?:^|[^0-9.])(\\d{1,3}(?:\\.\\d{1,3}){3})'), arrayFilter(a -> isIPv6String(a), extractAll(bare, '[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}'))), [])),
                arrayMap(x -> ('command', 'domain', x), if(has({types:Array(String)}, 'domain') AND command != '',
                    extractAll(lower(bare), '(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\\.)+[a-z][a-z0-9-]{1,62}'), [])),
                arrayMap(x -> ('command', 'url', concat(lower(splitByChar('/', x)[1]), trimRight(substring(x, position(x, '/')), '/'))),
                    if(has({types:Array(String)}, 'url') AND command != '', extractAll(bare, '[A-Za-z0-9._-]+(?::[0-9]+)?/[^\\s"\'<>|;)#]*'), [])),
                arrayMap(x -> ('image', 'digest', x), if(has({types:Array(String)}, 'digest'), digests, [])),
                arrayMap(x -> ('path', 'path', x), if(has({types:Array(String)}, 'path'), paths, [])),
                arrayMap(x -> ('path', 'name', splitByChar('/', x)[-1]), if(has({types:Array(String)}, 'name'), paths, []))) AS seen
        FROM told
    )
SELECT cluster, layer, node, event_key, time, one.1 AS place, one.2 AS type, one.3 AS observed
FROM read ARRAY JOIN arrayDistinct(seen) AS one
WHERE one.3 != ''
