-- Processes that matter to sessions: calls of runc for an exec, the programs that such calls may have started (first processes of execs:
-- named by the runtime, else children of runc, or of the shim or conmon that called it), and clients by which one enters a container from the node.
-- Columns: role (call | entry | client), the process, first_us, its program's first arguments, the digest of its first execve, and its exit where that was seen.
WITH
    ['runc', 'crun', 'runsc', 'youki', 'kata-runtime'] AS runtimes,
    ['crictl', 'ctr', 'nerdctl', 'docker', 'podman'] AS clients,
    calls AS
    (
        -- the shim, or runc itself while it has not ended yet
        SELECT cluster, node, arrayJoin([ppid, pid]) AS parent FROM processes FINAL
        WHERE comm IN runtimes AND has(argv, 'exec') AND /*scope node (cluster, node)*/ 1
    )
SELECT
    -- one process may be two: "sh -c 'ctr ...'" asked for by an exec becomes ctr itself
    arrayJoin(arrayFilter(r -> r != '', [
        if(is_call AND NOT is_entry, 'call', ''), if(is_client, 'client', ''), if(is_entry, 'entry', '')])) AS role,
    comm IN runtimes AND has(argv, 'exec') AS is_call,
    comm IN clients AND has(argv, 'exec') AS is_client,
    exec_id != '' OR is_child_of_call AS is_entry,
    (cluster, node, ppid) IN (SELECT cluster, node, parent FROM calls) AND NOT setup AND comm NOT IN runtimes AND notEmpty(first_argv) AS is_child_of_call,
    cluster, node, process_key, pid, ppid, container_id, exec_id,
    toUnixTimestamp64Micro(toDateTime64(first_seen, 6, 'UTC')) AS first_us,
    if(role = 'entry', first_argv, argv) AS command,
    lower(hex(digests[1])) AS digest,
    ended_by IN ('exit', 'crash', 'runtime-exit') AS has_exited,
    if(has_exited, toUnixTimestamp64Micro(toDateTime64(ended_at, 6, 'UTC')), 0) AS exited_us,
    if(has_exited, exit_status, -1) AS exit_status,
    if(has_exited, lower(hex(end_digest)), '') AS end_digest
FROM processes FINAL
WHERE (is_call OR is_client OR is_entry)
  AND /*scope node (cluster, node)*/ 1
ORDER BY cluster, node, first_seen, process_key
