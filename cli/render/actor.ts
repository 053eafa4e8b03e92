// One principal as text for people, and what pods and principals show alike.
import type { Action, TokenUseRow } from '../../analytics/queries/actor-rows.ts';
import type { Actor } from '../../analytics/queries/who.ts';
import { clock, commandLine, podName, shortTime } from './cells.ts';
import { fact, section } from './sections.ts';
import { visible } from './table.ts';

// of a long list the first tell the kind
const NAMED_MAX = 8;
const some = (names: readonly string[]) =>
  names.length <= NAMED_MAX
    ? names.join(', ')
    : `${names.slice(0, NAMED_MAX).join(', ')} and ${names.length - NAMED_MAX} more`;

export function renderActor(a: Actor): string {
  const refused = a.refused === 0 ? '' : `, ${a.refused} refused`;
  const lines = [
    `${a.kind} ${a.principal} (${a.cluster})`,
    ...fact('uid', some(a.uids)),
    ...fact('groups', some(a.user_groups)),
    ...fact('used by', some(a.users)),
    ...fact('credentials', some(a.credential_ids)),
    ...fact('addresses', some(a.source_ips)),
    ...fact('agents', some(a.user_agents)),
    ...fact('first seen', `${shortTime(a.first_seen)} UTC`),
    ...fact('last seen', `${shortTime(a.last_seen)} UTC`),
    ...fact(
      'requests',
      `${a.requests}${refused}${a.as_impersonated === 0 ? '' : `, and ${a.as_impersonated} by others in its name`}`,
    ),
    ...fact('asked as', some(a.impersonates)),
    ...fact('asked by', some(a.impersonated_by)),
  ];
  renderActions(lines, 'asked the API', a.actions);
  section(lines, 'sessions', a.sessions, (s) =>
    [clock(s.requested_at), s.kind, podName(s), `from ${s.source_ip}`, commandLine(s.command)].join('  '),
  );
  section(lines, 'created', a.created, (c) =>
    [clock(c.time), c.resource, podName({ namespace: c.namespace, pod: c.name })].join('  '),
  );
  section(lines, 'pods', a.pods, (p) => [shortTime(p.first_seen), podName(p), p.pod_uid, p.node].join('  '));
  section(lines, 'processes', a.processes, (p) =>
    [
      clock(p.first_seen),
      `pid ${p.pid}`,
      p.pod === '' ? p.node : podName(p),
      commandLine(p.argv) || p.exe,
      `${p.requests} requests`,
    ].join('  '),
  );
  section(lines, 'uses of credentials', a.token_uses, renderTokenUse);
  section(lines, 'findings', a.findings, (f) =>
    [clock(f.time), f.severity, `${f.title} [${f.techniques.join(', ')}]`, f.summary].join('  '),
  );
  section(lines, 'chains', a.chains, (c) => `${c.id}  ${c.severity}  ${c.title}`);
  return lines.map(visible).join('\n');
}

export function renderActions(lines: string[], title: string, actions: readonly Action[]): void {
  section(lines, title, actions, (a) => {
    const refused = a.refused === 0 ? '' : `, ${a.refused} refused`;
    return `${a.verb} ${a.resource}: ${a.requests}${refused}  ${clock(a.first_seen)} to ${clock(a.last_seen)}`;
  });
}

export function renderTokenUse(u: TokenUseRow): string {
  return `${clock(u.first_seen)} to ${clock(u.last_seen)}  ${u.requests} requests  ${u.reason} (${Math.round(u.confidence * 100)} %)`;
}
