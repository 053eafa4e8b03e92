-- Containers with what ended them, and the evidence that tells of them and of whose process an audit event is.

-- What the collector read in /proc/PID/cgroup the moment the event appeared (docs/reference/collect.md): not in the event's bytes, but in its envelope.
ALTER TABLE auditd
    ADD COLUMN IF NOT EXISTS cgroup_container_id LowCardinality(String) AFTER oversized,
    ADD COLUMN IF NOT EXISTS container_from LowCardinality(String) AFTER cgroup_container_id, -- cgroup | host | unknown | gone; '' no collector on the node
    ADD COLUMN IF NOT EXISTS cgroup LowCardinality(String) AFTER container_from;              -- of one that is in a container which its cgroup does not name

-- Names of a pod's init containers, and each container of a pod as its status tells, with the one it took the place of. Times are whole
-- seconds, 1970 not told.
ALTER TABLE k8s_audit ADD COLUMN IF NOT EXISTS init_containers Array(String) AFTER container_ids;
ALTER TABLE k8s_audit ADD COLUMN IF NOT EXISTS container_statuses Array(Tuple(
    kind LowCardinality(String), name String, container_id String, image String, image_id String,
    started_at DateTime64(3, 'UTC'), finished_at DateTime64(3, 'UTC'), exit_code Int32, signal Int32, reason LowCardinality(String))) AFTER init_containers;

-- kind is sandbox | init | container | ephemeral.
ALTER TABLE containers
    ADD COLUMN IF NOT EXISTS first_seen DateTime64(9, 'UTC') AFTER exit_status,       -- of anything that tells of it
    ADD COLUMN IF NOT EXISTS last_seen DateTime64(9, 'UTC') AFTER first_seen,
    ADD COLUMN IF NOT EXISTS ended_by LowCardinality(String) AFTER last_seen,         -- exit | signal | oom | deleted | node gone | unknown; '' nothing tells of an end
    ADD COLUMN IF NOT EXISTS known_by Array(LowCardinality(String)) AFTER ended_by,   -- runtime | documents | api | auditd | cgroup
    ADD COLUMN IF NOT EXISTS begin_digests Array(FixedString(32)) AFTER known_by,     -- the records that tell when it began
    ADD COLUMN IF NOT EXISTS end_digests Array(FixedString(32)) AFTER begin_digests;  -- and when it ended

ALTER TABLE process_runs
    ADD COLUMN IF NOT EXISTS cgroup_ids Array(String) AFTER leaves,       -- containers that its cgroup named
    ADD COLUMN IF NOT EXISTS cgroups Array(String) AFTER cgroup_ids,      -- cgroups of containers that name none
    ADD COLUMN IF NOT EXISTS on_host Bool AFTER cgroups;                  -- its cgroup was the node's, runc's own part left out
