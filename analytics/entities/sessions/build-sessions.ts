// Sessions and clocks, from the typed tables and the processes placed before: who came in, from where, into what, what ran inside, and how
// far the clocks of the layers differ. Writes sessions, session_processes and clock_offsets.
import { z } from 'zod';
import { insertInParts, type Put } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import clockNotices from '../clocks/clock-notices.sql';
import { type ClockOffset, estimateOffsets } from '../clocks/clock-offsets.ts';
import clockPairs from '../clocks/clock-pairs.sql';
import clockPairsOfNode from '../clocks/clock-pairs-of-node.sql';
import { pairsOfExecs, voteOffsets } from '../clocks/clock-votes.ts';
import { createClocks } from '../clocks/clocks.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import loginRecords from './login-sessions.sql';
import { assembleLogins, type Login } from './login-sessions.ts';
import { joinClients } from './runtime-clients.ts';
import sessionEntries from './session-entries.sql';
import sessionExecs from './session-execs.sql';
import sessionRoots from './session-roots.sql';
import {
  draftOfClient,
  draftOfLogin,
  draftOfRequest,
  instantOf,
  type SessionDraft,
  sessionRow,
  type TargetRow,
  type Tree,
} from './session-rows.ts';
import { assembleStarts } from './session-starts.ts';
import sessionTargets from './session-targets.sql';
import { growTrees, PROCESSES, type RootCandidate, type Seed, seedLogins } from './session-trees.ts';
import requestsSql from './sessions.sql';
import { joinSessions, leftOver, type SessionRequest, type Target } from './sessions.ts';

const text = z.string();
const number = z.coerce.number();
const texts = z.array(text);
const place = { cluster: text, node: text };

const requestRow = z.object({
  ...{
    cluster: text,
    audit_id: text,
    kind: text,
    principal: text,
    impersonated: text,
    source_ips: texts,
    user_agent: text,
  },
  ...{ namespace: text, pod: text, container_name: text, command: texts, ports: texts, ephemeral: texts },
  ...{ requested_us: number, completed_us: number, code: number, begin_digests: texts, end_digests: texts },
});
const execRow = z.object({
  ...{
    ...place,
    container_id: text,
    exec_id: text,
    added_us: number,
    started_us: number,
    exited_us: number,
    pid: number,
  },
  ...{ exit_status: number, command: texts, begin_digests: texts, end_digests: texts },
});
const entryRow = z.object({
  ...{ role: text, ...place, process_key: text, pid: number, ppid: number, container_id: text, exec_id: text },
  ...{ first_us: number, command: texts, digest: text, exited_us: number, exit_status: number, end_digest: text },
});
const targetRow = z.object({
  ...{ ...place, container_id: text, container_name: text, namespace: text, pod: text, pod_uid: text, pid: number },
  ...{ begun_us: number, ended_us: number, exit_status: number, args: texts, begin_digests: texts, end_digests: texts },
});
const rootRow = z.object({
  ...{ ...place, process_key: text, parent_key: text, pid: number, ses: number, container_id: text },
  ...{ first_us: number, is_first: z.coerce.boolean() },
});
const loginRow = z.object({
  ...{ ...place, boot_id: text, at_us: number, serial: number, record: text, pid: number, auid: number, ses: number },
  ...{
    old_ses: number,
    program: text,
    acct: text,
    terminal: text,
    address: text,

    succeeded: z.coerce.boolean(),
  },
  ...{ command: text, digest: text },
});
const pairRow = z.object({
  ...{
    ...place,
    layer: z.enum(['runtime', 'auditd']),
    reference: z.enum(['k8s-audit', 'runtime']),
    side: z.enum(['high', 'low']),
  },
  ...{ at_us: number, bound_us: number, pairs: number, digests: texts },
});
const insideRow = z.object({ cluster: text, session_id: text, node: text, process_key: text });
const treeRow = z.object({ cluster: text, session_id: text, processes: number, last_us: number });
const callerRow = z.object({ cluster: text, audit_id: text, node: text, process_key: text });

const CALLERS = 'SELECT cluster, audit_id, node, process_key FROM callers FINAL';
const TREES = 'SELECT cluster, node, process_key, last_seen FROM processes FINAL';

