-- What each process did in a minute that may be a habit: programs executed, addresses and sockets connected, ports bound, directories written,
-- system calls that few programs need. One row a fact, with its first event; what a runtime does to prepare a container is left out.
-- Parameter: {version:UInt64}. Columns: those of process_facts.
--
-- Names are made alike where they are made up anew each time: numbers of four and more digits, long hexadecimal words, UUIDs, pids below /proc and
-- the endings of mktemp become *. Directories are told to the fifth level: deeper ones are data, not places.
WITH
    '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{17,}|[0-9a-f]{12,}|[0-9]{4,}' AS made_up,
    called AS
    (
        SELECT
            cluster, node, toStartOfMinute(time) AS minute, time, serial, pid, comm, exe, argv, syscall_name, success, path_names, path_names_absolute, path_types, addr_family, addr, port,
            digests[1] AS digest,
            syscall_name IN ('execve', 'execveat') AS is_exec,
            -- of another's memory, of mounts and namespaces, of the kernel, of nameless files
            syscall_name IN (
                'ptrace', 'process_vm_writev', 'process_vm_readv', 'mount', 'umount2', 'pivot_root', 'chroot', 'unshare', 'setns', 'move_mount', 'open_tree', 'fsopen',
                'init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load', 'bpf', 'perf_event_open', 'userfaultfd', 'open_by_handle_at', 'memfd_create',
                'keyctl', 'add_key', 'iopl', 'ioperm', 'swapon', 'reboot', 'settimeofday', 'clock_settime', 'adjtimex', 'sethostname', 'acct', 'quotactl') AS is_special,
            -- the second argument of open, the third of openat holds O_WRONLY 1, O_RDWR 2, O_CREAT 0100, O_TRUNC 01000
            multiIf(syscall_name = 'open', args[2], syscall_name = 'openat', args[3], '0') AS flags_hex,
            bitAnd(reinterpretAsUInt64(reverse(unhex(leftPad(flags_hex, 16, '0')))), 1 + 2 + 64 + 512) != 0 AS opens_to_write
        FROM auditd FINAL
        WHERE pid > 0 AND exe != '/' AND NOT match(comm, '^(runc|crun|youki)') AND /*scope minute*/ 1
            AND (is_special OR syscall_name IN ('execve', 'execveat', 'connect', 'bind',
                'open', 'openat', 'openat2', 'creat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat',
                'truncate', 'mknod', 'mknodat', 'chmod', 'fchmodat', 'chown', 'lchown', 'fchownat'))
    ),
    named AS
    (
        SELECT
            *,
            if(NOT is_exec, '', if(path_names_absolute[1] != '', path_names_absolute[1], path_names[1])) AS path,
            extract(exe, '[^/]*$') AS exe_name,
            -- the name it was called by: one file is many programs
            extract(argv[1], '[^/]*$') AS called_by,
            if(exe_name IN ('busybox', 'toybox'), if(called_by IN ('busybox', 'toybox'), argv[2], called_by), '') AS applet,
            extract(path, '[^/]*$') AS path_name,
            if(NOT startsWith(path, '/') OR match(path, '^/(proc/self|dev)/') OR path_name = exe_name, '', path) AS other_path
        FROM called
    ),
    told AS
    (
        SELECT
            cluster, node, minute, time, serial, pid, digest,
            multiIf(
                is_exec, if(success = 'no', [], [(
                    'exec',
                    multiIf(match(applet, '^[\\w[.-]{1,24}$'), concat(exe, ' ', applet), exe = '', path, other_path = '', exe, concat(other_path, ' (', exe, ')')),
                    toUInt16(0))]),
                syscall_name = 'connect' AND addr_family IN ('inet', 'inet6'), [('peer', replaceOne(lower(addr), '::ffff:', ''), port)],
                -- abstract sockets have no place
                syscall_name = 'connect' AND addr_family = 'unix' AND startsWith(addr, '/'), [('socket', addr, toUInt16(0))],
                -- a port of 0 is whichever is free, as those of the kernel's own range (net.ipv4.ip_local_port_range) mostly are
                syscall_name = 'bind' AND addr_family IN ('inet', 'inet6') AND port BETWEEN 1 AND 32767 AND success != 'no',
                    [('listen', if(startsWith(addr, '127.') OR addr = '::1', 'loopback', 'any'), port)],
                syscall_name IN ('connect', 'bind'), [],
                is_special, [('syscall', toString(syscall_name), toUInt16(0))],
                success = 'no' OR empty(path_names) OR syscall_name IN ('open', 'openat') AND NOT opens_to_write AND NOT has(path_types, 'CREATE'), [],
                arrayDistinct(arrayMap(
                    f -> ('write', extract(if(match(f, '^/[^/]*$'), '/', replaceRegexpOne(f, '/[^/]*$', '')), '^(?:/[^/]*){1,5}'), toUInt16(0)),
                    arrayFilter((f, t) -> startsWith(f, '/') AND t != 'PARENT',
                        arrayMap((a, n) -> if(a = '', n, a), arrayResize(path_names_absolute, length(path_names)), path_names), path_types)))) AS facts,
            if(NOT is_exec, '', multiIf(match(applet, '^[\\w[.-]{1,24}$'), applet, path_name = '' OR other_path = '', exe_name, path_name)) AS program
        FROM named
    )
SELECT
    cluster, node, minute, pid, f.1 AS kind,
    if(kind IN ('exec', 'socket', 'write'),
        replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(f.2, made_up, '*'), '^/proc/[0-9]+', '/proc/*'), '(/tmp[.-]?)[A-Za-z0-9_]{6,12}(/|$| )', '\\1*\\2'),
        f.2) AS value,
    f.3 AS port,
    argMin(replaceRegexpAll(program, made_up, '*'), (t.time, t.serial)) AS program,
    min(t.time) AS time,
    argMin(serial, (t.time, t.serial)) AS serial,
    count() AS events,
    argMin(digest, (t.time, t.serial)) AS digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (SELECT *, arrayJoin(facts) AS f FROM told) AS t
GROUP BY cluster, node, minute, pid, kind, value, port
