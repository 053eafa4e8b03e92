// Rows that a pod and a principal tell alike: sessions, uses of credentials, findings, what was asked of the API.
import { z } from 'zod';

/** A bound for a document a person opens; `events` and `findings` list all. */
export const LIST_MAX = 1_000;

/** A time of 1970 is not known: null. */
export const time = (column: string, alias = column.replace(/^.*\./, '')) =>
  `if(${column} = toDateTime64(0, 9, 'UTC'), NULL, ${column}) AS ${alias}`;
export const hexes = (column = 'digests') => `arrayMap(d -> lower(hex(d)), ${column})`;

export const ActorSession = z.object({
  session_id: z.string(),
  kind: z.string(),
  principal: z.string(),
  source_ip: z.string(),
  namespace: z.string(),
  pod: z.string(),
  container_id: z.string(),
  command: z.array(z.string()),
  process_key: z.string(),
  requested_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  confidence: z.number(),
  digests: z.array(z.string()),
});
export type ActorSession = z.infer<typeof ActorSession>;

export const sessionsSql = (condition: string) => `
  SELECT session_id, kind, principal, source_ip, namespace, pod, container_id, command, process_key, confidence,
    ${time('s.requested_at')}, ${time('s.ended_at')}, ${hexes()} AS digests
  FROM sessions AS s FINAL WHERE s.cluster = {cluster:String} AND ${condition}
  ORDER BY s.requested_at, s.session_id LIMIT ${LIST_MAX}`;

export const TokenUseRow = z.object({
  kind: z.string(),
  username: z.string(),
  credential_id: z.string(),
  pod_uid: z.string(),
  namespace: z.string(),
  pod: z.string(),
  node: z.string(),
  address: z.string(),
  user_agents: z.array(z.string()),
  found_pod: z.string(),
  found_pod_uid: z.string(),
  found_node: z.string(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
  requests: z.number(),
  refused: z.number(),
  confidence: z.number(),
  reason: z.string(),
  digests: z.array(z.string()),
});
export type TokenUseRow = z.infer<typeof TokenUseRow>;

export const tokenUsesSql = (condition: string) => `
  SELECT kind, username, credential_id, pod_uid, namespace, pod, node, address, user_agents, found_pod, found_pod_uid, found_node,
    ${time('t.first_seen')}, ${time('t.last_seen')}, requests, refused, round(t.confidence, 2) AS confidence, reason, ${hexes()} AS digests
  FROM token_uses AS t FINAL WHERE t.cluster = {cluster:String} AND (${condition})
  ORDER BY t.first_seen, t.kind, t.address LIMIT ${LIST_MAX}`;

export const Action = z.object({
  verb: z.string(),
  resource: z.string(),
  requests: z.number(),
  refused: z.number(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
});
export type Action = z.infer<typeof Action>;

/** What was asked of the API, by verb and resource. */
export const actionsSql = (condition: string) => `
  SELECT toString(k.verb) AS verb, multiIf(k.resource = '', k.path, k.subresource = '', toString(k.resource), concat(k.resource, '/', k.subresource)) AS resource,
    uniqExact(k.audit_id) AS requests, uniqExactIf(k.audit_id, k.code IN (401, 403)) AS refused,
    ${time('min(k.time)', 'first_seen')}, ${time('max(k.time)', 'last_seen')}
  FROM (SELECT *, path(request_uri) AS path FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND ${condition}) AS k
  GROUP BY verb, resource ORDER BY requests DESC, verb, resource LIMIT ${LIST_MAX}`;

/** The last stage of each request says how it ended. */
export const ApiRequest = z.object({
  audit_id: z.string(),
  time: z.string().nullable(),
  verb: z.string(),
  resource: z.string(),
  namespace: z.string(),
  name: z.string(),
  code: z.number(),
  principal: z.string(),
  source_ips: z.array(z.string()),
  user_agent: z.string(),
  digest: z.string(),
});

export const requestColumns = `
  audit_id, ${time('k.time')}, toString(k.verb) AS verb,
  multiIf(k.resource = '', path(k.request_uri), k.subresource = '', toString(k.resource), concat(k.resource, '/', k.subresource)) AS resource,
  toString(k.namespace) AS namespace, name, code, toString(k.username) AS principal, source_ips, toString(k.user_agent) AS user_agent, lower(hex(k.digest)) AS digest`;
