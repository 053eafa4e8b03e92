-- Files that a container's processes changed, as far as the node's audit rules recorded it: names created and deleted (PATH
-- records), and files opened for writing or cut short. Paths are the container's own.
-- Parameters: {cluster:String}, {node:String}, {container:String}, {limit:UInt32}.
-- Columns: path, operations, first_time, last_time, events, exes, process_keys, digests (hex, at most 20), total (paths in all).
WITH
    mine AS
    (
        SELECT time, serial, process_key FROM attributions FINAL
        WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}
    ),
    changes AS
    (
        SELECT
            a.time AS time, a.exe AS exe, m.process_key AS process_key, a.digests AS digests,
            -- flags of the call: the second argument of open, the third of openat; O_WRONLY 1, O_RDWR 2, O_CREAT 0x40, O_TRUNC 0x200
            multiIf(a.syscall_name = 'openat', a.args[3], a.syscall_name = 'open', a.args[2], a.syscall_name = 'creat', '41', '0') AS flags_hex,
            bitAnd(reinterpretAsUInt64(reverse(unhex(leftPad(flags_hex, 16, '0')))), 3) IN (1, 2) AS opened_to_write,
            arrayJoin(arrayZip(a.path_names, a.path_types)) AS item,
            if(startsWith(item.1, '/') OR a.cwd = '', item.1, concat(if(a.cwd = '/', '', a.cwd), '/', item.1)) AS path,
            multiIf(item.2 = 'CREATE', 'created',
                    item.2 = 'DELETE', 'deleted',
                    item.2 = 'NORMAL' AND opened_to_write, 'opened for writing',
                    item.2 = 'NORMAL' AND a.syscall_name IN ('truncate', 'ftruncate'), 'truncated',
                    item.2 = 'NORMAL' AND a.syscall_name IN ('chmod', 'fchmodat', 'chown', 'lchown', 'fchownat', 'setxattr'), 'changed by ' || a.syscall_name,
                    '') AS operation
        FROM (SELECT * FROM auditd FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND (time, serial) IN (SELECT time, serial FROM mine) AND success != 'no') AS a
        INNER JOIN mine AS m ON a.time = m.time AND a.serial = m.serial
        -- while runc makes the container ready its files are the node's
        WHERE m.process_key NOT IN (SELECT process_key FROM processes FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND setup)
    )
SELECT
    path,
    arraySort(groupUniqArray(operation)) AS operations,
    min(c.time) AS first_time, max(c.time) AS last_time, count() AS events,
    groupUniqArray(5)(exe) AS exes,
    groupUniqArray(20)(process_key) AS process_keys,
    groupUniqArrayArray(20)(arrayMap(d -> lower(hex(d)), digests)) AS digests,
    count() OVER () AS total
FROM changes AS c
WHERE operation != '' AND path != ''
GROUP BY path
ORDER BY first_time, path
LIMIT {limit:UInt32}
