// Exec and attach requests joined to the process they started.
//
// No id is shared: the runtime makes its exec id itself and no API record holds it. What joins them is the container, the order in
// time (the start follows the request by about 40 ms) and the command. Probes start the same way with no request at all, so the
// command decides where a request and a probe fall together.
import type * as table from './process-table.ts';
import type * as runtime from './processes.ts';

export type Process = Pick<
  table.Process,
  'cluster' | 'node' | 'container_id' | 'exec_id' | 'pid' | 'process_key' | 'first_argv'
>;
export type NamedPid = Omit<runtime.NamedPid, 'exit_status'>;

/** One request beside one container it may have meant (sessions.sql); times in ms since 1970, 0 unknown. */
export interface SessionRequest {
  cluster: string;
  audit_id: string;
  kind: string;
  principal: string;
  source_ips: string[];
  user_agent: string;
  namespace: string;
  pod: string;
  command: string[];
  requested_at: number;
  completed_at: number;
  code: number;
  digests: string[];
  container_id: string;
  pod_uid: string;
  node: string;
}

export interface Session extends SessionRequest {
  exec_id: string;
  pid: number;
  process_key: string;
  started_at: number;
  ended_at: number;
  confidence: number;
}

/** How far an exec's start may lie from its request's stamp: clocks of two machines, and a slow node. */
const BEFORE_MS_MAX = 2_000;
const AFTER_MS_MAX = 10_000;
const SAME_COMMAND = 0.98;
/** In time and place only; what the process ran was not seen. */
const UNSEEN_COMMAND = 0.6;

/** Each request with the exec it started, as far as one can be named. Pure. */
export function joinSessions(
  requests: readonly SessionRequest[],
  pids: readonly NamedPid[],
  processes: readonly Process[],
): Session[] {
  const execs = pids.filter((p) => p.exec_id !== '');
  const byExec = new Map(processes.filter((p) => p.exec_id !== '').map((p) => [execKey(p), p]));
  const taken = new Set<string>();
  const sessions = new Map<string, Session>();
  // surest pairs first, so that a vague request does not take another's process
  for (const sure of [true, false]) {
    for (const request of requests) {
      const id = `${request.cluster}\0${request.audit_id}`;
      if (sessions.get(id)?.exec_id) continue;
      const choice = request.kind === 'exec' ? choose(request, execs, byExec, taken, sure) : undefined;
      if (choice !== undefined) taken.add(execKey(choice));
      if (choice !== undefined || !sessions.has(id)) sessions.set(id, open(request, choice, byExec, sure));
    }
  }
  return [...sessions.values()];
}

const execKey = (e: { cluster: string; node: string; container_id: string; exec_id: string }) =>
  `${e.cluster}\0${e.node}\0${e.container_id}\0${e.exec_id}`;

function choose(
  request: SessionRequest,
  execs: readonly NamedPid[],
  byExec: Map<string, Process>,
  taken: Set<string>,
  sure: boolean,
): NamedPid | undefined {
  const near = execs.filter(
    (e) =>
      e.container_id === request.container_id &&
      e.cluster === request.cluster &&
      !taken.has(execKey(e)) &&
      e.started_at >= request.requested_at - BEFORE_MS_MAX &&
      e.started_at <= request.requested_at + AFTER_MS_MAX,
  );
  const fits = near.filter((e) => {
    const process = byExec.get(execKey(e));
    const seen = process?.first_argv ?? [];
    return sure ? sameCommand(seen, request.command) : seen.length === 0 || request.command.length === 0;
  });
  return fits.sort((a, b) => distance(a, request) - distance(b, request))[0];
}

/** A start before the request's stamp is less likely than one after it. */
const distance = (e: NamedPid, r: SessionRequest) => {
  const late = e.started_at - r.requested_at;
  return late >= 0 ? late : -4 * late;
};

function sameCommand(argv: readonly string[], command: readonly string[]): boolean {
  if (argv.length === 0 || argv.length < command.length) return false;
  // an interpreter script shows as [interpreter, script, ...]; the command is then the end of argv
  const tail = argv.slice(argv.length - command.length);
  return tail.every((word, i) => word === command[i] || (i === 0 && base(word) === base(command[i] ?? '')));
}

const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);

function open(
  request: SessionRequest,
  exec: NamedPid | undefined,
  byExec: Map<string, Process>,
  sure: boolean,
): Session {
  const process = exec === undefined ? undefined : byExec.get(execKey(exec));
  return {
    ...request,
    exec_id: exec?.exec_id ?? '',
    pid: exec?.pid ?? -1,
    process_key: process?.process_key ?? '',
    started_at: exec?.started_at ?? 0,
    ended_at: exec?.ended_at || request.completed_at,
    confidence: exec === undefined ? 0 : sure ? SAME_COMMAND : UNSEEN_COMMAND,
  };
}
