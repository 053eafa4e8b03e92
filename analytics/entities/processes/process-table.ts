// Processes from what auditd saw: runs of one pid put together to lives, each with its boot, its begin and end, and its parent. A process is
// (node, boot, pid, first seen): pids come round again, and begin anew with every boot.

/** Events of one pid under one parent, one after the other within a minute, as process_runs has them; times in ms since 1970, 0 unknown. */
export interface Run {
  cluster: string;
  node: string;
  pid: number;
  ppid: number;
  first_seen: number;
  first_serial: number;
  last_seen: number;
  exe: string;
  comm: string;
  argv: string[];
  /** Of its first program, runc's own left out. */
  first_argv: string[];
  uid: number;
  auid: number;
  ses: number;
  setup: boolean;
  starts_with_exec: boolean;
  called_for: string;
  exec_devs: string[];
  exec_from_disk: boolean;
  exec_digests: string[];
  first_digest: string;
  last_digest: string;
  /** exit_group, or the kernel's word of a crash. */
  exits_at: number;
  exit_status: number;
  crashed: boolean;
  exit_digest: string;
  /** What clone and fork returned, as its own pid namespace numbers it. */
  forked_pids: number[];
  forked_at: number[];
  forked_digests: string[];
  /** Calls by which a process leaves its container, as far as they succeeded. */
  leave_calls: LeaveCall[];
  /** Containers that its cgroup named, and cgroups of containers that name none. */
  cgroup_ids: string[];
  cgroups: string[];
  /** Its cgroup was the node's, runc's own part left out. */
  on_host: boolean;
}

export interface LeaveCall {
  at: number;
  call: string;
  /** The directory of a chroot, the program called with arguments of its own; '' otherwise. */
  path: string;
  digest: string;
}

export interface Boot {
  /** boot_id where a collector told it, else the moment it began. */
  name: string;
  /** ms; 0 for what was before any boot that is known. */
  began_at: number;
  digest: string;
}

export type Method =
  | ''
  | 'cgroup'
  | 'runtime-pid'
  | 'descent'
  | 'runtime-call'
  | 'rootfs-dev'
  | 'siblings'
  | 'fork-order'
  | 'shim'
  | 'runtime-arguments';
/** What is there of it: executions, other events, the word of the fork it came from, or only children that name it. */
export type Seen = 'exec' | 'events' | 'fork' | 'child';
export type EndedBy = '' | 'exit' | 'crash' | 'runtime-exit' | 'container-exit' | 'pid-reused' | 'reboot';

type OfRun = 'starts_with_exec' | 'called_for' | 'exec_devs' | 'exec_from_disk' | 'first_digest' | 'last_digest';
type OfRunToo = 'exits_at' | 'crashed' | 'exit_digest' | 'forked_pids' | 'forked_at' | 'forked_digests' | 'leave_calls';
type OfCgroup = 'cgroup_ids' | 'cgroups' | 'on_host';
export interface Process extends Omit<Run, OfRun | OfRunToo | OfCgroup> {
  boot: string;
  process_key: string;
  parent_key: string;
  seen: Seen;
  ended_at: number;
  ended_by: EndedBy;
  begin_digest: string;
  end_digest: string;
  container_id: string;
  exec_id: string;
  method: Method;
  confidence: number;
  /** How it or an ancestor left the container it began in: setns | chroot | nsenter | ''. */
  left_by: string;
  left_at: number;
  left_digest: string;
}

/**
 * A fork leaves no record: a parent may have had its child before its own first event ($(cat token) before the command around it).
 * Within so long no pid comes round again on a machine that starts some hundred processes a second.
 */
const SILENT_MS_MAX = 60_000;
/** What runc's forks may leave between two events of one process. */
const HANDED_OVER_MS_MAX = 2_000;
/** The kernel's clock of audit goes in steps of up to 10 ms (CONFIG_HZ=100), and the call's entry is stamped. */
const CLOCK_STEP_MS = 10;

/** A process on its way to being placed. */
export interface Node extends Process, Pick<Run, OfRun | OfRunToo | OfCgroup> {
  /** A placement still to be found, found, or being looked for (a loop of reused pids ends there). */
  state: 'open' | 'busy' | 'done';
}

export interface ProcessTable {
  all: Node[];
  /** The process that had this pid at that time (ms), if auditd saw it then or soon after. */
  at(pid: number, time: number): Node | undefined;
}

