// Facts of entities as the store gives them: rows, and the SELECTs that make them. Parameters: cluster, and what each WHERE names.
import { z } from 'zod';

export const text = z.string();
const texts = z.array(text);
export const number = z.coerce.number();
const flag = z.coerce.boolean();

export const processRow = z.object({
  node: text,
  key: text,
  pid: number,
  ppid: number,
  parent_key: text,
  container_id: text,
  exec_id: text,
  method: text,
  setup: flag,
  exe: text,
  comm: text,
  argv: texts,
  first_argv: texts,
  ses: number,
  first_seen: number,
  last_seen: number,
  digest: text,
});
/** One process; times in ms since 1970, digest of its first execve ('' when none was seen). */
export type ProcessFacts = z.infer<typeof processRow>;

export const PROCESS = `
  SELECT node, process_key AS key, pid, ppid, parent_key, container_id, exec_id, method, setup, exe, comm, argv, first_argv, ses,
         toUnixTimestamp64Milli(first_seen) AS first_seen, toUnixTimestamp64Milli(last_seen) AS last_seen,
         if(empty(digests), '', lower(hex(digests[1]))) AS digest
  FROM processes FINAL`;

export const requestRow = z.object({
  audit_id: text,
  time: number,
  verb: text,
  resource: text,
  subresource: text,
  namespace: text,
  name: text,
  object_uid: text,
  principal: text,
  source_ip: text,
  user_agent: text,
  code: number,
  credential_id: text,
  issued_credential: text,
  token_pod_uid: text,
  digest: text,
  caller_pod_uid: text,
  caller_process: text,
  caller_node: text,
  caller_container: text,
  caller_digest: text,
  caller_confidence: number,
});
/** One API request, its stages folded; digest of its last stage; caller_* '' when it came from no known pod. */
export type RequestFacts = z.infer<typeof requestRow>;

export const REQUEST = (where: string) => `
  SELECT r.*, c.pod_uid AS caller_pod_uid, c.process_key AS caller_process, c.node AS caller_node, c.container_id AS caller_container,
         if(c.process_key = '', '', lower(hex(c.digest))) AS caller_digest, c.confidence AS caller_confidence
  FROM
  (
    SELECT audit_id, toUnixTimestamp64Milli(min(time)) AS time, any(verb) AS verb, any(resource) AS resource, any(subresource) AS subresource,
           any(namespace) AS namespace, argMax(name, stage_time) AS name, argMax(object_uid, stage_time) AS object_uid, any(username) AS principal,
           any(source_ips[1]) AS source_ip, any(user_agent) AS user_agent, max(code) AS code, any(credential_id) AS credential_id, any(user_pod_uid) AS token_pod_uid,
           any(annotations['authentication.kubernetes.io/issued-credential-id']) AS issued_credential, lower(hex(argMax(digest, stage_time))) AS digest
    FROM k8s_audit FINAL
    WHERE cluster = {cluster:String} AND ${where}
    GROUP BY audit_id
  ) AS r
  LEFT ANY JOIN (SELECT * FROM callers FINAL WHERE cluster = {cluster:String}) AS c ON r.audit_id = c.audit_id
  ORDER BY time, audit_id`;

export const connectionRow = z.object({ node: text, key: text, addr: text, port: number, time: number, digest: text });
export const fileRow = z.object({ node: text, key: text, container_id: text, path: text, time: number, digest: text });
export const objectRow = z.object({
  uid: text,
  owner_uid: text,
  resource: text,
  namespace: text,
  name: text,
  audit_id: text,
  digest: text,
  at: number,
});
/** An object of the API and who owns it; `at` in ms since 1970. */
export type ObjectFacts = z.infer<typeof objectRow>;
export const containerRow = z.object({
  id: text,
  node: text,
  kind: text,
  name: text,
  namespace: text,
  pod: text,
  pod_uid: text,
  started_at: number,
  mount_sources: texts,
  mount_targets: texts,
  digest: text,
});
export const CONTAINER = `
  SELECT container_id AS id, node, kind, container_name AS name, namespace, pod, pod_uid,
         toUnixTimestamp64Milli(if(started_at > 0, started_at, created_at)) AS started_at, mount_sources, mount_targets,
         if(empty(digests), '', lower(hex(digests[1]))) AS digest
  FROM containers FINAL`;
export const sessionRow = z.object({
  audit_id: text,
  node: text,
  key: text,
  container_id: text,
  confidence: number,
  command: texts,
});
export const loginRow = z.object({
  session_id: text,
  node: text,
  key: text,
  ses: number,
  account: text,
  source_ip: text,
  digest: text,
});
/** A login of somebody on a node; `key` of the process that let him in. */
export type LoginFacts = z.infer<typeof loginRow>;

/** Objects of `uids` by what requests say of them; names also of those that only their children's owner references name. */
export const OWNED = (here: string) => `
  SELECT uid, anyIf(owner_uid, owner_uid != '') AS owner_uid, any(resource) AS resource, any(namespace) AS namespace, any(name) AS name,
         argMinIf(audit_id, time, audit_id != '') AS audit_id, argMinIf(digest, time, digest != '') AS digest,
         toUnixTimestamp64Milli(min(time)) AS at
  FROM (
    SELECT object_uid AS uid, owner_uid, toString(resource) AS resource, namespace, name, audit_id, lower(hex(k8s_audit.digest)) AS digest, time
    FROM k8s_audit FINAL ${here} AND object_uid IN {uids:Array(String)} AND code < 400
    UNION ALL
    SELECT uid, '', resource, if(kind = 'Node', '', namespace), name, '', '', first_seen
    FROM owners FINAL ${here} AND uid IN {uids:Array(String)})
  GROUP BY uid`;

/** cron and at start jobs, not people. */
export const LOGIN = `
  SELECT session_id, node, process_key AS key, ses, account, source_ip, if(empty(begin_digests), '', lower(hex(begin_digests[1]))) AS digest
  FROM (SELECT * FROM sessions FINAL WHERE kind IN ('login', 'login-ssh', 'login-console') AND process_key != '')`;

export const refusalRow = z.object({ node: text, key: text, addr: text, account: text, time: number, digest: text });
export const acceptRow = z.object({ node: text, key: text, addr: text, time: number, digest: text, event_id: text });
export const usageRow = z.object({ principal: text, source_ip: text, requests: number });

export type AcceptFacts = z.infer<typeof acceptRow>;
export type ContainerFacts = z.infer<typeof containerRow>;
