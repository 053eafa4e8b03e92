// One container's life as text for people.
import type { ContainerLife, ContainerProcess } from '../../analytics/queries/container.ts';
import { clock, commandLine, duration, podName, shortId, shortTime } from './cells.ts';
import { visible } from './table.ts';

// What a terminal can show at a glance; the JSON has all.
const LINES_MAX = 60;

export function renderContainer(life: ContainerLife): string {
  const lines = [...headLines(life), ...podLines(life), ...processLines(life.processes)];
  section(lines, 'sessions', life.sessions, (s) =>
    [clock(s.requested_at), s.kind, s.principal, `from ${s.source_ip}`, commandLine(s.command)].join('  '),
  );
  section(lines, 'findings', life.findings, (f) =>
    [clock(f.time), f.severity, `${f.title} [${f.techniques.join(', ')}]`, f.summary].join('  '),
  );
  section(lines, 'chains', life.chains, (c) => `${shortId(c.id)}  ${c.severity}  ${c.title}`);
  section(lines, 'events', life.events, (e) => `${e.layer}  ${e.action}: ${e.events}`);
  return lines.map(visible).join('\n');
}

function headLines(c: ContainerLife): string[] {
  const lived = c.ended_at ? `, lived ${duration(c.started_at ?? c.created_at, c.ended_at)}` : '';
  const ended = c.ended_at ? shortTime(c.ended_at) : 'not seen';
  return [
    `${c.kind} ${c.container_name || shortId(c.container_id)}${c.privileged ? ', privileged' : ''}`,
    `id:      ${c.container_id}`,
    `pod:     ${podName(c)} (${c.pod_uid})`,
    `image:   ${c.image}`,
    `node:    ${c.node} (${c.cluster}), runtime namespace ${c.runtime_namespace}, pid ${c.pid ?? 'unknown'}`,
    `started: ${shortTime(c.started_at ?? c.created_at)} UTC`,
    `ended:   ${ended}${lived}${c.exit_status === null ? '' : `, exit ${c.exit_status}`}`,
    `runs:    ${commandLine(c.args)}`,
    ...c.mounts.map((m) => `mount:   ${m.source} -> ${m.target}`),
  ];
}

function podLines({ pod_object: pod }: ContainerLife): string[] {
  if (pod === null) return [];
  const owner = pod.owner_name === '' ? '' : `, owned by ${pod.owner_kind} ${pod.owner_name}`;
  return [
    `created: by ${pod.created_by || 'unknown'}${owner}, service account ${pod.service_account || 'none'}, address ${pod.ips.join(' ')}`,
    ...(pod.deleted_by === '' ? [] : [`deleted: by ${pod.deleted_by}`]),
  ];
}

// Children under their parents, both in order of time; a process whose parent is not here stands at the left.
function processLines(processes: readonly ContainerProcess[]): string[] {
  const here = new Set(processes.map((p) => p.process_key));
  const children = new Map<string, ContainerProcess[]>();
  for (const process of processes) {
    const parent = here.has(process.parent_key) && process.parent_key !== process.process_key ? process.parent_key : '';
    const siblings = children.get(parent);
    if (siblings) siblings.push(process);
    else children.set(parent, [process]);
  }
  const lines: string[] = [];
  const seen = new Set<string>();
  const waiting = (children.get('') ?? []).map((process) => ({ process, depth: 0 })).reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { process, depth } = next;
    if (seen.has(process.process_key)) continue; // records may claim a circle
    seen.add(process.process_key);
    lines.push(
      `  ${clock(process.first_seen)} ${'  '.repeat(Math.min(depth, 20))}${process.pid} ${commandOf(process)}`,
    );
    for (const child of (children.get(process.process_key) ?? []).toReversed())
      waiting.push({ process: child, depth: depth + 1 });
  }
  if (lines.length === 0) return [];
  return ['', `processes (${processes.length})`, ...bounded(lines)];
}

function commandOf(process: ContainerProcess): string {
  return process.argv.length > 0 ? commandLine(process.argv) : process.exe || process.comm;
}

function section<T>(lines: string[], title: string, rows: readonly T[], text: (row: T) => string): void {
  if (rows.length > 0) lines.push('', `${title} (${rows.length})`, ...bounded(rows.map((row) => `  ${text(row)}`)));
}

function bounded(lines: readonly string[]): string[] {
  const left = lines.length - LINES_MAX;
  return left <= 0 ? [...lines] : [...lines.slice(0, LINES_MAX), `  ... ${left} more (--json has all)`];
}
