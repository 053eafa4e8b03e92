// One session as text for people.
import type { ProcessInside, SessionListed, SessionTold } from '../../analytics/queries/sessions.ts';
import { clock, commandLine, duration, podName, shortId, shortTime } from './cells.ts';
import { visible } from './table.ts';

// What a terminal can show at a glance; the JSON has all.
const LINES_MAX = 200;
const DEPTH_MAX = 20;

/** The id of a request is random: its beginning names it. That of a login says what it is. */
export function shortSession(id: string): string {
  return /^[0-9a-f-]{36}$/.test(id) ? shortId(id) : id.replace(/^(exec:.*:[0-9a-f]{12})[0-9a-f]+$/, '$1');
}

type Named = Omit<SessionListed, 'processes'>;

/** Who came: the API's user, whom he acted as; the account on a node. */
export function whoOf(s: Pick<Named, 'principal' | 'impersonated' | 'account' | 'auid'>): string {
  if (s.principal !== '') return s.impersonated === '' ? s.principal : `${s.impersonated} (by ${s.principal})`;
  const login = s.auid === null ? '' : `auid ${s.auid}`;
  return s.account === '' ? login : s.account;
}

/** Into what: a pod's container, else the node. */
export function whereOf(s: Named): string {
  if (s.pod === '') return s.container_id === '' ? s.node : shortId(s.container_id);
  return s.container_name === '' ? podName(s) : `${podName(s)}/${s.container_name}`;
}

export function renderSession(s: SessionTold): string {
  const lines = [...headLines(s), ...s.within.map((outer) => `within:  ${lineOf(outer)}`)];
  const { processes } = s;
  if (processes.length > 0) lines.push('', `commands (${processes.length})`, ...bounded(processes.map(processLine)));
  if (s.inner.length > 0)
    lines.push('', `sessions inside (${s.inner.length})`, ...bounded(s.inner.map((i) => `  ${lineOf(i)}`)));
  return lines.map(visible).join('\n');
}

function headLines(s: SessionTold): string[] {
  const names = [s.source_ips.join(', '), s.user_agent, s.terminal === '' ? '' : `terminal ${s.terminal}`].filter(
    Boolean,
  );
  const sure =
    s.attribution.method === ''
      ? 'nothing it started is known'
      : `${s.attribution.method}, confidence ${round(s.attribution.confidence)}`;
  const exit = s.exit_status === null ? '' : `, exit ${s.exit_status}`;
  const lasted = s.ended_at === null ? '' : `, lasted ${duration(s.requested_at, s.ended_at)}`;
  return [
    `${s.kind} ${s.session_id}`,
    `who:     ${whoOf(s) || 'unknown'}${s.ses === null ? '' : `, login session ${s.ses}`}${s.auid === null ? '' : `, auid ${s.auid}`}`,
    `from:    ${names.join(', ') || 'unknown'}`,
    `into:    ${whereOf(s)}${s.container_id === '' ? '' : ` (${s.container_id})`}, node ${s.node || 'unknown'} (${s.cluster})`,
    ...(s.command.length === 0 ? [] : [`command: ${commandLine(s.command)}`]),
    ...(s.ports.length === 0 ? [] : [`ports:   ${s.ports.join(', ')}`]),
    `began:   ${shortTime(s.requested_at)} UTC`,
    `ended:   ${s.ended_at === null ? 'not seen' : `${shortTime(s.ended_at)}${lasted}, by ${s.ended_by}${exit}`}`,
    `joined:  ${sure}`,
    ...clockLine(s),
  ];
}

function clockLine({ clock: offset, node }: SessionTold): string[] {
  if (offset === null) return [];
  const ms = (us: number) => `${Math.round(Math.abs(us) / 1000)} ms`;
  const way = offset.offset_us < 0 ? 'behind' : 'ahead of';
  return [`clock:   ${node} was ${ms(offset.offset_us)} ${way} the API server, +- ${ms(offset.uncertainty_us)}`];
}

const round = (confidence: number) => String(Math.round(confidence * 100) / 100);

function processLine(p: ProcessInside): string {
  const program = p.argv.length > 0 ? commandLine(p.argv) : p.exe || p.comm;
  const exit = p.exit_status === null ? '' : `  (exit ${p.exit_status})`;
  return `  ${clock(p.first_seen)} ${'  '.repeat(Math.min(p.depth, DEPTH_MAX))}${p.pid} ${program}${exit}`;
}

const lineOf = (s: SessionListed) =>
  [shortSession(s.session_id), clock(s.requested_at), s.kind, whoOf(s), whereOf(s), commandLine(s.command)]
    .filter(Boolean)
    .join('  ');

function bounded(lines: readonly string[]): string[] {
  const left = lines.length - LINES_MAX;
  return left <= 0 ? [...lines] : [...lines.slice(0, LINES_MAX), `  ... ${left} more (--json has all)`];
}
