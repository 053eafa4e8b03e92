// One pod: its life and ends, whose it is, what ran in it, who came in, what it asked of the API, what was found.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import {
  type Action,
  Action as ActionRow,
  ActorSession,
  ApiRequest,
  actionsSql,
  hexes,
  LIST_MAX,
  requestColumns,
  sessionsSql,
  TokenUseRow,
  time,
  tokenUsesSql,
} from './actor-rows.ts';
import { type ChainSummary, chainsOfPod } from './chains.ts';
import { escapeLike, likePattern } from './event-filter.ts';
import { type Finding, listFindings } from './findings.ts';

const Candidate = z.object({
  cluster: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  node: z.string(),
  first_seen: z.string().nullable(),
  ended_at: z.string().nullable(),
});
/** A pod as a list of candidates shows it. */
export type PodCandidate = z.infer<typeof Candidate>;

const Spec = Candidate.extend({
  mirror_uid: z.string(),
  known_by: z.array(z.string()),
  ips: z.array(z.string()),
  service_account: z.string(),
  labels: z.record(z.string(), z.string()),
  owner: z.string(),
  team: z.string(),
  sensitivity: z.string(),
  privileged: z.boolean(),
  host_network: z.boolean(),
  host_pid: z.boolean(),
  host_paths: z.array(z.string()),
  created_at: z.string().nullable(),
  created_by: z.string(),
  created_audit_id: z.string(),
  last_seen: z.string().nullable(),
  end_reason: z.string(),
  ended_by: z.string(),
  ended_audit_id: z.string(),
  deleted_by: z.string(),
  deleted_audit_id: z.string(),
  begin_digests: z.array(z.string()),
  end_digests: z.array(z.string()),
  digests: z.array(z.string()),
  workload: z.object({
    kind: z.string(),
    name: z.string(),
    uid: z.string(),
    path: z.array(z.string()),
    method: z.string(),
    created_by: z.string(),
    created_audit_id: z.string(),
    created_from: z.string(),
    created_at: z.string().nullable(),
    changed_by: z.string(),
    changed_audit_id: z.string(),
    changed_from: z.string(),
    changed_at: z.string().nullable(),
  }),
  image_names: z.array(z.string()),
  image_digests: z.array(z.string()),
});

const Container = z.object({
  container_id: z.string(),
  kind: z.string(),
  container_name: z.string(),
  image: z.string(),
  image_digest: z.string(),
  created_at: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  exit_status: z.number().nullable(),
  mounts: z.array(z.object({ source: z.string(), target: z.string() })),
});

const Image = z.object({
  image: z.string(),
  image_digest: z.string(),
  names: z.array(z.string()),
  pulled_at: z.string().nullable(),
  pulled_node: z.string(),
  ran_at: z.string().nullable(),
  ran_node: z.string(),
  ran_pod: z.string(),
});

const PodRequest = ApiRequest.extend({
  method: z.string(),
  confidence: z.number(),
  process_key: z.string(),
  container_id: z.string(),
});

/** One pod. Lists are bounded by LIST_MAX; `actions` counts all requests. */
export interface PodLife extends z.infer<typeof Spec> {
  images: z.infer<typeof Image>[];
  containers: z.infer<typeof Container>[];
  sessions: ActorSession[];
  actions: Action[];
  requests: z.infer<typeof PodRequest>[];
  token_uses: TokenUseRow[];
  findings: Finding[];
  chains: ChainSummary[];
}

export interface PodQuery {
  namespace: string | undefined;
  /** A name, its beginning, or the beginning of a uid. */
  name: string;
  uid: string | undefined;
  cluster: string | undefined;
  limit: number;
}

// what is named exactly goes before what begins so
const candidatesSql = `
  SELECT cluster, namespace, pod, pod_uid, node, ${time('p.first_seen')}, ${time('p.ended_at')},
    p.pod = {name:String} OR p.pod_uid = {name:String} OR p.mirror_uid = {name:String} AND p.mirror_uid != '' AS exact
  FROM pods AS p FINAL
  WHERE p.cluster LIKE {cluster:String} AND p.namespace LIKE {namespace:String}
    AND (p.pod LIKE {prefix:String} OR {bare:Bool} AND (p.pod_uid LIKE {prefix:String} OR p.mirror_uid LIKE {prefix:String}))
    AND (p.pod_uid LIKE {uid:String} OR p.mirror_uid LIKE {uid:String} AND p.mirror_uid != '')
  ORDER BY exact DESC, p.first_seen DESC, p.cluster, p.pod_uid LIMIT {limit:UInt64}`;

/** Pods of this name, or, when there are none, those that begin so; the last to begin first. */
export async function findPods(store: Store, query: PodQuery): Promise<PodCandidate[]> {
  const rows = await store.rows(candidatesSql, {
    cluster: likePattern(query.cluster),
    namespace: likePattern(query.namespace),
    name: query.name,
    prefix: `${escapeLike(query.name)}%`,
    bare: query.namespace === undefined,
    uid: `${escapeLike(query.uid ?? '')}%`,
    limit: query.limit,
  });
  const exact = rows.filter((row) => Boolean(row['exact']));
  return z.array(Candidate).parse(exact.length > 0 ? exact : rows);
}

