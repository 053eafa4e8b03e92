// What a container's processes did, as far as records tell: files changed, peers on the network, requests to the API server.
import { z } from 'zod';
import apiCalls from '../evidence/dossier-api-calls.sql';
import connections from '../evidence/dossier-connections.sql';
import files from '../evidence/dossier-files.sql';
import type { Params, Store } from '../store/store.ts';
import type { ContainerKey } from './container.ts';

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

export interface ContainerActivity {
  files: z.infer<typeof FileChange>[];
  connections: z.infer<typeof Connection>[];
  api_calls: z.infer<typeof ApiCall>[];
  /** Lists that hold more than is shown, with how many there are. */
  truncated: { list: string; shown: number; total: number }[];
}

/** At most `limit` of each. */
export async function readActivity(
  store: Store,
  { cluster, node, container_id, pod_uid }: ContainerKey & { pod_uid: string },
  limit: number,
): Promise<ContainerActivity> {
  const of = { cluster, node, container: container_id, pod_uid, limit };
  const changed = await readList(store, 'files', files, of, FileChange);
  const peers = await readList(store, 'connections', connections, of, Connection);
  const calls = await readList(store, 'api_calls', apiCalls, of, ApiCall);
  return {
    ...{ files: changed.rows, connections: peers.rows, api_calls: calls.rows },
    truncated: [changed, peers, calls].flatMap((list) => list.truncated),
  };
}

async function readList<T extends z.ZodType>(store: Store, list: string, sql: string, params: Params, schema: T) {
  const found = await store.rows(sql, params);
  const rows = found.map((row) => schema.parse(row));
  const total = Number(found[0]?.['total'] ?? 0);
  return { rows, truncated: total > rows.length ? [{ list, shown: rows.length, total }] : [] };
}
