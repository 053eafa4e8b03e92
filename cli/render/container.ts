// One container's life as text for people.
import type { ContainerPage } from '../../analytics/queries/container-page.ts';
import { growForest } from '../../analytics/queries/process-forest.ts';
import { clock, commandLine, commandOf, duration, podName, shortId, shortTime } from './cells.ts';
import { findingInWords } from './finding.ts';
import { treeLines } from './process-tree.ts';
import { whoOf } from './session.ts';
import { visible } from './table.ts';

// What a terminal can show at a glance; the JSON has all.
const LINES_MAX = 60;

/** @param drawn the tree of processes with box-drawing characters, as a terminal has them */
export function renderContainer(page: ContainerPage, drawn: boolean): string {
  const lines = [...headLines(page), ...podLines(page), ...processLines(page, drawn)];
  section(lines, 'sessions', page.sessions, (s) =>
    [
      clock(s.requested_at),
      s.kind,
      whoOf(s),
      `from ${s.source_ip || 'the node'}`,
      commandLine(s.command),
      s.processes > 0 ? `(${s.processes} processes)` : '',
    ].join('  '),
  );
  section(lines, 'requests to the API server', page.api_calls, (r) =>
    [
      clock(r.time),
      `${r.verb} ${r.resource} ${r.namespace === '' ? r.name : `${r.namespace}/${r.name}`}`,
      `${r.code} ${r.decision}`,
      `as ${r.principal}`,
      r.from_container ? '' : '(of its pod)',
    ].join('  '),
  );
  section(lines, 'connections', page.connections, (c) =>
    [
      clock(c.first_time),
      c.direction === 'in' ? `from ${c.addr}` : `to ${c.addr}:${c.port}`,
      `${c.calls} calls`,
      c.outcomes.join(', '),
      c.exes.join(', '),
    ].join('  '),
  );
  section(lines, 'files written', page.files, (f) =>
    [clock(f.first_time), f.path, f.operations.join(', '), f.exes.join(', ')].join('  '),
  );
  section(lines, 'credentials where they do not belong', page.token_uses, (u) =>
    [clock(u.first_seen), u.username, `from ${u.address}`, `${u.requests} requests`, u.reason].join('  '),
  );
  section(lines, 'findings', page.findings, (f) =>
    [clock(f.time), f.severity, `${f.title} [${f.techniques.join(', ')}]`, findingInWords(f)].join('  '),
  );
  section(lines, 'chains', page.chains, (c) => `${c.id}  ${c.severity}  ${c.title}`);
  section(lines, 'gaps in its lifetime', page.gaps, (g) =>
    [
      `${clock(g.first_seen)} to ${clock(g.last_seen)}`,
      `${g.source} ${g.kind}`,
      `${g.missing ?? 'unknown'} missing`,
      g.detail,
    ].join('  '),
  );
  section(lines, 'events', page.events, (e) => `${e.layer}  ${e.action}: ${e.events}`);
  return lines.map((line) => visible(line).trimEnd()).join('\n');
}

function headLines(c: ContainerPage): string[] {
  const began = c.started_at ?? c.created_at;
  const lived = c.ended_at === null ? '' : `, lived ${duration(began, c.ended_at)}`;
  const how = [c.ended_by, c.exit_status === null ? '' : `status ${c.exit_status}`].filter((w) => w !== '').join(', ');
  return [
    `${c.kind} ${c.container_name || shortId(c.container_id)}${c.privileged ? ', privileged' : ''}`,
    `id:      ${c.container_id}`,
    `pod:     ${podName(c)} (${c.pod_uid})`,
    `image:   ${c.image}${c.image_digest === '' || c.image.includes('@') ? '' : ` @ ${c.image_digest}`}`,
    `node:    ${c.node} (${c.cluster}), runtime namespace ${c.runtime_namespace}, pid ${c.pid ?? 'unknown'}`,
    `started: ${began === null ? 'not seen' : `${shortTime(began)} UTC`}${proof(c.begin_digests)}`,
    `ended:   ${c.ended_at === null ? 'not seen' : `${shortTime(c.ended_at)} UTC`}${lived}${how === '' ? '' : `, by ${how}`}${proof(c.end_digests)}`,
    ...(c.known_by.length > 0 ? [`known by: ${c.known_by.join(', ')}`] : []),
    `runs:    ${commandLine(c.args)}`,
    ...mightLines(c.capabilities),
    ...c.mounts.map((m) => `mount:   ${m.source} -> ${m.target}`),
  ];
}