const specSql = `
  SELECT cluster, namespace, pod, pod_uid, mirror_uid, known_by, node, ips, service_account, labels, owner, team, sensitivity,
    privileged, host_network, host_pid, host_paths, images AS image_names, image_digests, ${time('p.created_at')}, created_by, created_audit_id,
    ${time('p.first_seen')}, ${time('p.last_seen')}, ${time('p.ended_at')}, end_reason, ended_by, ended_audit_id, deleted_by, deleted_audit_id,
    ${hexes('begin_digests')} AS begin_digests, ${hexes('end_digests')} AS end_digests, ${hexes()} AS digests,
    workload_kind, workload_name, workload_uid, workload_path, workload_method, creator, creator_audit_id, creator_from, ${time('p.creator_at')},
    changed_by, changed_audit_id, changed_from, ${time('p.changed_at')}
  FROM pods AS p FINAL WHERE p.cluster = {cluster:String} AND p.pod_uid = {uid:String}`;

const containersSql = `
  SELECT container_id, kind, container_name, image, image_digest, ${time('c.created_at')}, ${time('c.started_at')}, ${time('c.ended_at')},
    if(c.exit_status < 0 OR c.ended_at = toDateTime64(0, 9, 'UTC'), NULL, c.exit_status) AS exit_status,
    arrayMap((s, t) -> map('source', s, 'target', t), mount_sources, mount_targets) AS mounts
  FROM containers AS c FINAL WHERE c.cluster = {cluster:String} AND c.pod_uid = {uid:String}
  ORDER BY greatest(c.created_at, c.started_at), c.container_id LIMIT ${LIST_MAX}`;

const imagesSql = `
  SELECT image, image_digest, names, ${time('i.pulled_at')}, pulled_node, ${time('i.ran_at')}, ran_node,
    if(i.ran_pod = '', '', concat(i.ran_namespace, '/', i.ran_pod)) AS ran_pod
  FROM images AS i FINAL WHERE i.cluster = {cluster:String} AND (hasAny(i.names, {images:Array(String)}) OR has({digests:Array(String)}, i.image_digest))
  ORDER BY image LIMIT ${LIST_MAX}`;

const fromPod =
  'audit_id IN (SELECT audit_id FROM callers FINAL WHERE cluster = {cluster:String} AND pod_uid = {uid:String})';

const requestsSql = `
  SELECT ${requestColumns}, toString(c.method) AS method, round(c.confidence, 2) AS confidence, c.process_key AS process_key, c.container_id AS container_id
  FROM
  (
    SELECT * FROM k8s_audit FINAL WHERE cluster = {cluster:String} AND ${fromPod}
    ORDER BY time, audit_id, stage_time DESC LIMIT 1 BY audit_id LIMIT ${LIST_MAX}
  ) AS k
  INNER JOIN (SELECT audit_id AS of, method, confidence, process_key, container_id FROM callers FINAL WHERE cluster = {cluster:String} AND pod_uid = {uid:String}) AS c ON k.audit_id = c.of
  ORDER BY k.time, k.audit_id`;

export async function readPod(store: Store, key: PodCandidate): Promise<PodLife | undefined> {
  const of = { cluster: key.cluster, uid: key.pod_uid };
  const [row] = await store.rows(specSql, of);
  if (!row) return undefined;
  const spec = Spec.parse({ ...row, workload: workloadOf(row) });
  const uids = { ...of, mirror: spec.mirror_uid || spec.pod_uid };
  const wanted = { cluster: spec.cluster, images: spec.image_names, digests: spec.image_digests };
  const read = async <T>(row: z.ZodType<T>, sql: string, params: Record<string, unknown>) =>
    z.array(row).parse(await store.rows(sql, params));
  return {
    ...spec,
    images: await read(Image, imagesSql, wanted),
    containers: await read(Container, containersSql, of),
    sessions: await read(ActorSession, sessionsSql('s.pod_uid IN ({uid:String}, {mirror:String})'), uids),
    actions: await read(ActionRow, actionsSql(fromPod), of),
    requests: await read(PodRequest, requestsSql, of),
    token_uses: await read(TokenUseRow, tokenUsesSql('t.pod_uid = {uid:String} OR t.found_pod_uid = {uid:String}'), of),
    findings: await listFindings(store, { cluster: spec.cluster, pod: spec.pod_uid, limit: LIST_MAX }),
    chains: await chainsOfPod(store, of, LIST_MAX),
  };
}

const workloadOf = (row: Record<string, unknown>) => ({
  kind: row['workload_kind'],
  name: row['workload_name'],
  uid: row['workload_uid'],
  path: row['workload_path'],
  method: row['workload_method'],
  created_by: row['creator'],
  created_audit_id: row['creator_audit_id'],
  created_from: row['creator_from'],
  created_at: row['creator_at'],
  changed_by: row['changed_by'],
  changed_audit_id: row['changed_audit_id'],
  changed_from: row['changed_from'],
  changed_at: row['changed_at'],
});
