// A dossier as a report to read and to file: lists only, every word of a record in a code span (markdown.ts).
import type { Dossier } from './dossier.ts';
import { code } from './markdown.ts';
import { processTree } from './process-tree.ts';

const DIGESTS_SHOWN = 3; // of one fact; JSON has up to 20

export function dossierMarkdown(d: Dossier): string {
  const { container: c } = d;
  const parts = [
    `# Container ${code(c.container_id)}`,
    bullets([...identity(d), ...lifetime(d), ...specification(d)]),
    section('Created by', d.creations, creationLine),
    section('Processes', processTree(d.processes), ({ process: p, depth }) => {
      const words = `${p.first_seen} pid ${p.pid} uid ${p.uid} ${code(p.argv.length > 0 ? commandLine(p.argv) : p.exe)}`;
      return { text: `${words} (${p.attribution.method} ${p.attribution.confidence})${proof(p.digests)}`, depth };
    }),
    section(
      'Files changed',
      d.files,
      (f) =>
        `${f.first_time} ${f.operations.join(', ')}: ${code(f.path)} by ${codes(f.exes)}, ${times(f.events)}${proof(f.digests)}`,
    ),
    section('Connections', d.connections, (n) => {
      const peer = n.direction === 'out' ? `to ${code(`${n.addr}:${n.port}`)}` : `from ${code(n.addr)}`;
      return `${n.first_time} ${peer} by ${codes(n.exes)}, ${times(n.calls)}: ${n.outcomes.join(', ')}${proof(n.digests)}`;
    }),
    section('API calls', d.api_calls, (a) => {
      const object = code([a.namespace, a.name].filter((t) => t !== '').join('/'));
      const whose = a.from_container ? '' : ', by its pod, container not known';
      return `${a.time} ${code(`${a.verb} ${a.resource}`)} ${object}: ${a.code || 'no answer yet'} as ${code(a.principal)} with ${code(a.user_agent)} (${a.method} ${a.confidence}${whose})${proof(a.digests)}`;
    }),
    section(
      'Sessions',
      d.sessions,
      (s) =>
        `${s.requested_at ?? 'time unknown'} ${s.kind} by ${code(s.principal)} from ${code(s.source_ip)}: ${code(commandLine(s.command))}, until ${s.ended_at ?? 'not seen'}${proof(s.digests)}`,
    ),
    section(
      'Findings',
      d.findings,
      (f) =>
        `${f.time} ${f.severity}: ${code(f.title)} ${codes(f.techniques)}: ${code(f.summary)}${f.suppressed_by === '' ? '' : ` (suppressed by ${code(f.suppressed_by)})`}${proof(f.digests)}`,
    ),
    section('Chains', d.chains, (h) => `${code(h.id)} ${h.severity}: ${code(h.title)}`),
    section('Not known', d.unknown, (words) => code(words)),
    section('Longer than shown', d.truncated, (t) => `${t.list}: ${t.shown} of ${t.total}`),
    `Made ${d.made_at} from the records of ${code(c.cluster)}. A digest is the SHA-256 of a record's bytes: ${code('vestige record DIGEST')} shows them.`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

type Line = string | { text: string; depth: number };

function identity({ container: c, pod }: Dossier): string[] {
  return [
    `Name: ${code(c.container_name)}, ${code(c.kind)} on node ${code(c.node)} of ${code(c.cluster)}, runtime namespace ${code(c.runtime_namespace)}`,
    `Pod: ${c.pod_uid === '' ? 'unknown' : `${code(`${c.namespace}/${c.pod}`)}, uid ${code(c.pod_uid)}`}`,
    ...(pod
      ? [
          `Service account: ${code(pod.service_account)}; addresses ${codes(pod.ips)}; owner ${pod.owner_name === '' ? 'none' : code(`${pod.owner_kind} ${pod.owner_name}`)}; created by ${pod.created_by === '' ? 'nobody seen' : code(pod.created_by)}; deleted by ${pod.deleted_by === '' ? 'nobody seen' : code(pod.deleted_by)}${proof(pod.digests)}`,
        ]
      : []),
  ];
}

function lifetime({ container: c }: Dossier): string[] {
  const seen = (time: string | null) => time ?? 'not seen';
  return [
    `Created ${seen(c.created_at)}, started ${seen(c.started_at)}, ended ${seen(c.ended_at)}, removed ${seen(c.removed_at)}, exit status ${c.exit_status ?? 'unknown'}${proof(c.digests)}`,
  ];
}

function specification({ container: c, pod }: Dossier): string[] {
  const rights = [
    ...(c.privileged ? ['privileged'] : ['not privileged']),
    ...(pod?.host_network ? ['host network'] : []),
    ...(pod?.host_pid ? ['host pid'] : []),
  ];
  return [
    `Image: ${code(c.image)}`,
    `Command: ${code(commandLine(c.args))}`,
    `Rights: ${rights.join(', ')}; capabilities ${codes(c.capabilities)}`,
    `Mounts of the node: ${c.mounts.length === 0 ? 'none' : c.mounts.map((m) => `${code(m.source)} at ${code(m.target)}`).join('; ')}`,
    `Environment: ${codes(c.env_names)}`,
  ];
}

function creationLine(c: Dossier['creations'][number]): string {
  const object = code(`${c.kind} ${c.namespace}/${c.name}`);
  if (c.request === null) return `${object}: request not in the records`;
  const r = c.request;
  return `${object}: ${r.time} by ${code(r.principal)} from ${codes(r.source_ips)} with ${code(r.user_agent)}${proof(r.digests)}`;
}

function section<T>(title: string, items: readonly T[], line: (item: T) => Line): string {
  return items.length === 0 ? '' : `## ${title}\n\n${bullets(items.map(line))}`;
}

function bullets(lines: readonly Line[]): string {
  return lines.map((l) => (typeof l === 'string' ? `- ${l}` : `${'  '.repeat(l.depth)}- ${l.text}`)).join('\n');
}

// Arguments with their borders: what is no plain word is quoted.
const commandLine = (argv: readonly string[]) =>
  argv.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`)).join(' ');

const codes = (texts: readonly string[]) => (texts.length === 0 ? 'none' : texts.map(code).join(' '));
const times = (n: number) => (n === 1 ? 'once' : `${n} times`);

function proof(digests: readonly string[]): string {
  const more = digests.length > DIGESTS_SHOWN ? ` and ${digests.length - DIGESTS_SHOWN} more` : '';
  return digests.length === 0 ? '' : ` [${digests.slice(0, DIGESTS_SHOWN).join(' ')}${more}]`;
}