/** Runs of one node, in order of time. */
export function createProcessTable(runs: readonly Run[], boots: readonly Boot[] = []): ProcessTable {
  const bootAt = (time: number) => boots.findLast((b) => b.began_at <= time);
  const byPid = new Map<number, Node[]>();
  const all: Node[] = [];
  const at = (pid: number, time: number): Node | undefined => {
    const same = byPid.get(pid);
    if (same === undefined) return undefined;
    const boot = nameOf(bootAt(time));
    const begun = same.findLast((n) => n.first_seen <= time);
    if (begun !== undefined && begun.boot === boot && !isOver(begun, time)) return begun;
    return same.find((n) => n.first_seen > time && n.first_seen <= time + SILENT_MS_MAX && n.boot === boot);
  };
  const enter = (node: Node) => {
    const same = byPid.get(node.pid) ?? [];
    const after = same.findLastIndex((n) => n.first_seen <= node.first_seen);
    same.splice(after + 1, 0, node);
    byPid.set(node.pid, same);
    all.push(node);
  };
  const forks = forksOf(runs);
  // runs come in order of time, so a parent's earlier runs are known when its child's come
  for (const run of runs) {
    const before = byPid.get(run.pid)?.at(-1);
    const boot = bootAt(run.first_seen);
    const end = before === undefined ? '' : whatEnded(before, run, boot, forks, at);
    if (before !== undefined && end === '') continueProcess(before, run);
    else {
      if (before !== undefined && end !== '') endBy(before, run, end, boot);
      enter(createNode(run, nameOf(boot)));
    }
  }
  for (const parent of [...impliedParents(all, at, (pid) => byPid.get(pid) ?? [])]) enter(parent);
  for (const node of all) {
    const parent = node.ppid > 0 ? at(node.ppid, node.first_seen) : undefined;
    if (parent !== undefined && parent !== node) node.parent_key = parent.process_key;
  }
  return { all, at };
}

const nameOf = (boot: Boot | undefined): string => boot?.name ?? '';
const isOver = (node: Node, time: number): boolean => node.ended_at > 0 && time > node.ended_at + CLOCK_STEP_MS;

/** What was before `run` under its pid ended, and by what; '' when the run is of the same process. */
function whatEnded(before: Node, run: Run, boot: Boot | undefined, forks: Forks, at: ProcessTable['at']): EndedBy {
  if (before.boot !== nameOf(boot)) return 'reboot';
  if (isOver(before, run.first_seen)) return before.ended_by;
  if (forks.between(run.ppid, run.pid, before.last_seen, run.first_seen)) return 'pid-reused';
  if (run.ppid !== before.ppid) return isAdopted(before, run, at) ? '' : 'pid-reused';
  // one parent's children may have one pid in turn where pids are few; a program that goes on after a minute seldom begins with another one
  return run.starts_with_exec && run.first_seen - before.last_seen > SILENT_MS_MAX ? 'pid-reused' : '';
}

/** A process whose parent ended is handed to pid 1 or to the nearest subreaper above (a shim): an ancestor of the old parent. */
function isAdopted(before: Node, run: Run, at: ProcessTable['at']): boolean {
  // whoever adopts, the program stays: a reused pid would start with a program of its own
  if (run.ppid === 1 || (!run.starts_with_exec && run.exe === before.exe && run.comm === before.comm)) return true;
  let parent = at(before.ppid, before.first_seen);
  for (let hops = 0; parent !== undefined && hops < 64; hops++) {
    if (parent.ppid === run.ppid) return true;
    parent = at(parent.ppid, parent.first_seen);
  }
  // runc's children are forks of a fork that auditd may not have seen at all
  return before.setup && run.first_seen - before.last_seen < HANDED_OVER_MS_MAX;
}

function endBy(before: Node, run: Run, by: EndedBy, boot: Boot | undefined): void {
  if (before.ended_at > 0) return;
  // the latest moment it can have been there
  before.ended_at = by === 'reboot' ? (boot?.began_at ?? run.first_seen) : run.first_seen;
  before.ended_by = by;
  before.end_digest = (by === 'reboot' ? boot?.digest : undefined) ?? run.first_digest;
}

interface Forks {
  /** Whether `parent` forked `child` after one moment and up to another: numbers of the node's own pid namespace. */
  between(parent: number, child: number, after: number, upTo: number): boolean;
}
function forksOf(runs: readonly Run[]): Forks {
  const times = new Map<string, number[]>();
  for (const run of runs)
    for (const [i, child] of run.forked_pids.entries()) {
      const key = `${run.pid} ${child}`;
      times.set(key, [...(times.get(key) ?? []), run.forked_at[i] ?? 0]);
    }
  return {
    between: (parent, child, after, upTo) =>
      times.get(`${parent} ${child}`)?.some((at) => at > after && at <= upTo + CLOCK_STEP_MS) ?? false,
  };
}

