-- One step down the trees of sessions: children of the processes at depth {above:UInt16}. Parameters: above, version; {into}: where session_processes are being put.
INSERT INTO {into} (cluster, session_id, node, process_key, depth, via, version)
SELECT s.cluster, s.session_id, s.node, p.process_key, {above:UInt16} + 1, 'descent', {version:UInt64}
FROM (SELECT cluster, node, process_key, parent_key FROM processes FINAL WHERE parent_key != '') AS p
INNER JOIN (SELECT cluster, session_id, node, process_key FROM {into} FINAL WHERE version = {version:UInt64} AND depth = {above:UInt16}) AS s
    ON p.cluster = s.cluster AND p.node = s.node AND p.parent_key = s.process_key
LEFT ANTI JOIN (SELECT cluster, session_id, node, process_key FROM {into} FINAL WHERE version = {version:UInt64}) AS there
    ON there.cluster = s.cluster AND there.session_id = s.session_id AND there.node = s.node AND there.process_key = p.process_key
