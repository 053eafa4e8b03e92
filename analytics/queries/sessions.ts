// Sessions: the list, and one of them with every command inside.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EventFilter, escapeLike, filterParams, likePattern } from './event-filter.ts';
import sql from './sessions.sql';

const text = z.string();
const texts = z.array(text);

const Session = z.object({
  session_id: text,
  kind: text,
  cluster: text,
  node: text,
  principal: text,
  impersonated: text,
  account: text,
  auid: z.coerce.number().nullable(),
  ses: z.coerce.number().nullable(),
  terminal: text,
  source_ip: text,
  source_ips: texts,
  user_agent: text,
  namespace: text,
  pod: text,
  pod_uid: text,
  container_id: text,
  container_name: text,
  command: texts,
  ports: texts,
  code: z.number().nullable(),
  exec_id: text,
  pid: z.coerce.number().nullable(),
  process_key: text,
  client_key: text,
  parent_session: text,
  processes: z.number(),
  requested_at: text,
  started_at: text.nullable(),
  ended_at: text.nullable(),
  last_seen: text.nullable(),
  ended_by: text,
  exit_status: z.number().nullable(),
  attribution: z.object({ method: text, confidence: z.number() }),
  begin_digests: texts,
  end_digests: texts,
});
/** One session; times are null when not known, ended_at when it is open. */
export type SessionListed = z.infer<typeof Session>;

const Inside = z.object({
  process_key: text,
  parent_key: text,
  depth: z.number(),
  pid: z.coerce.number(),
  first_seen: text,
  last_seen: text,
  ended_at: text.nullable(),
  ended_by: text,
  exit_status: z.number().nullable(),
  exe: text,
  comm: text,
  argv: texts,
  uid: z.coerce.number(),
  container_id: text,
  digests: texts,
});
export type ProcessInside = z.infer<typeof Inside>;

const Clock = z.object({ layer: text, offset_us: z.coerce.number(), uncertainty_us: z.coerce.number() });

/** One session with what is around it. Lists are bounded (PROCESSES_MAX, AROUND_MAX). */
export interface SessionTold extends Omit<SessionListed, 'processes'> {
  processes: ProcessInside[];
  /** Sessions it began in, the outermost first. */
  within: SessionListed[];
  /** Sessions that began in it. */
  inner: SessionListed[];
  /** How far the node's clock was ahead of the API server's; null where that is not known. */
  clock: z.infer<typeof Clock> | null;
}

export interface SessionFilter extends EventFilter {
  /** `*` for any text. */
  kind?: string | undefined;
  /** The beginning of a session's id, or of its exec's. */
  id?: string | undefined;
  /** The whole id of the session it began in. */
  parent?: string | undefined;
}

/** What a person can have typed in one session, and more. */
const PROCESSES_MAX = 10_000;
const AROUND_MAX = 1_000;
/** ssh, su, sudo, an exec, kubectl in it ...: deeper than people nest, and an end where records claim a circle. */
const NESTED_MAX = 16;

/** Sessions that overlap the filter's time, the newest first. */
export async function listSessions(store: Store, filter: SessionFilter): Promise<SessionListed[]> {
  const rows = await store.rows(sql, {
    ...filterParams(filter),
    kind: likePattern(filter.kind),
    id: `${escapeLike(filter.id ?? '')}%`,
    parent: filter.parent ?? '',
  });
  return z.array(Session).parse(rows);
}

/** @param session as listSessions gave it */
export async function readSession(store: Store, session: SessionListed): Promise<SessionTold> {
  const { cluster, session_id } = session;
  const within: SessionListed[] = [];
  let around = session.parent_session;
  while (around !== '' && within.length < NESTED_MAX && !within.some((s) => s.session_id === around)) {
    const [outer] = (await listSessions(store, { cluster, id: around })).filter((s) => s.session_id === around);
    if (outer === undefined) break;
    within.unshift(outer);
    around = outer.parent_session;
  }
  const inside = await store.rows(PROCESSES, { cluster, session: session_id });
  return {
    ...session,
    processes: z.array(Inside).parse(inside),
    within,
    inner: (await listSessions(store, { cluster, parent: session_id, limit: AROUND_MAX })).toReversed(),
    clock: await readClock(store, session),
  };
}

const PROCESSES = `
  SELECT p.process_key AS process_key, p.parent_key AS parent_key, i.depth AS depth, p.pid AS pid, p.first_seen AS first_seen, p.last_seen AS last_seen,
    if(p.ended_at = toDateTime64(0, 3, 'UTC'), NULL, p.ended_at) AS ended_at, p.ended_by AS ended_by, if(p.exit_status < 0, NULL, p.exit_status) AS exit_status,
    p.exe AS exe, p.comm AS comm, p.argv AS argv, p.uid AS uid, p.container_id AS container_id, arrayMap(d -> lower(hex(d)), p.digests) AS digests
  FROM (SELECT * FROM processes FINAL WHERE cluster = {cluster:String}) AS p
  INNER JOIN (SELECT node, process_key, depth FROM session_processes FINAL WHERE cluster = {cluster:String} AND session_id = {session:String}) AS i
    ON p.node = i.node AND p.process_key = i.process_key
  ORDER BY p.first_seen, i.depth, p.pid, p.process_key
  LIMIT ${PROCESSES_MAX}`;

async function readClock(store: Store, session: SessionListed): Promise<SessionTold['clock']> {
  const [row] = await store.rows(
    `WITH parseDateTime64BestEffort({at:String}, 6, 'UTC') AS at
     SELECT layer, offset_us, uncertainty_us FROM clock_offsets FINAL
     WHERE cluster = {cluster:String} AND node = {node:String} AND reference = 'k8s-audit'
     ORDER BY greatest(dateDiff('second', at, window_begin), dateDiff('second', window_end, at), 0), uncertainty_us, layer LIMIT 1`,
    { cluster: session.cluster, node: session.node, at: session.started_at ?? session.requested_at },
  );
  return row === undefined ? null : Clock.parse(row);
}
