-- The workload at the top of each object that owns pods: ReplicaSet -> Deployment, Job -> CronJob, and what custom controllers own.
-- Parameter: {version:UInt64}. Columns: those of workloads.
-- Algorithm: up to five owners are climbed (a Deployment owned by an operator's object owned by an application's makes four); a circle,
-- which only a forged body can hold, ends there. An owner that no record tells of but its name is the top all the same.
WITH
    links AS
    (
        SELECT cluster, uid, owner_kind, owner_name, owner_uid, owner_method FROM owners FINAL WHERE owner_uid != ''
    ),
    climbed AS
    (
        SELECT
            o.cluster AS cluster,
            o.uid AS uid,
            o.namespace AS namespace,
            [(toString(if(o.kind = '', o.resource, o.kind)), o.name, o.uid, ''), (toString(a.owner_kind), a.owner_name, a.owner_uid, toString(a.owner_method)),
             (toString(b.owner_kind), b.owner_name, b.owner_uid, toString(b.owner_method)), (toString(c.owner_kind), c.owner_name, c.owner_uid, toString(c.owner_method)),
             (toString(d.owner_kind), d.owner_name, d.owner_uid, toString(d.owner_method))] AS all_steps,
            arrayFilter((s, i) -> s.3 != '' AND NOT arrayExists(e -> e.3 = s.3, arraySlice(all_steps, 1, i - 1)), all_steps, arrayEnumerate(all_steps)) AS steps
        FROM (SELECT * FROM owners FINAL WHERE /*scope owner (cluster, uid)*/ 1) AS o
        LEFT ANY JOIN links AS a ON a.cluster = o.cluster AND a.uid = o.uid
        LEFT ANY JOIN links AS b ON b.cluster = a.cluster AND b.uid = a.owner_uid
        LEFT ANY JOIN links AS c ON c.cluster = b.cluster AND c.uid = b.owner_uid
        LEFT ANY JOIN links AS d ON d.cluster = c.cluster AND d.uid = c.owner_uid
        WHERE o.kind != ''
    ),
    told AS
    (
        SELECT
            c.cluster AS cluster,
            c.uid AS uid,
            c.namespace AS namespace,
            c.steps AS steps,
            t.resource AS resource,
            t.labels AS labels,
            t.created_by AS created_by,
            t.created_audit_id AS created_audit_id,
            t.created_from AS created_from,
            t.created_at AS created_at,
            t.digests AS digests,
            -- who deletes a workload deletes its pods: the first of the owners to go
            arraySort(x -> x.3, arrayFilter(x -> x.2 != '', [(o.deleted_by, o.deleted_audit_id, o.deleted_at), (t.deleted_by, t.deleted_audit_id, t.deleted_at)]))[1] AS deletion
        FROM climbed AS c
        LEFT ANY JOIN (SELECT * FROM owners FINAL) AS o ON o.cluster = c.cluster AND o.uid = c.uid
        LEFT ANY JOIN (SELECT * FROM owners FINAL) AS t ON t.cluster = c.cluster AND t.uid = c.steps[-1].3
    )
SELECT
    cluster,
    uid,
    steps[-1].1 AS workload_kind,
    steps[-1].2 AS workload_name,
    steps[-1].3 AS workload_uid,
    arrayMap(s -> concat(s.1, '/', s.2), steps) AS path,
    if(has(arrayMap(s -> s.4, steps), 'name'), 'name', 'owner-reference') AS method,
    resource,
    namespace,
    labels,
    created_by,
    created_audit_id,
    created_from,
    created_at,
    deletion.1 AS deleted_by,
    deletion.2 AS deleted_audit_id,
    deletion.3 AS deleted_at,
    digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM told
