-- Which device a container's root file system had, told by runc itself: while it prepares a container it names .../ID/rootfs,
-- and once the overlay is mounted there the PATH record shows the overlay's device. The shim names the same path before, and after the
-- overlay is gone: then the device is that of the directory, and all containers'.
-- Parameter: {version:UInt64}. Columns: those of rootfs_devices.
SELECT cluster, node, toStartOfMinute(time) AS minute, p.2 AS dev, extract(p.1, '/([^/]+)/rootfs$') AS container_id, max(time) AS mounted_at,
       {version:UInt64} AS version, 0 AS is_deleted
FROM auditd FINAL
ARRAY JOIN arrayZip(path_names, path_devs) AS p
WHERE endsWith(p.1, '/rootfs') AND startsWith(p.2, '00:') AND container_id != '' AND match(comm, '^(runc|crun|youki)') AND /*scope minute*/ 1
GROUP BY cluster, node, minute, dev, container_id
