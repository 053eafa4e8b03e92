-- Records that must outlive the bulk data. Columns: cluster, digest.
-- What is held, the members of chains, and what a chain stands on: all that is known of the containers and pods in which the
-- intruder did something (role core). Without it `correlate` could not find the chain again, for its members do not say
-- themselves whose they are.
WITH
    core AS (SELECT cluster, digest FROM chain_members FINAL WHERE role = 'core'),
    touched AS
    (
        SELECT DISTINCT cluster, container_id, pod_uid FROM events FINAL
        WHERE (cluster, digest) IN (SELECT cluster, digest FROM core) AND (container_id != '' OR pod_uid != '')
    ),
    touched_pods AS
    (
        SELECT cluster, pod_uid FROM touched WHERE pod_uid != ''
        UNION DISTINCT
        SELECT cluster, pod_uid FROM containers FINAL WHERE pod_uid != '' AND (cluster, container_id) IN (SELECT cluster, container_id FROM touched WHERE container_id != '')
    ),
    touched_containers AS
    (
        SELECT cluster, container_id FROM touched WHERE container_id != ''
        UNION DISTINCT
        SELECT cluster, container_id FROM containers FINAL WHERE (cluster, pod_uid) IN (SELECT cluster, pod_uid FROM touched_pods)
    )
SELECT cluster, digest FROM holds FINAL
UNION DISTINCT SELECT cluster, digest FROM chain_members FINAL
UNION DISTINCT SELECT cluster, digest FROM events FINAL WHERE (cluster, container_id) IN (SELECT cluster, container_id FROM touched_containers)
UNION DISTINCT SELECT cluster, digest FROM events FINAL WHERE (cluster, pod_uid) IN (SELECT cluster, pod_uid FROM touched_pods)
UNION DISTINCT SELECT cluster, digest FROM runtime FINAL WHERE (cluster, container_id) IN (SELECT cluster, container_id FROM touched_containers)
UNION DISTINCT SELECT cluster, arrayJoin(digests) AS digest FROM containers FINAL WHERE (cluster, container_id) IN (SELECT cluster, container_id FROM touched_containers)
UNION DISTINCT SELECT cluster, arrayJoin(digests) AS digest FROM pods FINAL WHERE (cluster, pod_uid) IN (SELECT cluster, pod_uid FROM touched_pods)
UNION DISTINCT SELECT cluster, arrayJoin(digests) AS digest FROM sessions FINAL WHERE (cluster, container_id) IN (SELECT cluster, container_id FROM touched_containers)
UNION DISTINCT SELECT cluster, arrayJoin(digests) AS digest FROM processes FINAL WHERE (cluster, container_id) IN (SELECT cluster, container_id FROM touched_containers)
-- an auditd event may be in several records, of which the others name one
UNION DISTINCT SELECT cluster, arrayJoin(digests) AS digest FROM auditd FINAL WHERE length(digests) > 1
    AND arrayExists(d -> (cluster, d) IN (SELECT cluster, digest FROM chain_members FINAL UNION DISTINCT SELECT cluster, digest FROM holds FINAL), digests)