/**
 * Parents that left no event of their own (a server's worker that forks and runs nothing): a process each, known by its children, and by the
 * fork it came from where forks are recorded. Children so far apart may be of two processes with one pid: two such are told apart.
 */
function* impliedParents(
  all: readonly Node[],
  at: ProcessTable['at'],
  withPid: (pid: number) => readonly Node[],
): Generator<Node> {
  const eldest = new Map<string, Node>();
  const orphans = all
    .filter((n) => n.ppid > 1 && at(n.ppid, n.first_seen) === undefined)
    .sort((a, b) => a.first_seen - b.first_seen || a.first_serial - b.first_serial);
  for (const node of orphans) {
    const key = `${node.boot} ${node.ppid}`;
    const first = eldest.get(key);
    const isOther = withPid(node.ppid).some(
      (n) => n.first_seen > (first?.first_seen ?? 0) && n.first_seen <= node.first_seen,
    );
    if (first !== undefined && !isOther) continue;
    eldest.set(key, node);
    yield impliedBy(node);
  }
}

function impliedBy(child: Node): Node {
  const { cluster, node, ppid: pid, first_seen, first_serial } = child;
  const nothing = { exe: '', comm: '', argv: [], first_argv: [], uid: -1, auid: -1, ses: -1, setup: false };
  const no = { starts_with_exec: false, called_for: '', exec_devs: [], exec_from_disk: false, exec_digests: [] };
  const none = { exits_at: 0, exit_status: -1, crashed: false, exit_digest: '', leave_calls: [] };
  const cgroup = { cgroup_ids: [], cgroups: [], on_host: false };
  const digests = { first_digest: child.first_digest, last_digest: child.first_digest };
  const forks = { forked_pids: [], forked_at: [], forked_digests: [] };
  const run: Run = {
    ...{ cluster, node, pid, ppid: -1, first_seen, first_serial, last_seen: first_seen },
    ...{ ...nothing, ...no, ...none, ...digests, ...forks, ...cgroup },
  };
  return { ...createNode(run, child.boot), seen: 'child' };
}

function continueProcess(node: Node, run: Run): void {
  if (run.exec_digests.length > 0 || node.setup) {
    node.exe = run.exe;
    node.comm = run.comm;
    if (run.argv.length > 0) node.argv = run.argv;
    if (node.first_argv.length === 0) node.first_argv = run.first_argv;
  }
  if (run.last_seen >= node.last_seen) node.last_digest = run.last_digest;
  node.last_seen = Math.max(node.last_seen, run.last_seen);
  node.uid = run.uid;
  node.auid = run.auid;
  node.ses = run.ses;
  node.setup &&= run.setup;
  node.called_for ||= run.called_for;
  node.exec_devs = [...new Set([...node.exec_devs, ...run.exec_devs])];
  node.exec_from_disk ||= run.exec_from_disk;
  node.exec_digests = [...node.exec_digests, ...run.exec_digests];
  node.forked_pids = [...node.forked_pids, ...run.forked_pids];
  node.forked_at = [...node.forked_at, ...run.forked_at];
  node.forked_digests = [...node.forked_digests, ...run.forked_digests];
  node.leave_calls = [...node.leave_calls, ...run.leave_calls];
  node.cgroup_ids = [...new Set([...node.cgroup_ids, ...run.cgroup_ids])];
  node.cgroups = [...new Set([...node.cgroups, ...run.cgroups])];
  node.on_host ||= run.on_host;
  if (run.exec_digests.length > 0) node.seen = 'exec';
  if (run.exits_at > 0) takeExit(node, run);
}

function takeExit(node: Node, run: Run): void {
  node.ended_at = run.exits_at;
  node.ended_by = run.crashed ? 'crash' : 'exit';
  node.exit_status = run.exit_status;
  node.end_digest = run.exit_digest;
}

function createNode(run: Run, boot: string): Node {
  const node: Node = {
    ...run,
    boot,
    process_key: `${run.pid}@${run.first_seen}#${run.first_serial}`,
    parent_key: '',
    seen: run.exec_digests.length > 0 ? 'exec' : 'events',
    ended_at: 0,
    ended_by: '',
    begin_digest: run.first_digest,
    end_digest: '',
    container_id: '',
    exec_id: '',
    method: '',
    confidence: 0,
    left_by: '',
    left_at: 0,
    left_digest: '',
    state: 'open',
  };
  if (run.exits_at > 0) takeExit(node, run);
  return node;
}
