-- Members of chains as marks on the timeline: an event that several records of a chain make up is one mark.
-- Parameters: id (of one chain, '' for all).
-- Events are looked up by digest inside the time of the members, so the cost follows the chain and not the store.
WITH members AS (
    SELECT cluster, chain_id, member_id, digest, step, role, time
    FROM chain_members FINAL
    WHERE {id:String} = '' OR chain_id = {id:String})
SELECT
    m.chain_id AS chain,
    m.member_id AS id,
    min(m.step) AS step,
    min(m.role) AS role,                 -- core before context
    any(e.lane) AS lane,
    any(e.t) AS t,
    any(e.layer) AS layer,
    any(e.action) AS action,
    any(e.object) AS object,
    any(e.outcome) AS outcome,
    any(e.principal) AS principal,
    any(e.exe) AS exe,
    any(e.hex) AS digest,
    any(e.node) AS node,
    any(e.process_key) AS process_key,
    any(e.container_id) AS container_id
FROM members AS m
INNER JOIN (
    SELECT cluster, digest, lane_of_row AS lane, toUnixTimestamp64Micro(time) / 1000 AS t,
           layer, action, object, outcome, principal, exe, lower(hex(digest)) AS hex, node, process_key, container_id
    FROM events FINAL
    WHERE digest IN (SELECT digest FROM members)
      AND time >= (SELECT min(time) FROM members) - INTERVAL 1 HOUR
      AND time <= (SELECT max(time) FROM members) + INTERVAL 1 HOUR) AS e
    ON e.cluster = m.cluster AND e.digest = m.digest
GROUP BY chain, id
ORDER BY t, id
