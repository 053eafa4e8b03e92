// A dossier: everything that the store knows of one container that is gone, each fact with the digests of the records it
// comes from, and what is not known said as plainly. A pure read; who is shown it is noted by the caller.
import { z } from 'zod';
import { type ContainerKey, type ContainerLife, readContainer } from '../queries/container.ts';
import type { Params, Store } from '../store/store.ts';
import apiCalls from './dossier-api-calls.sql';
import connections from './dossier-connections.sql';
import { type Creation, readCreations } from './dossier-creations.ts';
import files from './dossier-files.sql';
import { type Known, readKnown, unknownsOf } from './dossier-unknowns.ts';

// What a report can hold; `truncated` names the lists that were longer.
const LIST_MAX = 1_000;

const texts = z.array(z.string());

const FileChange = z.object({
  path: z.string(),
  operations: texts,
  first_time: z.string(),
  last_time: z.string(),
  events: z.number(),
  exes: texts,
  process_keys: texts,
  digests: texts,
});

const Connection = z.object({
  direction: z.enum(['out', 'in']),
  addr: z.string(),
  port: z.number(),
  first_time: z.string(),
  last_time: z.string(),
  calls: z.number(),
  outcomes: texts,
  exes: texts,
  process_keys: texts,
  digests: texts,
});

const ApiCall = z.object({
  audit_id: z.string(),
  time: z.string(),
  verb: z.string(),
  resource: z.string(),
  namespace: z.string(),
  name: z.string(),
  code: z.number(),
  decision: z.string(),
  principal: z.string(),
  user_agent: z.string(),
  source_ips: texts,
  credential_id: z.string(),
  method: z.string(),
  confidence: z.number(),
  from_container: z.coerce.boolean(),
  digests: texts,
});

export interface Dossier {
  made_at: string;
  container: Omit<ContainerLife, 'pod_object' | 'processes' | 'sessions' | 'findings' | 'chains' | 'events'>;
  pod: ContainerLife['pod_object'];
  /** How it came to be: the create request of the pod first, then those of its owners. */
  creations: Creation[];
  processes: ContainerLife['processes'];
  files: z.infer<typeof FileChange>[];
  connections: z.infer<typeof Connection>[];
  api_calls: z.infer<typeof ApiCall>[];
  sessions: ContainerLife['sessions'];
  findings: ContainerLife['findings'];
  chains: ContainerLife['chains'];
  events: ContainerLife['events'];
  attribution: Known['methods'];
  /** In words: what the records do not tell. */
  unknown: string[];
  /** Lists that hold more than is shown, with how many there are. */
  truncated: { list: string; shown: number; total: number }[];
}

/** Undefined: no such container. */
export async function readDossier(store: Store, key: ContainerKey, now: Date): Promise<Dossier | undefined> {
  const life = await readContainer(store, key);
  if (!life) return undefined;
  const { pod_object: pod, processes, sessions, findings, chains, events, ...container } = life;
  const of = {
    cluster: key.cluster,
    node: key.node,
    container: key.container_id,
    pod_uid: life.pod_uid,
    limit: LIST_MAX,
  };
  const changed = await readList(store, 'files', files, of, FileChange);
  const peers = await readList(store, 'connections', connections, of, Connection);
  const calls = await readList(store, 'api_calls', apiCalls, of, ApiCall);
  const creations = await readCreations(store, life);
  const known = await readKnown(store, life);
  return {
    made_at: now.toISOString(),
    ...{ container, pod, creations, processes },
    ...{ files: changed.rows, connections: peers.rows, api_calls: calls.rows, sessions, findings, chains, events },
    attribution: known.methods,
    unknown: unknownsOf(life, creations, known),
    truncated: [changed, peers, calls].flatMap((list) => list.truncated),
  };
}

async function readList<T extends z.ZodType>(store: Store, list: string, sql: string, params: Params, schema: T) {
  const found = await store.rows(sql, params);
  const rows = found.map((row) => schema.parse(row));
  const total = Number(found[0]?.['total'] ?? 0);
  return { rows, truncated: total > rows.length ? [{ list, shown: rows.length, total }] : [] };
}
