// One container's life: its pod, what ran in it, who came in, what was found.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type ChainSummary, chainsOfContainer } from './chains.ts';
import { type Finding, listFindings } from './findings.ts';

const time = (column: string, alias = column.replace(/^.*\./, '')) =>
  `if(${column} = toDateTime64(0, 9, 'UTC'), NULL, ${column}) AS ${alias}`;
const hexes = 'arrayMap(d -> lower(hex(d)), digests)';

const Spec = z.object({
  cluster: z.string(),
  node: z.string(),
  container_id: z.string(),
  runtime_namespace: z.string(),
  kind: z.string(),
  container_name: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  sandbox_id: z.string(),
  image: z.string(),
  image_digest: z.string(),
  args: z.array(z.string()),
  env_names: z.array(z.string()),
  mounts: z.array(z.object({ source: z.string(), target: z.string() })),
  privileged: z.boolean(),
  capabilities: z.array(z.string()),
  pid: z.number().nullable(),
  created_at: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  removed_at: z.string().nullable(),
  exit_status: z.number().nullable(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
  /** exit | signal | oom | deleted | node gone | unknown; '' nothing tells of an end. */
  ended_by: z.string(),
  known_by: z.array(z.string()),
  /** Records that tell when it began, and when it ended. */
  begin_digests: z.array(z.string()),
  end_digests: z.array(z.string()),
  digests: z.array(z.string()),
});

const Pod = z.object({
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  ips: z.array(z.string()),
  service_account: z.string(),
  owner_kind: z.string(),
  owner_name: z.string(),
  created_by: z.string(),
  deleted_by: z.string(),
  images: z.array(z.string()),
  host_paths: z.array(z.string()),
  privileged: z.boolean(),
  host_network: z.boolean(),
  host_pid: z.boolean(),
  created_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  end_reason: z.string(),
  /** At the top of its owners, and who made it; whose it is, by labels. */
  workload_kind: z.string(),
  workload_name: z.string(),
  creator: z.string(),
  owner: z.string(),
  team: z.string(),
  sensitivity: z.string(),
  digests: z.array(z.string()),
});

const Process = z.object({
  process_key: z.string(),
  parent_key: z.string(),
  pid: z.number(),
  ppid: z.number(),
  first_seen: z.string(),
  last_seen: z.string(),
  exe: z.string(),
  comm: z.string(),
  argv: z.array(z.string()),
  uid: z.number(),
  auid: z.number().nullable(),
  exec_id: z.string(),
  ended_at: z.string().nullable(),
  ended_by: z.string(),
  left_by: z.string(),
  attribution: z.object({ method: z.string(), confidence: z.number() }),
  digests: z.array(z.string()),
});

const Session = z.object({
  session_id: z.string(),
  kind: z.string(),
  principal: z.string(),
  source_ip: z.string(),
  user_agent: z.string(),
  command: z.array(z.string()),
  pid: z.number().nullable(),
  process_key: z.string(),
  impersonated: z.string(),
  account: z.string(),
  auid: z.number().nullable(),
  requested_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  ended_by: z.string(),
  exit_status: z.number().nullable(),
  /** Rows of `session ID`: the processes inside. */
  processes: z.number(),
  method: z.string(),
  confidence: z.number(),
  digests: z.array(z.string()),
});

const EventCount = z.object({ layer: z.string(), action: z.string(), events: z.number() });

export type ContainerProcess = z.infer<typeof Process>;

/** One life. Lists are bounded (PROCESSES_MAX, LIST_MAX); `setup` processes of the runtime are left out. */
export interface ContainerLife extends z.infer<typeof Spec> {
  pod_object: z.infer<typeof Pod> | null;
  processes: ContainerProcess[];
  sessions: z.infer<typeof Session>[];
  events: z.infer<typeof EventCount>[];
  findings: Finding[];
  chains: ChainSummary[];
}

// A bound for a document a person opens; `processes` and `findings` list all of them.
const PROCESSES_MAX = 10_000;
const LIST_MAX = 1_000;

const specSql = `
  SELECT cluster, node, container_id, runtime_namespace, kind, container_name, namespace, pod, pod_uid, sandbox_id, image, image_digest,
    args, env_names, privileged, capabilities, if(c.pid > 0, c.pid, NULL) AS pid, ${hexes} AS digests,
    arrayMap((s, t) -> map('source', s, 'target', t), mount_sources, mount_targets) AS mounts,
    ${time('c.created_at')}, ${time('c.started_at')}, ${time('c.ended_at')}, ${time('c.removed_at')},
    ${time('c.first_seen')}, ${time('c.last_seen')}, ended_by, known_by,
    arrayMap(d -> lower(hex(d)), c.begin_digests) AS begin_digests, arrayMap(d -> lower(hex(d)), c.end_digests) AS end_digests,
    if(c.exit_status < 0 OR c.ended_at = toDateTime64(0, 9, 'UTC'), NULL, c.exit_status) AS exit_status
  FROM containers AS c FINAL
  WHERE c.cluster = {cluster:String} AND c.node = {node:String} AND c.container_id = {container:String}`;

const podSql = `
  SELECT namespace, pod, pod_uid, ips, service_account, owner_kind, owner_name, created_by, deleted_by, images, host_paths,
    privileged, host_network, host_pid, end_reason, workload_kind, workload_name, creator, owner, team, sensitivity,
    ${time('p.created_at')}, ${time('p.ended_at')}, ${hexes} AS digests
  FROM pods AS p FINAL WHERE p.cluster = {cluster:String} AND p.pod_uid = {pod_uid:String} AND p.pod_uid != ''`;

const ofContainer = 'cluster = {cluster:String} AND node = {node:String} AND container_id = {container:String}';

const processesSql = `
  SELECT process_key, parent_key, pid, ppid, first_seen, last_seen, exe, comm, argv, uid, if(p.auid < 0, NULL, p.auid) AS auid, exec_id,
    if(p.ended_at = toDateTime64(0, 3, 'UTC'), NULL, p.ended_at) AS ended_at, ended_by, left_by, method, confidence, ${hexes} AS digests
  FROM processes AS p FINAL WHERE ${ofContainer} AND NOT setup ORDER BY first_seen, process_key LIMIT ${PROCESSES_MAX}`;

// a port-forward names no container: it goes to the pod
const sessionsSql = `
  SELECT session_id, kind, principal, impersonated, account, if(s.auid < 0, NULL, s.auid) AS auid, source_ip, user_agent, command, process_key, method, confidence, ended_by,
    tree_processes AS processes, if(s.exit_status < 0, NULL, s.exit_status) AS exit_status,
    if(s.pid > 0, s.pid, NULL) AS pid, ${time('s.requested_at')}, ${time('s.ended_at')}, ${hexes} AS digests
  FROM sessions AS s FINAL
  WHERE s.cluster = {cluster:String}
    AND (s.container_id = {container:String} OR s.container_id = '' AND s.pod_uid = {pod_uid:String} AND s.pod_uid != '')
  ORDER BY s.requested_at, s.session_id LIMIT ${LIST_MAX}`;

const eventsSql = `
  SELECT layer, action, count() AS events FROM events FINAL WHERE ${ofContainer}
  GROUP BY layer, action ORDER BY events DESC, layer, action`;

export interface ContainerKey {
  cluster: string;
  node: string;
  container_id: string;
}

export async function readContainer(store: Store, key: ContainerKey): Promise<ContainerLife | undefined> {
  const of = { cluster: key.cluster, node: key.node, container: key.container_id };
  const [row] = await store.rows(specSql, of);
  if (!row) return undefined;
  const spec = Spec.parse(row);
  const [pod] = await store.rows(podSql, { cluster: key.cluster, pod_uid: spec.pod_uid });
  const processes = (await store.rows(processesSql, of)).map(({ method, confidence, ...rest }) =>
    Process.parse({ ...rest, attribution: { method, confidence } }),
  );
  return {
    ...spec,
    pod_object: pod ? Pod.parse(pod) : null,
    processes,
    sessions: z.array(Session).parse(await store.rows(sessionsSql, { ...of, pod_uid: spec.pod_uid })),
    events: z.array(EventCount).parse(await store.rows(eventsSql, of)),
    findings: await listFindings(store, {
      cluster: key.cluster,
      container: key.container_id,
      // what is known of one container leaves nothing out
      suppressed: 'too',
      limit: LIST_MAX,
    }),
    chains: await chainsOfContainer(store, key.container_id, LIST_MAX),
  };
}
