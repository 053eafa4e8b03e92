// One pod as text for people.
import type { PodLife } from '../../analytics/queries/pod.ts';
import { renderActions, renderTokenUse } from './actor.ts';
import { clock, commandLine, duration, podName, shortId, shortTime } from './cells.ts';
import { fact, section } from './sections.ts';
import { visible } from './table.ts';

export function renderPod(pod: PodLife): string {
  const lines = [...headLines(pod), ...contextLines(pod), ...imageLines(pod)];
  section(lines, 'mounts of the host', hostMounts(pod), (m) => m);
  section(lines, 'containers', pod.containers, (c) => {
    const lived = c.ended_at ? `lived ${duration(c.started_at ?? c.created_at, c.ended_at)}` : 'end not seen';
    const exit = c.exit_status === null ? '' : `, exit ${c.exit_status}`;
    const begun = clock(c.started_at ?? c.created_at);
    return [begun, shortId(c.container_id), c.container_name || c.kind, c.image, `${lived}${exit}`].join('  ');
  });
  section(lines, 'sessions', pod.sessions, (s) =>
    [clock(s.requested_at), s.kind, s.principal, `from ${s.source_ip}`, commandLine(s.command)].join('  '),
  );
  renderActions(lines, 'asked the API', pod.actions);
  section(lines, 'uses of credentials', pod.token_uses, renderTokenUse);
  section(lines, 'findings', pod.findings, (f) =>
    [clock(f.time), f.severity, `${f.title} [${f.techniques.join(', ')}]`, f.summary].join('  '),
  );
  section(lines, 'chains', pod.chains, (c) => `${c.id}  ${c.severity}  ${c.title}`);
  return lines.map(visible).join('\n');
}

function headLines(p: PodLife): string[] {
  const rights = [
    p.privileged ? 'privileged' : '',
    p.host_network ? "on the host's network" : '',
    p.host_pid ? "sees the host's processes" : '',
  ].filter((r) => r !== '');
  const lived = p.ended_at ? `, lived ${duration(p.created_at ?? p.first_seen, p.ended_at)}` : '';
  const by = p.ended_by === '' ? '' : ` by ${p.ended_by}`;
  const later = p.deleted_by !== '' && p.deleted_audit_id !== p.ended_audit_id ? `, deleted by ${p.deleted_by}` : '';
  return [
    [`pod ${podName(p)}`, ...rights].join(', '),
    ...fact('uid', p.pod_uid + (p.mirror_uid === '' ? '' : ` (static; in the API ${p.mirror_uid})`)),
    ...fact('node', `${p.node || 'unknown'} (${p.cluster}), address ${p.ips.join(' ') || 'unknown'}`),
    ...fact(
      'began',
      `${shortTime(p.created_at ?? p.first_seen)} UTC${p.created_by === '' ? '' : `, created by ${p.created_by}`}`,
    ),
    ...fact('ended', p.ended_at ? `${shortTime(p.ended_at)} UTC${lived}: ${p.end_reason}${by}${later}` : 'not seen'),
    ...fact('known by', p.known_by.join(', ')),
    ...fact('account', p.service_account),
  ];
}

function contextLines({ workload: w, ...pod }: PodLife): string[] {
  const made = w.created_by === '' ? '' : `${w.created_by} from ${w.created_from} at ${shortTime(w.created_at)} UTC`;
  const changed = w.changed_by === '' ? '' : `${w.changed_by} from ${w.changed_from} at ${shortTime(w.changed_at)} UTC`;
  const guessed = w.method === 'name' ? ' (by name: the body in between was not kept)' : '';
  return [
    ...fact('workload', w.kind === '' ? '' : `${w.kind} ${w.name}${w.kind === 'Pod' ? ', without an owner' : guessed}`),
    ...fact('made by', made),
    ...fact('changed by', changed),
    ...fact('owner', pod.owner),
    ...fact('team', pod.team),
    ...fact('sensitivity', pod.sensitivity),
  ];
}

function imageLines(pod: PodLife): string[] {
  const lines: string[] = [];
  section(lines, 'images', pod.images, (i) => {
    const ran =
      i.ran_at === null
        ? ''
        : `ran first ${shortTime(i.ran_at)} in ${i.ran_pod || 'no pod'} on ${i.ran_node || 'an unknown node'}`;
    const pulled = i.pulled_at === null ? '' : `pulled first ${shortTime(i.pulled_at)} on ${i.pulled_node}`;
    return [i.names.join(' '), i.image_digest || 'digest unknown', pulled, ran].filter((t) => t !== '').join('  ');
  });
  return lines;
}

/** What a spec asks of the host, and what a runtime mounted that the kubelet does not give every pod. */
function hostMounts(pod: PodLife): string[] {
  const mounted = pod.containers.flatMap((c) =>
    c.mounts.filter((m) => !GIVEN.test(m.source)).map((m) => `${m.source} -> ${m.target}`),
  );
  const told = pod.host_paths.filter((path) => !mounted.some((m) => m.startsWith(`${path} -> `)));
  return [...new Set([...mounted, ...told])];
}
const GIVEN =
  /^\/(var\/lib\/kubelet\/pods|var\/lib\/containerd|run\/containerd|var\/lib\/containers|run\/containers|run\/crio|var\/lib\/docker)\//;
