// Sessions of all kinds as rows of their table.
import type { Row } from '../../store/store.ts';
import type { Login } from './login-sessions.ts';
import type { ClientSession } from './runtime-clients.ts';
import type { JoinedSession, Target } from './sessions.ts';

/** A container as session-targets.sql gives it. */
export interface TargetRow extends Target {
  pid: number;
  exit_status: number;
  args: string[];
  begin_digests: string[];
  end_digests: string[];
}

export interface SessionDraft {
  cluster: string;
  session_id: string;
  kind: string;
  principal: string;
  impersonated: string;
  source_ips: string[];
  user_agent: string;
  namespace: string;
  pod: string;
  pod_uid: string;
  container_id: string;
  container_name: string;
  command: string[];
  ports: string[];
  code: number;
  node: string;
  boot_id: string;
  ses: number;
  auid: number;
  account: string;
  terminal: string;
  parent_session: string;
  client_key: string;
  exec_id: string;
  pid: number;
  process_key: string;
  requested_us: number;
  started_us: number;
  ended_us: number;
  ended_by: string;
  exit_status: number;
  method: string;
  confidence: number;
  begin_hex: string[];
  end_hex: string[];
}

const EMPTY: SessionDraft = {
  ...{
    cluster: '',
    session_id: '',
    kind: '',
    principal: '',
    impersonated: '',
    source_ips: [],
    user_agent: '',
    namespace: '',
    pod: '',
  },
  ...{
    pod_uid: '',
    container_id: '',
    container_name: '',
    command: [],
    ports: [],
    code: 0,
    node: '',
    boot_id: '',
    ses: -1,
    auid: -1,
  },
  ...{
    account: '',
    terminal: '',
    parent_session: '',
    client_key: '',
    exec_id: '',
    pid: -1,
    process_key: '',
    requested_us: 0,
  },
  ...{
    started_us: 0,
    ended_us: 0,
    ended_by: '',
    exit_status: -1,
    method: '',
    confidence: 0,
    begin_hex: [],
    end_hex: [],
  },
};

/** @param firstOf the first process of a container, which attach and debug hold */
export function draftOfRequest(
  session: JoinedSession,
  container: TargetRow | undefined,
  firstOf: (target: Target) => { process_key: string; pid: number } | undefined,
): SessionDraft {
  const { request, target, start, entry } = session;
  const first = target !== undefined && session.method.startsWith('container') ? firstOf(target) : undefined;
  return {
    ...EMPTY,
    ...{ cluster: request.cluster, session_id: request.audit_id, kind: request.kind, principal: request.principal },
    ...{ impersonated: request.impersonated, source_ips: request.source_ips, user_agent: request.user_agent },
    ...{
      namespace: request.namespace,
      pod: request.pod,
      pod_uid: target?.pod_uid ?? '',
      container_id: target?.container_id ?? '',
    },
    container_name: target?.container_name ?? request.container_name,
    ...{
      command: request.kind === 'debug' ? (container?.args ?? []) : request.command,
      ports: request.ports,
      code: request.code,
      node: target?.node ?? '',
    },
    exec_id: start?.exec_id ?? '',
    pid: first?.pid ?? (start === undefined || start.pid <= 0 ? (entry?.pid ?? -1) : start.pid),
    process_key: first?.process_key ?? entry?.process_key ?? '',
    requested_us: request.requested_us,
    started_us: startOf(session),
    ...endOf(session, container),
    ...{ method: session.method, confidence: session.confidence },
    begin_hex: beginDigests(session, container),
    end_hex: endDigests(session, container),
  };
}

function startOf({ request, target, start, entry }: JoinedSession): number {
  if (request.kind === 'debug') return target?.begun_us ?? 0;
  return start?.started_us || entry?.first_us || start?.at_us || 0;
}

function endOf({ request, target, start, entry }: JoinedSession, container: TargetRow | undefined) {
  const end = (ended_us: number, ended_by: string, exit_status = -1) => ({ ended_us, ended_by, exit_status });
  if (request.code >= 400) return end(request.completed_us, 'refused');
  if (start !== undefined && start.exited_us > 0) return end(start.exited_us, 'exit', start.exit_status);
  if (entry !== undefined && entry.exited_us > 0) return end(entry.exited_us, 'exit', entry.exit_status);
  if (request.kind === 'debug')
    return end(target?.ended_us ?? 0, target?.ended_us ? 'container-exit' : '', container?.exit_status);
  if (request.completed_us > 0) return end(request.completed_us, 'answer');
  // nothing in a container outlives it
  return target !== undefined && target.ended_us > 0 ? end(target.ended_us, 'container-exit') : end(0, '');
}

