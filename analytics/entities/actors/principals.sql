-- One row a principal: users, service accounts, nodes, anonymous, their groups, credentials and addresses, and those who were impersonated.
-- Parameter: {version:UInt64}. Columns: those of principals.
-- Algorithm: each way in which a user comes (ways.sql) counts for the user, the credential, the address and the groups. Lists hold list_max
-- entries, the first by their order: what more there is the requests themselves tell.
-- A request as someone else counts for who was authenticated; the one impersonated has a row with what was done in his name.
WITH
    1000 AS list_max,
    of_principals AS
    (
        SELECT
            *,
            -- (kind, name, in his name by another)
            arrayJoin(arrayFilter(p -> p.2 != '', arrayConcat(
                [('user', toString(username), false), (if(startsWith(credential_id, 'X509'), 'certificate', 'token'), credential_id, false), ('user', toString(impersonated_user), true)],
                arrayMap(g -> ('group', toString(g), false), user_groups),
                arrayMap(g -> ('group', toString(g), true), impersonated_groups),
                arrayMap(a -> ('address', a, false), arrayDistinct(source_ips))))) AS p,
            if(p.1 != 'user', p.1, multiIf(
                startsWith(p.2, 'system:serviceaccount:'), 'service-account',
                startsWith(p.2, 'system:node:'), 'node',
                p.2 = 'system:anonymous', 'anonymous',
                'user')) AS kind
        FROM (SELECT * EXCEPT (first_seen, last_seen, requests, refused), first_seen AS w_first, last_seen AS w_last, requests AS n, refused AS n_refused FROM ways FINAL)
    )
SELECT
    cluster,
    kind,
    p.2 AS principal,
    arraySlice(arraySort(if(kind = 'group', [], groupUniqArrayArrayIf(user_groups, NOT p.3))), 1, list_max) AS user_groups,
    arraySlice(arraySort(groupUniqArrayIf(credential_id, credential_id != '' AND NOT p.3 AND kind NOT IN ('certificate', 'token'))), 1, list_max) AS credential_ids,
    arraySlice(arraySort(if(kind = 'address', [], groupUniqArrayArray(source_ips))), 1, list_max) AS source_ips,
    arraySlice(arraySort(groupUniqArrayIf(user_agent, user_agent != '')), 1, list_max) AS user_agents,
    min((w_first, first_digest)).1 AS first_seen,
    max((w_last, last_digest)).1 AS last_seen,
    sumIf(n, NOT p.3) AS requests,
    sumIf(n_refused, NOT p.3) AS refused,
    arraySlice(arraySort(groupUniqArrayIf(toString(username), kind NOT IN ('user', 'service-account', 'node', 'anonymous') AND username != '')), 1, list_max) AS users,
    arraySlice(arraySort(groupUniqArrayIf(user_uid, user_uid != '' AND NOT p.3 AND kind IN ('user', 'service-account', 'node'))), 1, list_max) AS uids,
    arraySlice(arraySort(groupUniqArrayIf(user_pod_uid, user_pod_uid != '' AND kind IN ('service-account', 'token'))), 1, list_max) AS pod_uids,
    arraySlice(arraySort(groupUniqArrayIf(toString(username), p.3)), 1, list_max) AS impersonated_by,
    arraySlice(arraySort(groupUniqArrayIf(toString(impersonated_user), impersonated_user != '' AND NOT p.3 AND kind NOT IN ('group', 'address'))), 1, list_max) AS impersonates,
    sumIf(n, p.3) AS as_impersonated,
    min((w_first, first_digest)).2 AS first_digest,
    max((w_last, last_digest)).2 AS last_digest,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM of_principals
GROUP BY cluster, kind, principal
