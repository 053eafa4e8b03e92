-- Objects that own others or are owned, pods left out: one row a UID, with its own owner, who made and who deleted it.
-- Parameter: {version:UInt64}. Columns: those of owners.
-- Algorithm: an object is known by requests about it and by the ownerReferences that name it. Where bodies were not kept, the create
-- request says no UID: it is the last one of that name before the object was first seen. A ReplicaSet or Job whose body was not kept is
-- given to the Deployment or CronJob that it is named after, if there was one (NAME-<hash>, NAME-<minutes since 1970>).
WITH
    named AS
    (
        SELECT
            cluster,
            owner_uid AS uid,
            max(owner_kind) AS kind,
            max(owner_name) AS name,
            max(namespace) AS namespace,
            min(time) AS first_seen,
            max(time) AS last_seen
        FROM k8s_audit FINAL
        WHERE owner_uid != '' AND /*scope owner (cluster, owner_uid)*/ 1
        GROUP BY cluster, owner_uid
    ),
    seen AS
    (
        SELECT
            cluster,
            object_uid AS uid,
            max(resource) AS resource,
            max(namespace) AS namespace,
            max(name) AS name,
            argMaxIf((owner_kind, owner_name, owner_uid), (time, digest), owner_uid != '') AS owner,
            argMaxIf(labels, (time, digest), notEmpty(labels)) AS labels,
            -- applied on the server's side, an object is made by a patch that answers 201
            argMinIf((username, audit_id, arrayStringConcat(source_ips, ' '), time, digest), (time, digest), verb = 'create' OR code = 201) AS made,
            argMinIf((username, audit_id, time, digest), (time, digest), verb = 'delete') AS deleted,
            min(time) AS first_seen,
            max(time) AS last_seen
        FROM k8s_audit FINAL
        WHERE object_uid != '' AND resource NOT IN ('pods', 'events', 'leases') AND code < 400 AND subresource IN ('', 'status')
          AND position(request_uri, 'dryRun=') = 0
          AND /*scope owner (cluster, object_uid)*/ 1
        GROUP BY cluster, object_uid
    ),
    known AS
    (
        SELECT
            if(s.uid != '', s.cluster, n.cluster) AS cluster,
            if(s.uid != '', s.uid, n.uid) AS uid,
            n.kind AS kind,
            -- as Kubernetes guesses the resource of a kind (meta.UnsafeGuessKindToResource)
            multiIf(s.resource != '', toString(s.resource), n.kind = '', '',
                match(n.kind, 's$'), concat(lower(n.kind), 'es'), match(n.kind, 'y$'), concat(substring(lower(n.kind), 1, length(n.kind) - 1), 'ies'),
                concat(lower(n.kind), 's')) AS resource,
            if(s.uid != '', s.namespace, n.namespace) AS namespace,
            if(s.name != '', s.name, n.name) AS name,
            s.owner AS owner,
            s.labels AS labels,
            s.made AS made,
            s.deleted AS deleted,
            arrayMin(arrayFilter(t -> t > 0, [s.first_seen, n.first_seen])) AS first_seen,
            greatest(s.last_seen, n.last_seen) AS last_seen,
            first_seen + INTERVAL 1 SECOND AS by_then
        FROM seen AS s FULL JOIN named AS n ON s.cluster = n.cluster AND s.uid = n.uid
    ),
    requests AS
    (
        SELECT cluster, toString(resource) AS resource, namespace, name, verb, username, audit_id, arrayStringConcat(source_ips, ' ') AS address, time, digest
        FROM k8s_audit FINAL
        -- what was deleted since is not the one that is there
        WHERE subresource = '' AND name != '' AND code < 400 AND (verb = 'delete' OR object_uid = '' AND (verb = 'create' OR code = 201))
          AND position(request_uri, 'dryRun=') = 0
    ),
    namesakes AS
    (
        SELECT cluster, toString(resource) AS resource, namespace, name, object_uid AS uid, min(time) AS seen_at
        FROM k8s_audit FINAL
        WHERE object_uid != '' AND resource IN ('deployments', 'cronjobs') AND code < 400
        GROUP BY cluster, resource, namespace, name, uid
    ),
    made AS
    (
        SELECT
            k.*,
            if(k.made.2 != '' OR r.verb = 'delete', k.made, (r.username, r.audit_id, r.address, r.time, r.digest)) AS creation,
            multiIf(k.owner.3 != '', '', k.resource = 'replicasets', 'deployments', k.resource = 'jobs', 'cronjobs', '') AS of_resource,
            if(k.resource = 'jobs', extract(k.name, '^(.+)-[0-9]{8,}$'), extract(k.name, '^(.+)-[a-z0-9]{1,10}$')) AS of_name
        FROM known AS k
        ASOF LEFT JOIN requests AS r ON k.cluster = r.cluster AND k.resource = r.resource AND k.namespace = r.namespace AND k.name = r.name AND k.by_then >= r.time
    )
SELECT
    m.cluster AS cluster,
    m.uid AS uid,
    m.kind AS kind,
    m.resource AS resource,
    m.namespace AS namespace,
    m.name AS name,
    multiIf(m.owner.3 != '', m.owner.1, n.uid = '', '', m.of_resource = 'deployments', 'Deployment', 'CronJob') AS owner_kind,
    multiIf(m.owner.3 != '', m.owner.2, n.uid = '', '', m.of_name) AS owner_name,
    if(m.owner.3 != '', m.owner.3, n.uid) AS owner_uid,
    multiIf(m.owner.3 != '', 'owner-reference', n.uid != '', 'name', '') AS owner_method,
    m.labels AS labels,
    m.creation.1 AS created_by,
    m.creation.2 AS created_audit_id,
    m.creation.3 AS created_from,
    m.creation.4 AS created_at,
    m.deleted.1 AS deleted_by,
    m.deleted.2 AS deleted_audit_id,
    m.deleted.3 AS deleted_at,
    m.first_seen AS first_seen,
    m.last_seen AS last_seen,
    arraySort(arrayDistinct(arrayFilter(d -> d != toFixedString('', 32), [m.creation.5, m.deleted.4]))) AS digests,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM made AS m
ASOF LEFT JOIN namesakes AS n ON m.cluster = n.cluster AND m.of_resource = n.resource AND m.namespace = n.namespace AND m.of_name = n.name AND m.by_then >= n.seen_at
WHERE m.kind != '' OR m.owner.3 != '' OR m.resource IN ('deployments', 'replicasets', 'statefulsets', 'daemonsets', 'replicationcontrollers', 'jobs', 'cronjobs')