/** Statements that sessions and clocks are made by. */
export const SESSIONS_READ = [
  ...[requestsSql, sessionEntries, sessionExecs, sessionTargets, sessionRoots, loginRecords],
  ...[clockPairs, clockPairsOfNode, clockNotices, CALLERS, TREES],
];

/** Read once, with what sessions and clocks ask of them: FINAL puts all processes in order each time. */
const OF_PROCESSES = `
  SELECT cluster, node, process_key, parent_key, pid, ppid, ses, container_id, exec_id, method, setup, comm, argv, first_argv, first_seen, last_seen,
         ended_at, ended_by, exit_status, digests, end_digest
  FROM processes FINAL`;
const definition = `ENGINE = Memory SETTINGS compress = 1 AS ${OF_PROCESSES} ${ENTITY_SETTINGS}`;

type Read = <T>(sql: string, row: z.ZodType<T>, params?: Record<string, unknown>) => Promise<T[]>;

export const buildSessions = (store: Store, put: Put, version: number): Promise<void> =>
  withScratchTable(store, 'processes', definition, (processes) => build(store, put, version, processes));

async function build(store: Store, put: Put, version: number, processes: string): Promise<void> {
  const read: Read = async (sql, row, params = {}) => {
    const statement = `${sql.replaceAll(PROCESSES, processes)} ${ENTITY_SETTINGS}`;
    return z.array(row).parse(await store.rows(statement, params, 'background'));
  };
  const [requests, entries, execs, logins, ...ofClocks] = await Promise.all([
    read(requestsSql, requestRow),
    read(sessionEntries, entryRow),
    read(sessionExecs, execRow),
    read(loginRecords, loginRow).then(assembleLogins),
    ...[clockPairs, clockPairsOfNode, clockNotices].map((sql) => read(sql, pairRow)),
  ]);
  const starts = assembleStarts(execs, entries);
  const pods = [...new Set(requests.map((r) => `${r.cluster}/${r.namespace}/${r.pod}`))];
  const targets = await read(sessionTargets, targetRow, { pods, containers: [] });

  const pairs = ofClocks.flat();
  const told = createClocks(estimateOffsets(pairs));
  const votes = voteOffsets(requests, targets, starts, told);
  pairs.push(...votes);
  const roughly = joinSessions(
    requests,
    targets,
    starts,
    votes.length === 0 ? told : createClocks(estimateOffsets(pairs)),
  );
  // what was joined by its command bounds the clocks ten times closer: joined once more by these
  const offsets = estimateOffsets([...pairs, ...pairsOfExecs(roughly)]);
  const clocks = createClocks(offsets);
  const joined = joinSessions(requests, targets, starts, clocks);
  const clients = joinClients(leftOver(starts, joined), entries, clocks);

  const held = joined.flatMap((s) => (s.target !== undefined && s.method.startsWith('container') ? [s.target] : []));
  const roots = await read(sessionRoots, rootRow, {
    containers: [...new Set(held.map(containerKey))],
    pids: [...new Set(logins.map((l) => `${l.cluster}/${l.node}/${l.pid}`))],
  });
  const firstOf = findFirst(roots, targets);
  const known = new Map(targets.map((t) => [containerKey(t), t]));
  const entered = clients.map((c) => containerKey(c.start)).filter((key) => !known.has(key));
  for (const t of await read(sessionTargets, targetRow, { pods: [], containers: [...new Set(entered)] }))
    known.set(containerKey(t), t);
  const seedsOfLogins = seedLogins(logins, roots);
  const drafts = [
    ...joined.map((s) => draftOfRequest(s, s.target && known.get(containerKey(s.target)), firstOf)),
    ...clients.map((c) => draftOfClient(c, known.get(containerKey(c.start)))),
    ...logins.map((l) => draftOfLogin(l, rootSeed(l, seedsOfLogins))),
  ];
  let trees = new Map<string, Tree>();
  await put('session_processes', async (into) => {
    await growTrees(store, { into, processes }, [...seedsOfLogins, ...drafts.flatMap(seedOf)], version);
    await nameParents(read, into, drafts, requests, version);
    trees = await readTrees(read, into, version);
  });
  const rows = drafts.map((d) => sessionRow(d, trees.get(`${d.cluster}\0${d.session_id}`), version));
  await put('sessions', (into) => insertInParts(store, into, rows));
  const windows = offsets.map((o) => offsetRow(o, version));
  await put('clock_offsets', (into) => insertInParts(store, into, windows));
}

