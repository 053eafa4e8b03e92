// Processes: the list, and around one of them its ancestors and descendants.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EventFilter, filterParams, likePattern } from './event-filter.ts';
import sql from './processes.sql';

const Row = z
  .object({
    cluster: z.string(),
    node: z.string(),
    boot: z.string(),
    process_key: z.string(),
    pid: z.number(),
    ppid: z.number(),
    parent_key: z.string(),
    first_seen: z.string(),
    last_seen: z.string(),
    seen: z.string(),
    ended_at: z.string().nullable(),
    ended_by: z.string(),
    exit_status: z.number().nullable(),
    exe: z.string(),
    comm: z.string(),
    argv: z.array(z.string()),
    first_argv: z.array(z.string()),
    uid: z.number().nullable(),
    auid: z.number().nullable(),
    ses: z.number().nullable(),
    container_id: z.string(),
    container_name: z.string(),
    namespace: z.string(),
    pod: z.string(),
    pod_uid: z.string(),
    method: z.string(),
    confidence: z.number(),
    left_by: z.string(),
    left_at: z.string().nullable(),
    setup: z.boolean(),
    exec_id: z.string(),
    exec_devs: z.array(z.string()),
    exec_from_disk: z.boolean(),
    begin_digest: z.string().nullable(),
    end_digest: z.string().nullable(),
    left_digest: z.string().nullable(),
    digests: z.array(z.string()),
  })
  .transform(({ method, confidence, ...process }) => ({
    ...process,
    attribution: method === '' ? null : { method, confidence },
  }));

/** One process; `attribution` null: of the node itself. */
export type ProcessRow = z.infer<typeof Row>;

export interface ProcessFilter extends EventFilter {
  /** Ids, whole; none for all. */
  containers?: readonly string[] | undefined;
  pid?: number | undefined;
  /** Path or name of the program; `*` for any text. */
  exe?: string | undefined;
  /** Also what only prepared a container. */
  setup?: boolean | undefined;
}

/** In order of time, as many as `filter.limit`. */
export async function* listProcesses(
  store: Store,
  filter: ProcessFilter,
  among: { keys?: readonly string[]; parents?: readonly string[] } = {},
): AsyncIterable<ProcessRow> {
  const params = {
    ...filterParams(filter),
    containers: filter.containers ?? [],
    pid: filter.pid ?? -1,
    exe: likePattern(filter.exe),
    setup: filter.setup ?? false,
    keys: among.keys ?? [],
    parents: among.parents ?? [],
  };
  for await (const row of store.stream(sql, params)) yield Row.parse(row);
}

/** A path of parents longer than this is a loop, or made to be one. */
const ANCESTORS_MAX = 64;

/** Ancestors, the process itself and its descendants, the nearest first, at most `limit`; in order of time. */
export async function readFamily(store: Store, of: ProcessRow, limit: number): Promise<ProcessRow[]> {
  const family = new Map([[of.process_key, of]]);
  const here = { cluster: escaped(of.cluster), node: escaped(of.node), setup: true };
  const take = async (among: { keys?: readonly string[]; parents?: readonly string[] }) => {
    const found: ProcessRow[] = [];
    for await (const row of listProcesses(store, { ...here, limit }, among)) {
      if (row.cluster !== of.cluster || row.node !== of.node || family.has(row.process_key)) continue;
      if (family.size >= limit) break;
      family.set(row.process_key, row);
      found.push(row);
    }
    return found;
  };
  let oldest = of;
  for (let n = 0; n < ANCESTORS_MAX && oldest.parent_key !== ''; n++) {
    const [parent] = await take({ keys: [oldest.parent_key] });
    if (parent === undefined) break;
    oldest = parent;
  }
  for (let parents = [of]; parents.length > 0; ) parents = await take({ parents: parents.map((p) => p.process_key) });
  return [...family.values()].sort(
    (a, b) =>
      (a.first_seen < b.first_seen ? -1 : a.first_seen > b.first_seen ? 1 : 0) ||
      (a.process_key < b.process_key ? -1 : 1),
  );
}

// a name, not a pattern: an asterisk in it may stand for other text here, which readFamily leaves out
const escaped = (name: string) => name || undefined;
