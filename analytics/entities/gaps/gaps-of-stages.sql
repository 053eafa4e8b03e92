-- Requests to the API server of which a stage came and the last one never did, long after it was due.
-- Columns: cluster, from and to (ms), stage, what, digest.
--
-- A request ends within its timeout (60 s where nobody asked for another), a watch within the one it asked for or the server drew
-- (30 to 60 min by default). exec, attach, port-forward, proxies and logs may last for ever: nothing is said of them. Five minutes more
-- are allowed for clocks and collectors. Whether the policy has last stages at all is learned: other requests of the same user, verb,
-- resource and namespace have one four times as often as none, and three at least.
WITH
    first_stages AS
    (
        SELECT
            cluster, audit_id,
            min(time) AS begun,
            max(stage_time) AS heard,
            if(has(groupUniqArray(stage), 'ResponseStarted'), 'ResponseStarted', 'RequestReceived') AS stage,
            max(verb) AS verb, max(resource) AS resource, max(subresource) AS subresource, max(namespace) AS namespace, max(username) AS username,
            max(request_uri) AS uri,
            argMax(digest, (stage_time, digest)) AS digest
        FROM k8s_audit FINAL
        WHERE stage IN ('RequestReceived', 'ResponseStarted') AND audit_id != '' AND time > toDateTime64('2015-01-01 00:00:00', 9, 'UTC')
          AND toString(toYYYYMM(time)) NOT IN (SELECT partition FROM retention_drops FINAL)
        GROUP BY cluster, audit_id
    ),
    ended AS
    (
        SELECT DISTINCT cluster, audit_id FROM k8s_audit
        WHERE stage IN ('ResponseComplete', 'Panic') AND (cluster, audit_id) IN (SELECT cluster, audit_id FROM first_stages)
    ),
    newest AS (SELECT cluster, max(stage_time) AS newest FROM k8s_audit GROUP BY cluster),
    due AS
    (
        SELECT
            *,
            toInt64OrDefault(extract(uri, '[?&]timeoutSeconds=(\\d+)'), toInt64(0)) AS asked_s,
            multiIf(subresource IN ('exec', 'attach', 'portforward', 'proxy', 'log') OR verb IN ('connect', 'proxy'), 0,
                    verb != 'watch', greatest(asked_s, 60) + 300,
                    asked_s > 0, asked_s + 300,
                    3900) AS due_s
        FROM first_stages
    ),
    judged AS
    (
        SELECT
            f.cluster AS cluster, f.audit_id AS audit_id, f.begun AS begun, f.heard AS heard, f.stage AS stage, f.verb AS verb, f.resource AS resource,
            f.subresource AS subresource, f.namespace AS namespace, f.username AS username, f.digest AS digest, f.due_s AS due_s,
            e.audit_id != '' AS has_ended,
            NOT has_ended AND f.due_s > 0 AND n.newest > f.begun + toIntervalSecond(f.due_s) AS is_overdue
        FROM due AS f
        LEFT JOIN ended AS e ON e.cluster = f.cluster AND e.audit_id = f.audit_id
        INNER JOIN newest AS n ON n.cluster = f.cluster
    ),
    learned AS
    (
        SELECT *, countIf(has_ended) OVER alike AS ends, countIf(is_overdue) OVER alike AS overdue
        FROM judged
        WINDOW alike AS (PARTITION BY cluster, stage, verb, resource, subresource, namespace, username)
    )
SELECT
    cluster,
    toUnixTimestamp64Milli(heard) AS from,
    toUnixTimestamp64Milli(begun + toIntervalSecond(due_s)) AS to,
    stage,
    concat(verb, ' ', resource, if(subresource = '', '', concat('/', subresource)), ' by ', username) AS what,
    lower(hex(digest)) AS digest
FROM learned
WHERE is_overdue AND ends >= 3 AND ends >= 4 * overdue
ORDER BY cluster, begun, audit_id