const containerKey = (c: { cluster: string; node: string; container_id: string }) =>
  `${c.cluster}/${c.node}/${c.container_id}`;

/** The container's first process: by the runtime's pid, else the first that was seen. */
function findFirst(roots: readonly RootCandidate[], targets: readonly TargetRow[]) {
  const pids = new Map(targets.map((t) => [containerKey(t), t.pid]));
  const first = new Map<string, RootCandidate>();
  for (const root of roots) {
    if (root.container_id === '') continue;
    const key = containerKey(root);
    const before = first.get(key);
    const better = root.is_first || (root.pid === pids.get(key) && !before?.is_first);
    if (before === undefined || (better && !before.is_first)) first.set(key, root);
  }
  return (target: Target) => first.get(containerKey(target));
}

const rootSeed = (login: Login, seeds: readonly Seed[]) =>
  seeds.find((s) => s.session_id === login.session_id && s.cluster === login.cluster && s.via === 'root');

function seedOf(draft: SessionDraft): Seed[] {
  // what a login session holds was told by its number
  if (draft.process_key === '' || draft.method.startsWith('login')) return [];
  const { cluster, session_id, node, process_key } = draft;
  return [{ cluster, session_id, node, process_key, depth: 0, via: 'root' }];
}

/** The innermost session around a process that came in further: a client program, su, kubectl in a pod. */
async function nameParents(
  read: Read,
  inSessions: string,
  drafts: readonly SessionDraft[],
  requests: readonly SessionRequest[],
  version: number,
): Promise<void> {
  const callers = await read(
    `${CALLERS}
     WHERE process_key != '' AND audit_id IN {ids:Array(String)}`,
    callerRow,
    { ids: requests.map((r) => r.audit_id) },
  );
  const sentBy = new Map(callers.map((c) => [`${c.cluster}\0${c.audit_id}`, `${c.node}\0${c.process_key}`]));
  const cameFrom = (d: SessionDraft): string => {
    if (d.client_key !== '') return `${d.node}\0${d.client_key}`;
    if (d.method === 'login-pid' && d.process_key !== '') return `${d.node}\0${d.process_key}`;
    return sentBy.get(`${d.cluster}\0${d.session_id}`) ?? '';
  };
  const keys = drafts.map((d) => cameFrom(d).split('\0')[1]).filter((key) => key !== undefined);
  const inside = await read(
    `SELECT cluster, session_id, node, process_key FROM ${inSessions} FINAL
     WHERE version = {version:UInt64} AND process_key IN {keys:Array(String)} ORDER BY depth, session_id`,
    insideRow,
    { version, keys },
  );
  const debugged = new Map(
    drafts.filter((d) => d.kind === 'debug' && d.container_id !== '').map((d) => [containerKey(d), d]),
  );
  for (const draft of drafts) {
    const from = cameFrom(draft);
    const around = inside.find(
      (i) => i.cluster === draft.cluster && `${i.node}\0${i.process_key}` === from && i.session_id !== draft.session_id,
    );
    const debug = draft.kind === 'attach' ? debugged.get(containerKey(draft)) : undefined;
    draft.parent_session = around?.session_id ?? debug?.session_id ?? draft.parent_session;
  }
}

async function readTrees(read: Read, inSessions: string, version: number): Promise<Map<string, Tree>> {
  const trees = await read(
    `SELECT s.cluster AS cluster, s.session_id AS session_id, count() AS processes,
            toUnixTimestamp64Micro(toDateTime64(max(p.last_seen), 6, 'UTC')) AS last_us
     FROM (SELECT cluster, session_id, node, process_key FROM ${inSessions} FINAL WHERE version = {version:UInt64}) AS s
     INNER JOIN (${TREES}) AS p
       ON p.cluster = s.cluster AND p.node = s.node AND p.process_key = s.process_key
     GROUP BY cluster, session_id`,
    treeRow,
    { version },
  );
  return new Map(trees.map((t) => [`${t.cluster}\0${t.session_id}`, t]));
}

function offsetRow({ window_begin_us, window_end_us, digests, ...told }: ClockOffset, version: number) {
  return {
    ...told,
    window_begin: instantOf(window_begin_us),
    window_end: instantOf(window_end_us),
    digests_hex: digests,
    version,
  };
}