function beginDigests({ request, start, entry }: JoinedSession, container: TargetRow | undefined): string[] {
  // the answer tells when the request came, too: where a policy leaves out the earlier stage, and to debug, which is answered at once
  const told = request.begin_digests.length > 0 ? request.begin_digests : request.end_digests;
  const began = request.kind === 'debug' ? (container?.begin_digests ?? []) : (start?.begin_digests ?? []);
  return unique([...told, ...began, start?.call?.digest ?? '', entry?.digest ?? '']);
}

function endDigests(session: JoinedSession, container: TargetRow | undefined): string[] {
  const { request, start, entry } = session;
  const byContainer = endOf(session, container).ended_by === 'container-exit' ? (container?.end_digests ?? []) : [];
  return unique([
    ...(start?.end_digests ?? []),
    ...(entry === undefined ? [] : [entry.end_digest]),
    ...(request.kind === 'debug' ? [] : request.end_digests),
    ...byContainer,
  ]);
}

export function draftOfClient(
  { start, entry, client, confidence }: ClientSession,
  container: TargetRow | undefined,
): SessionDraft {
  return {
    ...EMPTY,
    cluster: start.cluster,
    session_id: `exec:${start.node}:${start.exec_id}`,
    kind: 'runtime-exec',
    user_agent: client.command[0] ?? '',
    ...{ namespace: container?.namespace ?? '', pod: container?.pod ?? '', pod_uid: container?.pod_uid ?? '' },
    ...{ container_id: start.container_id, container_name: container?.container_name ?? '', node: start.node },
    command: entry?.command ?? [],
    client_key: client.process_key,
    exec_id: start.exec_id,
    pid: start.pid > 0 ? start.pid : (entry?.pid ?? -1),
    process_key: entry?.process_key ?? '',
    requested_us: client.first_us,
    started_us: start.started_us || entry?.first_us || start.at_us,
    ended_us: start.exited_us || entry?.exited_us || 0,
    ended_by: start.exited_us > 0 || (entry?.exited_us ?? 0) > 0 ? 'exit' : '',
    exit_status: start.exited_us > 0 ? start.exit_status : (entry?.exit_status ?? -1),
    method: 'client',
    confidence,
    begin_hex: unique([client.digest, ...start.begin_digests, start.call?.digest ?? '', entry?.digest ?? '']),
    end_hex: unique([...start.end_digests, entry?.end_digest ?? '']),
  };
}

export function draftOfLogin(login: Login, root: { process_key: string } | undefined): SessionDraft {
  return {
    ...EMPTY,
    ...{
      cluster: login.cluster,
      session_id: login.session_id,
      kind: login.kind,
      node: login.node,
      boot_id: login.boot_id,
    },
    ...{ ses: login.ses, auid: login.auid, account: login.account, terminal: login.terminal, command: login.command },
    source_ips: login.address === '' ? [] : [login.address],
    parent_session: login.parent_session,
    pid: login.pid,
    process_key: root?.process_key ?? '',
    ...{ requested_us: login.begun_us, started_us: login.begun_us, ended_us: login.ended_us, ended_by: login.ended_by },
    // the kernel's number, or the pid of su and sudo, in their own records
    ...{ method: login.kind.startsWith('login') ? 'login-number' : 'login-pid', confidence: 1 },
    ...{ begin_hex: login.begin_digests, end_hex: login.end_digests },
  };
}

const unique = (digests: readonly string[]) => [...new Set(digests.filter(Boolean))].sort();

export interface Tree {
  processes: number;
  last_us: number;
}

export function sessionRow(draft: SessionDraft, tree: Tree | undefined, version: number): Row {
  const { requested_us, started_us, ended_us, ...told } = draft;
  return {
    ...told,
    source_ip: draft.source_ips[0] ?? '',
    tree_processes: tree?.processes ?? 0,
    requested_at: instantOf(requested_us),
    started_at: instantOf(started_us),
    ended_at: instantOf(ended_us),
    last_seen: instantOf(tree?.last_us ?? 0),
    digests_hex: unique([...draft.begin_hex, ...draft.end_hex]),
    version,
  };
}

/** Microseconds as the engine reads an instant. */
export function instantOf(us: number): string {
  const seconds = new Date(Math.floor(us / 1e6) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(us - Math.floor(us / 1e6) * 1e6).padStart(6, '0')}`;
}
