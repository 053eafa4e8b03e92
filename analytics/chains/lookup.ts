// What growth asks of the store: a handful of questions, each for a whole round of entities at once, so that the work follows the
// size of a chain and not of the store. All answers are of one cluster.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import {
  acceptRow,
  CONTAINER,
  connectionRow,
  containerRow,
  fileRow,
  LOGIN,
  loginRow,
  number,
  OWNED,
  objectRow,
  PROCESS,
  processRow,
  REQUEST,
  refusalRow,
  requestRow,
  sessionRow,
  text,
  usageRow,
} from './facts.ts';
import { besideLookup } from './lookup-beside.ts';

export type Lookup = ReturnType<typeof createLookup>;

// a column and what is made of it may share a name: inside expressions the name means the column
const SETTINGS = 'SETTINGS prefer_column_name_to_alias = 1';

/**
 * Questions about one cluster. Lists of keys may be empty: then nothing is asked.
 * @param events a table of chain-events.sql
 */
export function createLookup(store: Store, cluster: string, events: string) {
  const ask = async <T>(row: z.ZodType<T>, sql: string, params: Record<string, unknown>, keys: readonly unknown[]) =>
    keys.length === 0
      ? []
      : z.array(row).parse(await store.rows(`${sql} ${SETTINGS}`, { cluster, ...params }, 'background'));
  const here = 'WHERE cluster = {cluster:String}';
  return {
    processes: (keys: readonly string[]) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND process_key IN {keys:Array(String)} ORDER BY first_seen, node, key`,
        { keys },
        keys,
      ),
    children: (keys: readonly string[]) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND parent_key IN {keys:Array(String)} ORDER BY first_seen, node, key`,
        { keys },
        keys,
      ),
    inContainers: (ids: readonly string[]) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND container_id IN {ids:Array(String)} ORDER BY first_seen, node, key`,
        { ids },
        ids,
      ),
    /** Processes of the node itself whose shell command stands in `text`. */
    nodeJobsNamedIn: (node: string, words: string, from: number) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND node = {node:String} AND container_id = '' AND first_seen >= fromUnixTimestamp64Milli({from:Int64})
           AND length(first_argv) >= 3 AND match(first_argv[1], '(^|/)(ba|da|a|k|z)?sh$') AND first_argv[2] = '-c'
           AND length(first_argv[3]) >= 8 AND position({words:String}, first_argv[3]) > 0
         ORDER BY first_seen, node, key`,
        { node, words, from },
        [1],
      ),
    /** Processes of the node itself that ran a file, or were called with it. */
    nodeRunsOf: (node: string, path: string, from: number) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND node = {node:String} AND container_id = '' AND first_seen >= fromUnixTimestamp64Milli({from:Int64})
           AND (exe = {path:String} OR has(argv, {path:String}) OR has(first_argv, {path:String}))
         ORDER BY first_seen, node, key`,
        { node, path, from },
        [1],
      ),
    /**
     * Programs that started in a container within `within` ms after one of the times, other than its first process, execs and what
     * runc does: children of something that serves, or that auditd never saw.
     */
    startedAfter: (times: readonly number[], within: number) =>
      ask(
        processRow,
        `${PROCESS} ${here} AND container_id != '' AND NOT setup AND exec_id = '' AND method != 'runtime-pid'
           AND arrayExists(t -> toUnixTimestamp64Milli(first_seen) BETWEEN t AND t + {within:Int64}, {times:Array(Int64)})
         ORDER BY first_seen, node, key`,
        { times: [...new Set(times)], within },
        times,
      ),
    /** When each of the processes began to serve (bind, listen or accept), ms. */
    servesSince: async (keys: readonly string[]) => {
      const rows = await ask(
        z.object({ key: text, since: number }),
        `SELECT process_key AS key, toUnixTimestamp64Milli(min(time)) AS since FROM ${events}
         ${here} AND layer = 'auditd' AND process_key IN {keys:Array(String)} AND action IN ('bind', 'listen', 'accept', 'accept4')
         GROUP BY key`,
        { keys },
        keys,
      );
      return new Map(rows.map((r) => [r.key, r.since]));
    },
    connections: (keys: readonly string[]) =>
      ask(
        connectionRow,
        `SELECT node, process_key AS key, extract(object, '^\\\\[?([0-9a-fA-F.:]+?)\\\\]?:\\\\d+$') AS addr, toUInt32OrZero(extract(object, ':(\\\\d+)$')) AS port,
                toUnixTimestamp64Milli(time) AS time, lower(hex(digest)) AS digest
         FROM ${events} ${here} AND layer = 'auditd' AND action = 'connect' AND process_key IN {keys:Array(String)} AND addr != ''
         ORDER BY time, node, event_id`,
        { keys },
        keys,
      ),
    /** Files created, opened for writing, renamed or changed by the processes, absolute as the container sees them. */
    filesWritten: (keys: readonly string[]) =>
      ask(
        fileRow,
        `SELECT a.node AS node, t.process_key AS key, t.container_id AS container_id, p.1 AS path, toUnixTimestamp64Milli(a.time) AS time, lower(hex(a.digests[1])) AS digest
         FROM (SELECT * FROM attributions FINAL ${here} AND process_key IN {keys:Array(String)}) AS t
         INNER JOIN (SELECT * FROM auditd FINAL ${here} AND success = 'yes' AND notEmpty(path_names)
                     AND (has(path_types, 'CREATE') OR syscall_name IN ('rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'chmod', 'fchmodat', 'truncate')
                          OR (syscall_name IN ('open', 'openat') AND bitAnd(reinterpretAsUInt32(reverse(unhex(leftPad(args[if(syscall_name = 'open', 2, 3)], 8, '0')))), 3) > 0))) AS a
           ON a.node = t.node AND a.time = t.time AND a.serial = t.serial
         ARRAY JOIN arrayFilter(p -> p.2 IN ('CREATE', 'NORMAL'), arrayMap((n, y) -> (if(startsWith(n, '/'), n, concat(a.cwd, '/', n)), y), a.path_names, a.path_types)) AS p
         ORDER BY time, node, a.serial, path`,
        { keys },
        keys,
      ),
    /** Unix sockets the processes connected to. */
    socketConnections: (keys: readonly string[]) =>
      ask(
        z.object({ key: text, path: text, time: number, digest: text }),
        `SELECT process_key AS key, object AS path, toUnixTimestamp64Milli(min(time)) AS time, lower(hex(argMin(digest, (time, node, event_id)))) AS digest
         FROM ${events} ${here} AND layer = 'auditd' AND action = 'connect' AND startsWith(object, '/') AND outcome = 'success'
           AND process_key IN {keys:Array(String)}
         GROUP BY key, path ORDER BY min(time), key, path`,
        { keys },
        keys,
      ),
    /** Unix sockets that processes on one node connected to between the times, which shims and the kubelet's own do all the time: in containers, or with `word` among their arguments. */
    socketClients: (node: string, from: number, to: number, word: string) =>
      ask(
        z.object({ key: text, path: text, time: number, digest: text, names: z.coerce.boolean() }),
        `SELECT e.process_key AS key, e.path AS path, e.time AS time, e.digest AS digest, has(p.argv, {word:String}) AS names
         FROM (SELECT process_key, object AS path, toUnixTimestamp64Milli(max(time)) AS time, lower(hex(argMax(digest, (time, event_id)))) AS digest
               FROM ${events} ${here} AND node = {node:String} AND layer = 'auditd' AND action = 'connect' AND startsWith(object, '/') AND outcome = 'success'
                 AND process_key != '' AND toUnixTimestamp64Milli(time) BETWEEN {from:Int64} AND {to:Int64}
               GROUP BY process_key, path) AS e
         INNER JOIN (SELECT process_key, container_id, argv FROM processes FINAL ${here} AND node = {node:String}) AS p ON p.process_key = e.process_key
         WHERE p.container_id != '' OR names
         ORDER BY time, key, path`,
        { node, from, to, word },
        [1],
      ),
    requests: (ids: readonly string[]) => ask(requestRow, REQUEST('audit_id IN {ids:Array(String)}'), { ids }, ids),
    requestsOfProcesses: (keys: readonly string[]) =>
      ask(
        requestRow,
        REQUEST(
          'audit_id IN (SELECT audit_id FROM callers FINAL WHERE cluster = {cluster:String} AND process_key IN {keys:Array(String)})',
        ),
        { keys },
        keys,
      ),
    requestsFrom: (addresses: readonly string[]) =>
      ask(requestRow, REQUEST('hasAny(source_ips, {addresses:Array(String)})'), { addresses }, addresses),
    /** Requests made with these credentials. */
    requestsWith: (credentials: readonly string[]) =>
      ask(requestRow, REQUEST('credential_id IN {credentials:Array(String)}'), { credentials }, credentials),
    /** Requests with a token bound to these pods that came from an address the pod never had; pods on the host's network are left out. */
    podTokensElsewhere: (podUids: readonly string[]) =>
      ask(
        requestRow,
        REQUEST(`user_pod_uid IN {podUids:Array(String)} AND user_pod_uid IN
          (SELECT pod_uid FROM pods FINAL WHERE cluster = {cluster:String} AND NOT host_network AND notEmpty(ips))
          AND NOT arrayExists(ip -> (user_pod_uid, ip) IN (SELECT pod_uid, ip FROM pods FINAL ARRAY JOIN ips AS ip WHERE cluster = {cluster:String}), source_ips)`),
        { podUids },
        podUids,
      ),
    creationsOf: (uids: readonly string[]) =>
      ask(
        requestRow,
        REQUEST(`object_uid IN {uids:Array(String)} AND verb = 'create' AND subresource = '' AND code < 400`),
        { uids },
        uids,
      ),
    /** Requests that added ephemeral containers to these pods. */
    ephemeralOf: (uids: readonly string[]) =>
      ask(
        requestRow,
        REQUEST(
          `object_uid IN {uids:Array(String)} AND subresource = 'ephemeralcontainers' AND verb != 'get' AND code < 400`,
        ),
        { uids },
        uids,
      ),
    /** What controllers made for these objects; `at` in ms. */
    ownedBy: (uids: readonly string[]) =>
      ask(
        objectRow,
        `SELECT object_uid AS uid, any(owner_uid) AS owner_uid, any(resource) AS resource, any(namespace) AS namespace, any(name) AS name,
                argMin(audit_id, time) AS audit_id, lower(hex(argMin(digest, time))) AS digest, toUnixTimestamp64Milli(min(time)) AS at
         FROM k8s_audit FINAL ${here} AND owner_uid IN {uids:Array(String)} AND object_uid != '' AND verb = 'create' AND code < 400
         GROUP BY uid ORDER BY at, uid`,
        { uids },
        uids,
      ),
    /** Pods of these workloads; the controller's own steps in between may have been logged without bodies. `at` in ms. */
    podsOf: (uids: readonly string[]) =>
      ask(
        objectRow,
        `SELECT pod_uid AS uid, workload_uid AS owner_uid, 'pods' AS resource, namespace, pod AS name, created_audit_id AS audit_id,
                if(empty(begin_digests), '', lower(hex(begin_digests[1]))) AS digest, toUnixTimestamp64Milli(if(created_at > 0, created_at, first_seen)) AS at
         FROM pods FINAL ${here} AND workload_uid IN {uids:Array(String)} AND pod_uid NOT IN ('', workload_uid) AND owner_uid != workload_uid ORDER BY at, uid`,
        { uids },
        uids,
      ),
    ownersOf: (uids: readonly string[]) => ask(objectRow, OWNED(here), { uids }, uids),
    containers: (ids: readonly string[], podUids: readonly string[]) =>
      ask(
        containerRow,
        `${CONTAINER} ${here} AND (container_id IN {ids:Array(String)} OR pod_uid IN {podUids:Array(String)}) ORDER BY id, node`,
        { ids, podUids },
        [...ids, ...podUids],
      ),
    /** Containers of the pods that ever had these addresses, each with the address. */
    containersAt: (addresses: readonly string[]) =>
      ask(
        z.object({ id: text, ip: text }),
        `SELECT c.container_id AS id, p.ip AS ip
         FROM (SELECT pod_uid, ip FROM pods FINAL ARRAY JOIN ips AS ip ${here} AND NOT host_network AND ip IN {addresses:Array(String)}) AS p
         INNER JOIN (SELECT container_id, pod_uid FROM containers FINAL ${here} AND kind != 'sandbox') AS c ON c.pod_uid = p.pod_uid ORDER BY id, ip`,
        { addresses },
        addresses,
      ),
    /** Containers of one node that began in (from, to]. */
    containersBegun: (node: string, from: number, to: number) =>
      ask(
        containerRow,
        `${CONTAINER} ${here} AND node = {node:String} AND kind != 'sandbox'
           AND toUnixTimestamp64Milli(if(started_at > 0, started_at, created_at)) BETWEEN {from:Int64} + 1 AND {to:Int64} ORDER BY id`,
        { node, from, to },
        [1],
      ),
    sessionsOf: (requestIds: readonly string[], keys: readonly string[]) =>
      ask(
        sessionRow,
        `SELECT session_id AS audit_id, node, process_key AS key, container_id, confidence, command FROM sessions FINAL
         ${here} AND kind = 'exec' AND process_key != '' AND (session_id IN {requestIds:Array(String)} OR process_key IN {keys:Array(String)}) ORDER BY audit_id`,
        { requestIds, keys },
        [...requestIds, ...keys],
      ),
    /** Logins on nodes with one of these processes inside, or from these addresses. */
    logins: (keys: readonly string[], addresses: readonly string[] = []) =>
      ask(
        loginRow,
        `${LOGIN} ${here} AND (source_ip IN {addresses:Array(String)} OR session_id IN
           (SELECT session_id FROM session_processes FINAL ${here} AND process_key IN {keys:Array(String)}))
         ORDER BY requested_at, node, key`,
        { keys, addresses },
        [...keys, ...addresses],
      ),
    /** Processes of nodes themselves that ran inside these sessions, each with its session. */
    inSessions: (sessions: readonly string[]) =>
      ask(
        processRow.extend({ session_id: text }),
        `SELECT i.session_id AS session_id, p.* FROM (${PROCESS} ${here} AND container_id = '' AND NOT setup) AS p
         INNER JOIN (SELECT node, process_key AS key, session_id FROM session_processes FINAL ${here} AND session_id IN {sessions:Array(String)}) AS i
           ON i.node = p.node AND i.key = p.key
         ORDER BY first_seen, node, key`,
        { sessions },
        sessions,
      ),
    /** The first word with which each process refused somebody from these addresses. */
    refusals: (addresses: readonly string[]) =>
      ask(
        refusalRow,
        `SELECT t.node AS node, t.process_key AS key, any(a.addr) AS addr, argMin(a.acct, a.time) AS account, toUnixTimestamp64Milli(min(a.time)) AS time,
                lower(hex(argMin(a.digest, a.time))) AS digest
         FROM (SELECT node, time, serial, fields['addr'] AS addr, acct, digests[1] AS digest FROM auditd FINAL
               ${here} AND hasAny(record_types, ['USER_AUTH', 'USER_LOGIN', 'USER_ERR']) AND result = 'failed' AND addr IN {addresses:Array(String)}) AS a
         INNER JOIN (SELECT node, time, serial, process_key FROM attributions FINAL ${here}) AS t ON t.node = a.node AND t.time = a.time AND t.serial = a.serial
         GROUP BY t.node, t.process_key ORDER BY min(a.time), t.node, t.process_key`,
        { addresses },
        addresses,
      ),
    /** Execs that a client of the runtime asked for itself, past the API, by the client's process or by the exec's. */
    runtimeExecs: (keys: readonly string[]) =>
      ask(
        z.object({ node: text, client: text, key: text, confidence: number, command: z.array(text) }),
        `SELECT node, client_key AS client, process_key AS key, confidence, command FROM sessions FINAL
         ${here} AND kind = 'runtime-exec' AND client_key != '' AND process_key != '' AND (client_key IN {keys:Array(String)} OR process_key IN {keys:Array(String)})
         ORDER BY node, requested_at, key`,
        { keys },
        keys,
      ),
    accepts: (addresses: readonly string[]) =>
      ask(
        acceptRow,
        `SELECT node, process_key AS key, extract(object, '^\\\\[?(.+?)\\\\]?:\\\\d+$') AS addr, toUnixTimestamp64Milli(time) AS time, lower(hex(digest)) AS digest, event_id
         FROM ${events} ${here} AND layer = 'auditd' AND action IN ('accept', 'accept4') AND addr IN {addresses:Array(String)}
         ORDER BY time, node, event_id`,
        { addresses },
        addresses,
      ),
    /** How often each principal used each address: what is usual. */
    usage: (principals: readonly string[]) =>
      ask(
        usageRow,
        `SELECT username AS principal, source_ips[1] AS source_ip, uniqExact(audit_id) AS requests FROM k8s_audit FINAL
         ${here} AND username IN {principals:Array(String)} GROUP BY principal, source_ip`,
        { principals },
        principals,
      ),
    ...besideLookup(ask, events),
  };
}
