// One principal: what it came with and from where, what it asked and was refused, whom it entered, what it made, what ran behind it.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import {
  type Action,
  Action as ActionRow,
  ActorSession,
  actionsSql,
  hexes,
  LIST_MAX,
  sessionsSql,
  TokenUseRow,
  time,
  tokenUsesSql,
} from './actor-rows.ts';
import { type ChainSummary, chainsOfDigests } from './chains.ts';
import { likePattern } from './event-filter.ts';

export const PRINCIPAL_KINDS = [
  'user',
  'service-account',
  'node',
  'anonymous',
  'group',
  'certificate',
  'token',
  'address',
] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

const Principal = z.object({
  cluster: z.string(),
  kind: z.enum(PRINCIPAL_KINDS),
  principal: z.string(),
  uids: z.array(z.string()),
  user_groups: z.array(z.string()),
  users: z.array(z.string()),
  credential_ids: z.array(z.string()),
  source_ips: z.array(z.string()),
  user_agents: z.array(z.string()),
  pod_uids: z.array(z.string()),
  impersonates: z.array(z.string()),
  impersonated_by: z.array(z.string()),
  as_impersonated: z.number(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
  requests: z.number(),
  refused: z.number(),
  digests: z.array(z.string()),
});
/** A principal with what it came with; digests are of its first and last request. */
export type Principal = z.infer<typeof Principal>;

const Created = z.object({
  time: z.string().nullable(),
  resource: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  digest: z.string(),
});
const PodRow = z.object({
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  node: z.string(),
  first_seen: z.string().nullable(),
  ended_at: z.string().nullable(),
});
const ProcessRow = z.object({
  node: z.string(),
  process_key: z.string(),
  pid: z.number(),
  exe: z.string(),
  argv: z.array(z.string()),
  first_seen: z.string().nullable(),
  container_id: z.string(),
  namespace: z.string(),
  pod: z.string(),
  requests: z.number(),
});
const FindingRow = z.object({
  id: z.string(),
  rule_id: z.string(),
  title: z.string(),
  severity: z.string(),
  techniques: z.array(z.string()),
  time: z.string().nullable(),
  summary: z.string(),
  digests: z.array(z.string()),
});

/** Lists are bounded by LIST_MAX; counts count all. */
export interface Actor extends Principal {
  actions: Action[];
  sessions: ActorSession[];
  created: z.infer<typeof Created>[];
  /** Pods that run as this service account, or that a token is bound to. */
  pods: z.infer<typeof PodRow>[];
  processes: z.infer<typeof ProcessRow>[];
  token_uses: TokenUseRow[];
  findings: z.infer<typeof FindingRow>[];
  chains: ChainSummary[];
}

export interface PrincipalQuery {
  /** A name, ns/name of a service account, a node, an id of a credential, an address, a uid; or its beginning. */
  name: string;
  kind: PrincipalKind | undefined;
  cluster: string | undefined;
  limit: number;
}

const columns = `cluster, kind, principal, uids, user_groups, users, credential_ids, source_ips, user_agents, pod_uids, impersonates, impersonated_by,
  as_impersonated, ${time('p.first_seen')}, ${time('p.last_seen')}, requests, refused, arrayDistinct([lower(hex(p.first_digest)), lower(hex(p.last_digest))]) AS digests`;

// the whole name, then what it is short for, then what begins so
const candidatesSql = `
  SELECT ${columns}, multiIf(p.principal = {name:String}, 2,
    p.principal IN {long:Array(String)} OR has(p.uids, {name:String}), 1, 0) AS exact
  FROM principals AS p FINAL
  WHERE p.cluster LIKE {cluster:String} AND p.kind LIKE {kind:String}
    AND (exact > 0 OR arrayExists(b -> startsWith(p.principal, b), {begins:Array(String)}) OR arrayExists(u -> startsWith(u, {name:String}), p.uids))
  ORDER BY exact DESC, p.requests DESC, p.cluster, p.kind, p.principal LIMIT {limit:UInt64}`;

/** Principals that the name stands for, as exactly as there are any; those that asked most first. */
export async function findPrincipals(store: Store, query: PrincipalQuery): Promise<Principal[]> {
  const { name } = query;
  const slash = name.indexOf('/');
  const account = slash > 0 ? [`system:serviceaccount:${name.slice(0, slash)}:${name.slice(slash + 1)}`] : [];
  const long = [...account, `system:node:${name}`, `JTI=${name}`, `X509SHA256=${name}`];
  const rows = await store.rows(candidatesSql, {
    name,
    long,
    begins: [name, ...long],
    cluster: likePattern(query.cluster),
    kind: likePattern(query.kind),
    limit: query.limit,
  });
  const best = Math.max(0, ...rows.map((row) => Number(row['exact'])));
  return z.array(Principal).parse(rows.filter((row) => Number(row['exact']) === best));
}

const OF: Record<PrincipalKind, string> = {
  user: 'username = {principal:String}',
  'service-account': 'username = {principal:String}',
  node: 'username = {principal:String}',
  anonymous: 'username = {principal:String}',
  group: 'has(user_groups, {principal:String})',
  certificate: 'credential_id = {principal:String}',
  token: 'credential_id = {principal:String}',
  address: 'has(source_ips, {principal:String})',
};

const createdSql = (of: string) => `
  SELECT ${time('k.time')}, toString(k.resource) AS resource, toString(k.namespace) AS namespace, name, object_uid AS uid, lower(hex(k.digest)) AS digest
  FROM k8s_audit AS k FINAL
  WHERE k.cluster = {cluster:String} AND ${of} AND k.verb = 'create' AND k.subresource = '' AND k.code IN (200, 201, 202) AND k.resource IN
    ('pods', 'deployments', 'daemonsets', 'statefulsets', 'replicasets', 'replicationcontrollers', 'jobs', 'cronjobs')
  ORDER BY k.time, k.audit_id LIMIT 1 BY k.audit_id LIMIT ${LIST_MAX}`;

const podsSql = `
  SELECT namespace, pod, pod_uid, node, ${time('p.first_seen')}, ${time('p.ended_at')} FROM pods AS p FINAL
  WHERE p.cluster = {cluster:String} AND (p.service_account != '' AND concat('system:serviceaccount:', p.namespace, ':', p.service_account) = {principal:String}
    OR has({uids:Array(String)}, p.pod_uid) OR has(p.ips, {principal:String}))
  ORDER BY p.first_seen, p.pod_uid LIMIT ${LIST_MAX}`;

const processesSql = (of: string) => `
  SELECT toString(c.node) AS node, c.process_key AS process_key, p.pid AS pid, toString(p.exe) AS exe, p.argv AS argv, ${time('p.first_seen')},
    c.container_id AS container_id, toString(c.namespace) AS namespace, c.pod AS pod, c.requests AS requests
  FROM
  (
    SELECT node, process_key, container_id, namespace, pod, count() AS requests FROM callers FINAL
    WHERE cluster = {cluster:String} AND process_key != '' AND audit_id IN (SELECT audit_id FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND ${of})
    GROUP BY node, process_key, container_id, namespace, pod
  ) AS c
  LEFT ANY JOIN (SELECT * FROM processes FINAL WHERE cluster = {cluster:String}) AS p ON p.node = c.node AND p.process_key = c.process_key
  ORDER BY p.first_seen, c.process_key LIMIT ${LIST_MAX}`;

const digestsOf = (of: string) => `SELECT digest FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND ${of}`;

const findingsSql = (of: string) => `
  SELECT id, rule_id, title, severity, techniques, ${time('f.time')}, summary, ${hexes()} AS digests
  FROM findings AS f FINAL WHERE f.cluster = {cluster:String} AND f.suppressed_by = ''
    AND f.id IN (SELECT id FROM findings FINAL ARRAY JOIN digests AS d WHERE cluster = {cluster:String} AND d IN (${digestsOf(of)}))
  ORDER BY indexOf(['critical', 'high', 'medium', 'low', 'informational'], f.severity), f.time, f.id LIMIT ${LIST_MAX}`;

export async function readActor(store: Store, principal: Principal): Promise<Actor> {
  const of = OF[principal.kind];
  const params = { cluster: principal.cluster, principal: principal.principal, uids: principal.pod_uids };
  const read = async <T>(row: z.ZodType<T>, sql: string) => z.array(row).parse(await store.rows(sql, params));
  const inSession = `s.session_id IN (SELECT audit_id FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND resource = 'pods' AND ${of})`;
  return {
    ...principal,
    actions: await read(ActionRow, actionsSql(of)),
    sessions: await read(ActorSession, sessionsSql(inSession)),
    created: await read(Created, createdSql(of)),
    pods: ['service-account', 'token', 'address'].includes(principal.kind) ? await read(PodRow, podsSql) : [],
    processes: await read(ProcessRow, processesSql(of)),
    token_uses: await read(
      TokenUseRow,
      tokenUsesSql(
        't.username = {principal:String} OR t.credential_id = {principal:String} OR t.address = {principal:String}',
      ),
    ),
    findings: await read(FindingRow, findingsSql(of)),
    chains: await chainsOfDigests(store, digestsOf(of), params, LIST_MAX),
  };
}
