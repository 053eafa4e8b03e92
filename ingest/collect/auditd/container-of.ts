// Whose process an audit event is of: its container, read from /proc/<pid>/cgroup the moment the event appears, for a moment later process and
// container may be gone. What cannot be known is said, not guessed. Two small reads, some ten microseconds.
import { closeSync, existsSync, openSync, readlinkSync, readSync } from 'node:fs';
import { type AuditHeader, millisOf } from '../../frame/audit-header.ts';
import { cgroupPathOf, containerIdOf } from './cgroup-id.ts';

/** Travels in the envelope of the event. */
export type ContainerNote =
  | { container_from: 'cgroup'; container_id: string }
  /** The process lives, and in no container. */
  | { container_from: 'host' }
  /** It lives, not among the node's own processes, and its cgroup is not named as runtimes name them (`ctr run` with a name). */
  | { container_from: 'unknown'; cgroup: string }
  /** It has ended, or its number is another process's by now. */
  | { container_from: 'gone' };

export interface ContainerOfOptions {
  /** Where the node's proc is: /proc, or where it is mounted in the collector's container. */
  procRoot?: string | undefined;
  now: () => Date;
}

// Start times are in ticks of 10 ms, uptime too, the audit clock steps by 4: what is less than this apart may be the same moment.
const TOLERANCE_MS = 100;
const TICK_MS = 10; // USER_HZ is 100 on every architecture of Linux that runs containers
// The wall clock may be set: when the machine started is asked again so often.
const BOOT_TIME_MS = 10_000;
// Events of a process come in bursts, and no number is given again so soon. One in a container stays there; one on the host may be put into a
// container meanwhile (runc's own, before it becomes the container's first): its cgroup is read again, no more.
const CACHE_MS = 100;
const CACHE_MAX = 512;
// a line of v2 is some 200 bytes, a dozen of v1 two thousand, nested ones twice that
const READ_BYTES = 8 * 1024;
const CGROUP_BYTES_MAX = 512;

// The kernel gives its first PID namespace always the same number (PROC_PID_INIT_INO); that of process 1 may be hidden.
const INITIAL_NAMESPACE = 'pid:[4026531836]';

const GONE: ContainerNote = { container_from: 'gone' };
const HOST: ContainerNote = { container_from: 'host' };
const PID = Buffer.from(' pid=');

interface Known {
  note: ContainerNote;
  cgroup: string;
  startedMs: number;
  untilMs: number;
}

/** Asks for the process that a line of audit names (` pid=`); undefined when it names none. */
export function createContainerOf({ procRoot = '/proc', now }: ContainerOfOptions) {
  const buffer = Buffer.alloc(READ_BYTES);
  const known = new Map<number, Known>();
  const nodeNamespace = readLink(`${procRoot}/1/ns/pid`) ?? INITIAL_NAMESPACE;
  let bootMs = 0;
  let bootReadMs = Number.NEGATIVE_INFINITY;

  const read = (path: string): string => {
    const fd = openSync(path, 'r');
    try {
      return buffer.toString('latin1', 0, readSync(fd, buffer, 0, READ_BYTES, 0));
    } finally {
      closeSync(fd);
    }
  };
  const bootTimeMs = (): number => {
    const at = performance.now();
    if (at - bootReadMs > BOOT_TIME_MS) {
      bootMs = now().getTime() - Number.parseFloat(read(`${procRoot}/uptime`)) * 1000;
      bootReadMs = at;
    }
    return bootMs;
  };
  const look = (pid: number): Known | undefined => {
    const directory = `${procRoot}/${pid}`;
    if (!existsSync(directory)) return undefined; // a thrown error would cost ten times as much
    // state is the first field after the name, the start time the twentieth
    const stat = read(`${directory}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 20);
    const startedMs = bootTimeMs() + Number(fields[19]) * TICK_MS;
    const ended = fields[0] === 'Z' || fields[0] === 'X';
    const cgroup = read(`${directory}/cgroup`);
    const id = containerIdOf(cgroup);
    const about = { cgroup, startedMs, untilMs: performance.now() + CACHE_MS };
    if (id !== undefined) return { note: { container_from: 'cgroup', container_id: id }, ...about };
    // v1 takes a process out of its cgroups when it ends
    if (ended) return undefined;
    if (readLink(`${directory}/ns/pid`) === nodeNamespace) return { note: HOST, ...about };
    const path = cgroupPathOf(cgroup).slice(0, CGROUP_BYTES_MAX);
    return { note: { container_from: 'unknown', cgroup: path }, ...about };
  };
  const processOf = (pid: number): Known | undefined => {
    const before = known.get(pid);
    try {
      if (before && before.untilMs > performance.now() && isStill(before, pid)) return before;
      known.delete(pid);
      const found = look(pid);
      if (found === undefined) return undefined;
      if (known.size >= CACHE_MAX) known.clear();
      known.set(pid, found);
      return found;
    } catch {
      return undefined; // ended while it was read
    }
  };
  const isStill = ({ note, cgroup }: Known, pid: number): boolean =>
    note.container_from === 'cgroup' || read(`${procRoot}/${pid}/cgroup`) === cgroup;
  return (bytes: Buffer, from: number, to: number, header: AuditHeader): ContainerNote | undefined => {
    const pid = pidIn(bytes, from, to);
    if (pid === undefined) return undefined;
    const found = processOf(pid);
    if (found === undefined || found.startedMs > millisOf(bytes, header) + TOLERANCE_MS) return GONE;
    return found.note;
  };
}

/** Of the first field ` pid=`; `ppid=`, `opid=` are others. */
export function pidIn(bytes: Buffer, from: number, to: number): number | undefined {
  const line = bytes.subarray(from, to);
  let at = line.indexOf(PID);
  if (at === -1) return undefined;
  at += PID.length;
  let pid = 0;
  let digits = 0;
  for (; digits < 10; digits++) {
    const digit = (line[at + digits] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    pid = pid * 10 + digit;
  }
  return digits === 0 || pid === 0 ? undefined : pid;
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
