// What raw logs say of exec requests, read without the store: for tests of what the store says. A request is found in the API's log, its
// container among the documents, and what it started where the runtime named a pid in that container within two seconds and auditd saw
// that pid execute the very words of the request.
import { readFileSync } from 'node:fs';
import { decompress } from 'fzstd';

export const LOGS = ['k8s-audit.log', 'audit.log', 'containerd-events.log', 'containers.jsonl'] as const;
export type Logs = Record<(typeof LOGS)[number], string>;

export function readLogs(recording: string): Logs {
  const read = (name: string) => Buffer.from(decompress(readFileSync(`${recording}/${name}.zst`))).toString();
  return Object.fromEntries(LOGS.map((name) => [name, read(name)])) as Logs;
}

export interface TrueExec {
  auditId: string;
  command: string[];
  execId: string;
  containerId: string;
  pid: number;
}

interface AuditEvent {
  auditID: string;
  requestURI: string;
  requestReceivedTimestamp: string;
  objectRef?: { subresource?: string; namespace: string; name: string };
}

export function execsOf(logs: Logs): { requests: TrueExec[]; probes: string[] } {
  const started = [...logs['containerd-events.log'].matchAll(/^(\S+) (\S+) .*\/tasks\/exec-started (\{.*\})$/gm)].map(
    (m) => ({
      at: Date.parse(`${m[1]}T${(m[2] ?? '').slice(0, 12)}Z`),
      ...(JSON.parse(m[3] ?? '') as { container_id: string; exec_id: string; pid: number }),
    }),
  );
  const containers = linesOf(logs['containers.jsonl']).map(
    (line) => JSON.parse(line) as { id: string; info: { Labels: Record<string, string> } },
  );
  const programs = executionsOf(logs['audit.log']);
  const events = linesOf(logs['k8s-audit.log']).map((line) => JSON.parse(line) as AuditEvent);
  const asked = new Map(events.filter((e) => e.objectRef?.subresource === 'exec').map((e) => [e.auditID, e]));
  const requests = [...asked.values()].map((event): TrueExec => {
    const query = new URL(event.requestURI, 'http://api').searchParams;
    const command = query.getAll('command');
    const at = Date.parse(event.requestReceivedTimestamp);
    const labels = {
      'pod.name': event.objectRef?.name,
      'pod.namespace': event.objectRef?.namespace,
      'container.name': query.get('container'),
    };
    const ids = containers
      .filter((c) => Object.entries(labels).every(([name, value]) => c.info.Labels[`io.kubernetes.${name}`] === value))
      .map((c) => c.id);
    const fitting = started.filter(
      (s) =>
        ids.includes(s.container_id) &&
        s.at >= at &&
        s.at <= at + 2_000 &&
        programs.some(
          (p) => p.pid === s.pid && Math.abs(p.at - s.at) < 2_000 && p.argv.join('\0') === command.join('\0'),
        ),
    );
    const [only] = fitting;
    if (only === undefined || fitting.length > 1) throw new Error(`${fitting.length} starts fit ${event.auditID}`);
    return { auditId: event.auditID, command, execId: only.exec_id, containerId: only.container_id, pid: only.pid };
  });
  const joined = new Set(requests.map((r) => r.execId));
  return { requests, probes: started.map((s) => s.exec_id).filter((id) => !joined.has(id)) };
}

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

function executionsOf(log: string): { pid: number; at: number; argv: string[] }[] {
  const pids = new Map(
    [...log.matchAll(/type=SYSCALL msg=audit\(([\d.]+:\d+)\).* pid=(\d+) /g)].map((m) => [m[1], Number(m[2])]),
  );
  return [...log.matchAll(/type=EXECVE msg=audit\((([\d.]+):\d+)\): argc=\d+ (.*)$/gm)].map((m) => ({
    pid: pids.get(m[1]) ?? -1,
    at: Number(m[2]) * 1000,
    argv: [...(m[3] ?? '').matchAll(/\ba\d+=("[^"]*"|[0-9A-F]+)/g)].map(([, word = '']) =>
      word.startsWith('"') ? word.slice(1, -1) : Buffer.from(word, 'hex').toString(),
    ),
  }));
}

/** The same recording as if the node's clock had told otherwise; `set` maps true milliseconds to the node's. */
export function setClock(logs: Logs, set: (ms: number) => number): Logs {
  const moved = (ms: number) => new Date(Math.round(set(ms))).toISOString();
  return {
    ...logs,
    'audit.log': logs['audit.log'].replace(/audit\((\d+)\.(\d{3}):/g, (_, s: string, ms: string) => {
      return `audit(${(Math.round(set(Number(s) * 1000 + Number(ms))) / 1000).toFixed(3)}:`;
    }),
    'containerd-events.log': logs['containerd-events.log'].replace(
      /^(\S+) (\d\d:\d\d:\d\d)(\.\d+)?/gm,
      (_, day: string, time: string, part = '') => {
        const at = moved(Date.parse(`${day}T${time}Z`) + Math.floor(Number(`0${part}`) * 1000));
        // what is below a millisecond stays
        return `${at.slice(0, 10)} ${at.slice(11, 23)}${part.slice(4)}`;
      },
    ),
    'containers.jsonl': logs['containers.jsonl'].replace(
      /"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"/g,
      (_, time: string) => {
        const part = /\.(\d+)Z/.exec(time)?.[1] ?? '';
        return `"${moved(Date.parse(time)).slice(0, 23)}${part.slice(3)}Z"`;
      },
    ),
  };
}
