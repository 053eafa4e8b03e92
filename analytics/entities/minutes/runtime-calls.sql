-- What runtimes were called for, as auditd saw it: executions of OCI runtimes, containerd's shims and conmon, which carry the container's id.
--
-- Samples: runc --root /run/containerd/runc/k8s.io --log .../k8s.io/ID/log.json create --bundle .../k8s.io/ID --pid-file .../init.pid ID
--   containerd-shim-runc-v2 -namespace k8s.io -id ID -address /run/containerd/containerd.sock        (it serves; `start`, `delete` as last word)
--   docker-containerd-shim -namespace moby -workdir .../io.containerd.runtime.v1.linux/moby/ID -address ...
--   conmon -b /run/containers/storage/overlay-containers/ID/userdata -c ID -r /usr/bin/crun ...
-- Sources: https://github.com/opencontainers/runc/blob/main/man/runc.8.md, https://github.com/containers/conmon/blob/main/docs/conmon.8.md,
--   https://github.com/containerd/containerd/blob/main/core/runtime/v2/README.md
--
-- Parameter: {version:UInt64}. Columns: those of runtime_calls; verb (create, start, run, exec, kill, delete, ... of an OCI runtime; shim, shim-start,
--   shim-delete; monitor, monitor-exec). Who reads them leaves out what is not trusted: runtime-calls-trusted.sql.
WITH
    executions AS
    (
        SELECT cluster, node, time, serial, pid, ppid, digests[1] AS digest, arraySlice(argv, 2) AS words,
            arrayStringConcat(argv, ' ') AS line, extract(exe, '([^/]+?)(?: \\(deleted\\))?$') AS program,
            empty(path_devs) OR NOT startsWith(path_devs[1], '00:') AS is_of_disk
        FROM auditd FINAL
        WHERE syscall_name IN ('execve', 'execveat') AND success = 'yes' AND pid > 0
            AND match(exe, '/(docker-|nvidia-container-)?(containerd-shim|conmon|runc|crun|youki|runsc|runtime)[^/]*$') AND /*scope minute*/ 1
    ),
    read AS
    (
        SELECT *,
            match(program, '^(docker-)?containerd-shim') AS is_shim,
            startsWith(program, 'conmon') AS is_monitor,
            arrayFirst(w -> match(w, '^[0-9a-f]{64}$'), words) AS id_of_digits,
            -- what follows the option of that name
            words[arrayFirstIndex(w -> w IN ('-id', '--id'), words) + 1] AS shim_id,
            if(arrayExists(w -> w IN ('-c', '--cid'), words), words[arrayFirstIndex(w -> w IN ('-c', '--cid'), words) + 1], '') AS monitor_id,
            if(arrayExists(w -> w IN ('-namespace', '--namespace'), words), words[arrayFirstIndex(w -> w IN ('-namespace', '--namespace'), words) + 1], '') AS told_namespace,
            arrayFirst(w -> w IN ('create', 'start', 'run', 'restore', 'exec', 'kill', 'delete', 'state', 'pause', 'resume', 'update', 'checkpoint'), words) AS oci_verb
        FROM executions
    ),
    called AS
    (
        SELECT cluster, node, time, serial, pid, ppid, digest, is_of_disk,
            multiIf(
                is_shim, if(words[-1] IN ('start', 'delete'), concat('shim-', words[-1]), 'shim'),
                is_monitor, if(arrayExists(w -> w IN ('-e', '--exec', '--exec-attach', '--exec-process-spec'), words), 'monitor-exec', 'monitor'),
                oci_verb) AS verb,
            multiIf(
                is_shim AND arrayExists(w -> w IN ('-id', '--id'), words), shim_id,
                is_monitor AND monitor_id != '', monitor_id,
                id_of_digits != '', id_of_digits,
                -- ctr gives containers names
                extract(line, '/([A-Za-z0-9][A-Za-z0-9_.-]*)/log\\.json(?: |$)') AS of_log != '', of_log,
                is_shim, extract(line, '/([0-9a-f]{64})(?: |/|$)'),
                extract(line, '--bundle[ =]\\S*/([A-Za-z0-9][A-Za-z0-9_.-]*?)(?:/userdata)?/?(?: |$)') AS of_bundle != '', of_bundle,
                oci_verb IN ('create', 'start', 'run', 'delete') AND NOT startsWith(words[-1], '-'), words[-1],
                '') AS container_id,
            multiIf(
                told_namespace != '', told_namespace,
                extract(line, 'io\\.containerd\\.runtime\\.v[12][^/ ]*/([^/ ]+)/') AS of_path != '', of_path,
                extract(line, '--root[ =]/\\S*runc/([^/ ]+)(?: |$)')) AS runtime_namespace
        FROM read
    )
SELECT cluster, node, toStartOfMinute(time) AS minute, time, serial, pid, ppid, verb, container_id, runtime_namespace, is_of_disk, digest, {version:UInt64} AS version, 0 AS is_deleted
FROM called
WHERE verb != '' AND container_id != ''
