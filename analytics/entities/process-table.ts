// Processes from what auditd saw: runs of one pid put together where a parent's end had only changed the ppid, and each with its parent.

/** A run of one pid under one parent, as runs.sql gives it; times in ms since 1970. */
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
}

export type Method = '' | 'runtime-pid' | 'descent' | 'rootfs-dev' | 'siblings' | 'runtime-arguments';

export interface Process extends Omit<Run, 'called_for' | 'exec_devs' | 'exec_from_disk' | 'starts_with_exec'> {
  process_key: string;
  parent_key: string;
  container_id: string;
  exec_id: string;
  method: Method;
  confidence: number;
}

/**
 * A fork leaves no record: a parent may have had its child before its own first event ($(cat token) before the command around it).
 * Within so long no pid comes round again on a machine that starts some hundred processes a second.
 */
const SILENT_MS_MAX = 60_000;
/** What runc's forks may leave between two events of one process. */
const HANDED_OVER_MS_MAX = 2_000;

/** A process on its way to being placed. */
export interface Node extends Process {
  starts_with_exec: boolean;
  called_for: string;
  exec_devs: string[];
  exec_from_disk: boolean;
  /** A placement still to be found, found, or being looked for (a loop of reused pids ends there). */
  state: 'open' | 'busy' | 'done';
}

export interface ProcessTable {
  all: Node[];
  /** The process that had this pid at that time (ms), if auditd saw it then or soon after. */
  at(pid: number, time: number): Node | undefined;
}

/** Runs must come in order of time. */
export function createProcessTable(runs: readonly Run[]): ProcessTable {
  const byPid = new Map<number, Node[]>();
  const all: Node[] = [];
  const at = (pid: number, time: number) => {
    const same = byPid.get(pid);
    return same?.findLast((n) => n.first_seen <= time) ?? same?.find((n) => n.first_seen <= time + SILENT_MS_MAX);
  };
  // runs come in order of time, so a parent's earlier runs are known when its child's come
  for (const run of runs) {
    const before = byPid.get(run.pid)?.at(-1);
    if (before !== undefined && isAdopted(before, run, at)) continueProcess(before, run);
    else {
      const node = createNode(run);
      byPid.set(run.pid, [...(byPid.get(run.pid) ?? []), node]);
      all.push(node);
    }
  }
  for (const node of all) {
    const parent = at(node.ppid, node.first_seen);
    if (parent !== undefined && parent !== node) node.parent_key = parent.process_key;
  }
  return { all, at };
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

function continueProcess(node: Node, run: Run): void {
  node.last_seen = Math.max(node.last_seen, run.last_seen);
  if (run.exec_digests.length > 0 || node.setup) {
    node.exe = run.exe;
    node.comm = run.comm;
    if (run.argv.length > 0) node.argv = run.argv;
    if (node.first_argv.length === 0) node.first_argv = run.first_argv;
  }
  node.uid = run.uid;
  node.auid = run.auid;
  node.ses = run.ses;
  node.setup &&= run.setup;
  node.called_for ||= run.called_for;
  node.exec_devs = [...new Set([...node.exec_devs, ...run.exec_devs])];
  node.exec_from_disk ||= run.exec_from_disk;
  node.exec_digests = [...node.exec_digests, ...run.exec_digests];
}

function createNode(run: Run): Node {
  return {
    ...run,
    process_key: `${run.pid}@${run.first_seen}#${run.first_serial}`,
    parent_key: '',
    container_id: '',
    exec_id: '',
    method: '',
    confidence: 0,
    state: 'open',
  };
}
