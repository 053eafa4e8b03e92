// Whose process it is, asked of the kernel about real processes: in cgroups named as runtimes name them, on the host, ended, in namespaces.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { emptyHeader, readAuditHeader } from '../../frame/audit-header.ts';
import { createContainerOf, pidIn } from './container-of.ts';

const ID = 'f00dfeed0123456789abcdef0123456789abcdef0123456789abcdef01234567';

const processes: ChildProcess[] = [];
const cleanUp: (() => void)[] = [];
afterEach(async () => {
  for (const child of processes.splice(0)) {
    const ended = new Promise((done) => child.once('exit', done));
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
  }
  for (const undo of cleanUp.splice(0).reverse()) undo();
});

function started(command: string, ...args: string[]): number {
  const child = spawn(command, args, { stdio: 'ignore' });
  processes.push(child);
  return child.pid ?? 0;
}

const now = () => new Date();
function ask(pid: number, options: { atMs?: number; containerOf?: ReturnType<typeof createContainerOf> } = {}) {
  const { atMs = Date.now(), containerOf = createContainerOf({ now }) } = options;
  const id = `${Math.floor(atMs / 1000)}.${String(atMs % 1000).padStart(3, '0')}:77`;
  const line = Buffer.from(
    `type=SYSCALL msg=audit(${id}): arch=c000003e syscall=59 ppid=1 pid=${pid} auid=0 exe="/bin/x"`,
  );
  const header = emptyHeader();
  expect(readAuditHeader(line, 0, line.length, header)).toBe(true);
  return containerOf(line, 0, line.length, header);
}

const hierarchies = ['unified', 'pids', 'memory', ''].map((name) => join('/sys/fs/cgroup', name));
/** A directory of a cgroup hierarchy in which processes can be put, made with all its parents. */
function cgroupIn(hierarchy: string, path: string): string {
  const names = path.split('/').filter((name) => name !== '');
  let directory = hierarchy;
  for (const name of names) {
    directory = join(directory, name);
    if (existsSync(directory)) continue;
    mkdirSync(directory);
    const made = directory;
    cleanUp.push(() => rmdirSync(made));
  }
  return directory;
}
const usable = hierarchies.filter((hierarchy) => {
  const probe = join(hierarchy, `vestige-probe-${process.pid}`);
  if (!existsSync(join(hierarchy, 'cgroup.procs'))) return false;
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
});
if (usable.length === 0) console.warn('container-of.test.ts: no cgroup can be made here: real cgroups are not tested');

describe('the process of an audit event', () => {
  it('on the host is in no container', () => {
    expect(ask(started('sleep', '30'))).toEqual({ container_from: 'host' });
    expect(ask(process.pid)).toEqual({ container_from: 'host' });
  });

  it('that has ended is gone, also while its parent has not asked for it', async () => {
    const { pid } = spawnSync('/bin/true');
    expect(ask(pid)).toEqual({ container_from: 'gone' });
    const parent = started('sh', '-c', 'true & exec sleep 30');
    const zombieOf = () => readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').trim();
    await expect.poll(() => readFileSync(`/proc/${zombieOf()}/stat`, 'latin1')).toMatch(/\) Z /);
    expect(ask(Number(zombieOf()))).toEqual({ container_from: 'gone' });
  });

  it('whose number is another process’s by now is gone', () => {
    const pid = started('sleep', '30');
    expect(ask(pid, { atMs: Date.now() - 5_000 })).toEqual({ container_from: 'gone' });
    expect(ask(pid, { atMs: Date.now() + 5_000 })).toEqual({ container_from: 'host' });
  });

  it('that the line does not name is not asked for', () => {
    const containerOf = createContainerOf({ now });
    const line = Buffer.from('type=PROCTITLE msg=audit(1795439390.632:9989): proctitle="x"');
    const header = emptyHeader();
    readAuditHeader(line, 0, line.length, header);
    expect(containerOf(line, 0, line.length, header)).toBeUndefined();
    const pids = ['ppid=1 pid=22 x', 'opid=3', ' ppid=4', ' pid=', ' pid=abc', " pid=5 msg='", ' pid=0 '];
    expect(pids.map((text) => pidIn(Buffer.from(text), 0, text.length))).toEqual([
      22,
      undefined,
      undefined,
      undefined,
      undefined,
      5,
      undefined,
    ]);
    // no further than its line
    const two = Buffer.from('type=CWD x\ntype=SYSCALL pid=7 ');
    expect(pidIn(two, 0, 10)).toBeUndefined();
  });

  it('among processes of its own, in a cgroup without an id, is of nobody knows which container', async ({ skip }) => {
    if (spawnSync('unshare', ['--pid', '--fork', 'true']).status !== 0) return skip('no namespaces here');
    const parent = started('unshare', '--pid', '--fork', '--kill-child', 'sleep', '30');
    const child = () => readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').trim();
    await expect.poll(child).toMatch(/^\d+$/);
    expect(ask(Number(child()))).toEqual({ container_from: 'unknown', cgroup: expect.stringMatching(/^\//) });
  });

  it.skipIf(usable.length === 0)('in a cgroup of a container is in that container', () => {
    const containerOf = createContainerOf({ now });
    for (const hierarchy of usable)
      for (const path of [
        `/kubepods/besteffort/podx-${process.pid}/${ID}`,
        `/vestige.slice/cri-containerd-${ID}.scope`,
      ]) {
        const pid = started('sleep', '30');
        expect(ask(pid, { containerOf })).toEqual({ container_from: 'host' });
        writeFileSync(join(cgroupIn(hierarchy, path), 'cgroup.procs'), String(pid));
        expect(ask(pid, { containerOf }), hierarchy).toEqual({ container_from: 'cgroup', container_id: ID });
        expect(ask(pid, { containerOf, atMs: Date.now() - 5_000 })).toEqual({ container_from: 'gone' });
      }
  });

  it('is read below another root than /proc', () => {
    const root = mkdtempSync(join(tmpdir(), 'vestige-proc-'));
    cleanUp.push(() => rmSync(root, { recursive: true, force: true }));
    writeFileSync(join(root, 'uptime'), '1000.00 900.00\n');
    mkdirSync(join(root, '42'));
    // started 990 s after the machine, by a program whose name looks like fields
    const fields = ['S', ...Array.from({ length: 18 }, () => '0'), '99000', '0'];
    writeFileSync(join(root, '42', 'stat'), `42 (a) b (c d) ${fields.join(' ')}\n`);
    writeFileSync(join(root, '42', 'cgroup'), `0::/docker/${ID}\n`);
    const at = (secondsAgo: number) =>
      ask(42, { containerOf: createContainerOf({ procRoot: root, now }), atMs: Date.now() - secondsAgo * 1000 });
    expect(at(9)).toEqual({ container_from: 'cgroup', container_id: ID });
    expect(at(11)).toEqual({ container_from: 'gone' });
  });
});
