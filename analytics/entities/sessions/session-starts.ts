// What was started inside containers past their first process: execs, as the runtime tells of them, as runc was called for them, or as
// both. Requests (sessions.ts) and clients on the node (runtime-clients.ts) are joined to these; the rest are probes and hooks.

/** An exec as session-execs.sql gives it; times in microseconds, 0 unknown. */
export interface Exec {
  cluster: string;
  node: string;
  container_id: string;
  exec_id: string;
  added_us: number;
  started_us: number;
  exited_us: number;
  pid: number;
  exit_status: number;
  /** One text, where the runtime tells it at all (Docker). */
  command: string[];
  begin_digests: string[];
  end_digests: string[];
}

/** A process as session-entries.sql gives it. */
export interface Entry {
  role: string;
  cluster: string;
  node: string;
  process_key: string;
  pid: number;
  ppid: number;
  container_id: string;
  exec_id: string;
  first_us: number;
  command: string[];
  digest: string;
  /** 0 where its exit was not seen. */
  exited_us: number;
  exit_status: number;
  end_digest: string;
}

export interface Start extends Exec {
  /** Whose clock `at_us` is, and who told. */
  layer: 'runtime' | 'auditd';
  at_us: number;
  /** The call of runc for it, where auditd saw one. */
  call: Entry | undefined;
  /** What it may have run: exactly one where the runtime named its pid. */
  entries: Entry[];
}

/** An exec starts within this of runc's call, or the kubelet gives up; a loaded node takes a second or two. */
const STARTS_WITHIN_US = 10_000_000;

export function assembleStarts(execs: readonly Exec[], entries: readonly Entry[]): Start[] {
  const calls = entries.filter((e) => e.role === 'call').flatMap(readCall);
  const callOf = new Map(calls.map((c) => [keyOf(c.entry, c.container_id, c.exec_id), c.entry]));
  const named = new Map<string, Entry>();
  for (const e of entries)
    if (e.role === 'entry' && e.exec_id !== '') named.set(keyOf(e, e.container_id, e.exec_id), e);
  const byParent = new Map<string, Entry[]>();
  for (const e of entries) {
    if (e.role !== 'entry') continue;
    const key = `${e.cluster}\0${e.node}\0${e.ppid}`;
    const family = byParent.get(key);
    if (family === undefined) byParent.set(key, [e]);
    else family.push(e);
  }
  const programsOf = (container: string, exec: string, call: Entry | undefined): Entry[] => {
    if (call === undefined) return [];
    const parents = [call.ppid, call.pid];
    return parents
      .flatMap((parent) => byParent.get(`${call.cluster}\0${call.node}\0${parent}`) ?? [])
      .filter(
        (e) =>
          e.first_us >= call.first_us &&
          e.first_us <= call.first_us + STARTS_WITHIN_US &&
          (e.exec_id === '' || e.exec_id === exec) &&
          (e.container_id === '' || e.container_id === container),
      )
      .sort((a, b) => a.first_us - b.first_us);
  };
  const starts: Start[] = execs.map((exec) => {
    const key = keyOf(exec, exec.container_id, exec.exec_id);
    const call = callOf.get(key);
    const only = named.get(key);
    const at_us = exec.added_us > 0 ? exec.added_us : exec.started_us;
    const programs = only === undefined ? programsOf(exec.container_id, exec.exec_id, call) : [only];
    return { ...exec, layer: 'runtime', at_us, call, entries: programs };
  });
  const told = new Set(execs.map((e) => keyOf(e, e.container_id, e.exec_id)));
  for (const { entry, container_id, exec_id } of calls) {
    const key = keyOf(entry, container_id, exec_id);
    if (told.has(key)) continue;
    told.add(key);
    starts.push({
      ...{ cluster: entry.cluster, node: entry.node, container_id, exec_id, layer: 'auditd', at_us: entry.first_us },
      ...{ added_us: 0, started_us: 0, exited_us: 0, pid: -1, exit_status: -1, command: [], end_digests: [] },
      ...{
        begin_digests: [entry.digest].filter(Boolean),
        call: entry,
        entries: programsOf(container_id, exec_id, entry),
      },
    });
  }
  return starts;
}

const keyOf = (at: { cluster: string; node: string }, container: string, exec: string) =>
  [at.cluster, at.node, container, exec].join('\0');

/** runc [options] exec --process FILE [--pid-file .../EXECID.pid] ID, as shims and conmon call it. */
function readCall(entry: Entry): { entry: Entry; container_id: string; exec_id: string }[] {
  const words = entry.command;
  if (!words.some((w) => w === '--process' || w === '-p' || w.startsWith('--process='))) return [];
  const container_id = words.at(-1) ?? '';
  const at = words.indexOf('--pid-file');
  const pidFile = at === -1 ? (words.find((w) => w.startsWith('--pid-file=')) ?? '') : (words[at + 1] ?? '');
  const exec_id = /([^/=]+)\.pid$/.exec(pidFile)?.[1] ?? entry.process_key;
  return container_id === '' ? [] : [{ entry, container_id, exec_id }];
}

/** Whether a process was started with this command; undefined where nobody saw what it was started with. */
export function ranCommand(
  start: Pick<Start, 'command'>,
  entry: Entry | undefined,
  command: readonly string[],
): boolean | undefined {
  if (entry !== undefined && entry.command.length > 0) return sameCommand(entry.command, command);
  // Docker tells the words with spaces between
  if (start.command.length === 1) return start.command[0] === command.join(' ');
  return undefined;
}

function sameCommand(argv: readonly string[], command: readonly string[]): boolean {
  if (command.length === 0 || argv.length < command.length) return false;
  // an interpreter script shows as [interpreter, script, ...]; the command is then the end of argv
  const tail = argv.slice(argv.length - command.length);
  return tail.every((word, i) => word === command[i] || (i === 0 && base(word) === base(command[i] ?? '')));
}

const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);
