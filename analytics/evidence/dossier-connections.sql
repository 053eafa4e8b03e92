-- Network peers of a container's processes, from the calls that audit records with an address.
-- Parameters: {cluster:String}, {node:String}, {container:String}, {limit:UInt32}.
-- Columns: direction (out | in), addr, port, first_time, last_time, calls, outcomes, exes, process_keys, digests (hex, at most 20), total.
WITH
    mine AS
    (
        SELECT time, serial, process_key FROM attributions FINAL
        WHERE cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}
    )
SELECT
    if(a.syscall_name IN ('accept', 'accept4'), 'in', 'out') AS direction,
    a.addr AS addr,
    -- the port of one who calls in means nothing and differs each time
    if(direction = 'in', 0, a.port) AS port,
    min(a.time) AS first_time, max(a.time) AS last_time, count() AS calls,
    arraySort(groupUniqArray(multiIf(a.success = 'yes', 'success', a.exit = -115, 'in progress', concat('failed ', toString(a.exit))))) AS outcomes,
    groupUniqArray(5)(a.exe) AS exes,
    groupUniqArray(20)(m.process_key) AS process_keys,
    groupUniqArrayArray(20)(arrayMap(d -> lower(hex(d)), a.digests)) AS digests,
    count() OVER () AS total
FROM (SELECT * FROM auditd FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND (time, serial) IN (SELECT time, serial FROM mine)) AS a
INNER JOIN mine AS m ON a.time = m.time AND a.serial = m.serial
WHERE a.addr_family IN ('inet', 'inet6') AND a.syscall_name IN ('connect', 'sendto', 'sendmsg', 'sendmmsg', 'accept', 'accept4')
GROUP BY direction, addr, port
ORDER BY direction DESC, first_time, addr, port
LIMIT {limit:UInt32}