/** What containerd, Docker and CRI-O give every container between them; it tells nothing of this one. */
const EVERYONES = new Set(
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`),
);
const CAPABILITIES_SHOWN_MAX = 12;

function mightLines(capabilities: readonly string[]): string[] {
  const more = capabilities.filter((name) => !EVERYONES.has(name));
  if (more.length === 0) return [];
  const left = more.length - CAPABILITIES_SHOWN_MAX;
  return [`may:     ${more.slice(0, CAPABILITIES_SHOWN_MAX).join(' ')}${left > 0 ? ` and ${left} more` : ''}`];
}

/** Records to look at with `vestige record`. */
const PROOFS_SHOWN_MAX = 3;
const proof = (digests: readonly string[]) =>
  digests.length === 0 ? '' : ` (record ${digests.slice(0, PROOFS_SHOWN_MAX).map(shortId).join(', ')})`;

function podLines({ pod_object: pod }: ContainerPage): string[] {
  if (pod === null) return [];
  const owner = pod.owner_name === '' ? '' : `, owned by ${pod.owner_kind} ${pod.owner_name}`;
  const workload =
    pod.workload_name === '' || pod.workload_kind === 'Pod' ? '' : `${pod.workload_kind} ${pod.workload_name}`;
  const belongs = [
    pod.owner === '' ? '' : `owner ${pod.owner}`,
    pod.team === '' ? '' : `team ${pod.team}`,
    pod.sensitivity === '' ? '' : `sensitivity ${pod.sensitivity}`,
  ].filter((w) => w !== '');
  const host = [pod.host_network ? 'network' : '', pod.host_pid ? 'processes' : ''].filter((w) => w !== '');
  return [
    `created: by ${pod.created_by || 'unknown'}${owner}, service account ${pod.service_account || 'none'}, address ${pod.ips.join(' ')}`,
    ...(workload === '' ? [] : [`of:      ${workload}${pod.creator === '' ? '' : `, made by ${pod.creator}`}`]),
    ...(belongs.length > 0 ? [`whose:   ${belongs.join(', ')}`] : []),
    ...(host.length > 0 ? [`shares:  the node's ${host.join(' and ')}`] : []),
    ...(pod.deleted_by === '' ? [] : [`deleted: by ${pod.deleted_by}`]),
  ];
}

// Children under their parents, both in order of time; a process whose parent is not here stands at the left.
function processLines({ cluster, node, processes }: ContainerPage, drawn: boolean): string[] {
  const forest = growForest(processes.map((process) => ({ cluster, node, ...process })));
  const lines = treeLines(
    forest,
    (p) => ({
      head: `  ${clock(p.first_seen)}`,
      rest: `${p.pid} ${commandOf(p)}${p.left_by === '' ? '' : `  [left its container: ${p.left_by}]`}`,
    }),
    drawn,
  );
  return lines.length === 0 ? [] : ['', `processes (${processes.length})`, ...bounded(lines)];
}

function section<T>(lines: string[], title: string, rows: readonly T[], text: (row: T) => string): void {
  if (rows.length > 0) lines.push('', `${title} (${rows.length})`, ...bounded(rows.map((row) => `  ${text(row)}`)));
}

function bounded(lines: readonly string[]): string[] {
  const left = lines.length - LINES_MAX;
  return left <= 0 ? [...lines] : [...lines.slice(0, LINES_MAX), `  ... ${left} more (--json has all)`];
}
