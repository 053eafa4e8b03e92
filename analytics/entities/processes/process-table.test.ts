import { describe, expect, test } from 'vitest';
import { type Boot, createProcessTable, type Run } from './process-table.ts';
import { buildProcesses, type ContainerLife, type NamedPid } from './processes.ts';

const T = 1_700_000_000_000;
const run = (pid: number, ppid: number, at: number, more: Partial<Run> = {}): Run => ({
  ...{ cluster: 'c', node: 'n', pid, ppid, first_seen: T + at, first_serial: at, last_seen: T + at },
  ...{ exe: '/bin/sh', comm: 'sh', argv: ['sh'], first_argv: ['sh'], uid: 0, auid: -1, ses: -1 },
  ...{ setup: false, starts_with_exec: true, called_for: '', exec_devs: [], exec_from_disk: false },
  ...{ exec_digests: [`exec ${pid} ${at}`], first_digest: `first ${pid} ${at}`, last_digest: `last ${pid} ${at}` },
  ...{ exits_at: 0, exit_status: -1, crashed: false, exit_digest: '' },
  ...{ forked_pids: [], forked_at: [], forked_digests: [], leave_calls: [] },
  ...{ cgroup_ids: [], cgroups: [], on_host: false },
  ...more,
});
const exits = (at: number, status = 0): Partial<Run> => ({
  exits_at: T + at,
  exit_status: status,
  exit_digest: 'exit',
});
const forks = (...children: [pid: number, at: number][]): Partial<Run> => ({
  forked_pids: children.map(([pid]) => pid),
  forked_at: children.map(([, at]) => T + at),
  forked_digests: children.map(([pid]) => `fork ${pid}`),
});
const quiet: Partial<Run> = { starts_with_exec: false, exec_digests: [] };
const boot = (name: string, at: number): Boot => ({ name, began_at: T + at, digest: `boot ${name}` });
const life = (id: string, begins: number, ends = 0, host_mounts: string[] = []): ContainerLife => ({
  ...{
    cluster: 'c',
    node: 'n',
    container_id: id,
    begins_at: T + begins,
    ends_at: ends && T + ends,
    host_mounts,
    sandbox_id: '',
  },
});
const named = (pid: number, id: string, at: number, ended = 0, exit_status = -1): NamedPid => ({
  ...{ cluster: 'c', node: 'n', container_id: id, exec_id: '', pid, started_at: T + at },
  ...{ ended_at: ended && T + ended, exit_status },
});
const lives = (runs: Run[], boots: Boot[] = []) =>
  createProcessTable(runs, boots)
    .all.filter((n) => n.seen !== 'child')
    .map((n) => `${n.pid} ${n.first_seen - T}..${n.last_seen - T} ${n.ended_by}`.trim());

describe('a pid', () => {
  test('over many minutes under one parent is one process, as long as it does not begin anew', () => {
    const runs = [run(10, 5, 0), run(10, 5, 70_000, quiet), run(10, 5, 600_000, quiet)];
    expect(lives(runs)).toEqual(['10 0..600000']);
  });

  test('that starts a program after a minute of silence has come round to another child of the same parent', () => {
    expect(lives([run(10, 5, 0), run(10, 5, 61_000)])).toEqual(['10 0..0 pid-reused', '10 61000..61000']);
  });

  test('that executes again within a minute is the same process: exec', () => {
    expect(lives([run(10, 5, 0), run(10, 5, 30_000)])).toEqual(['10 0..30000']);
  });

  test('is another process after its exit, however soon', () => {
    expect(lives([run(10, 5, 0, exits(1)), run(10, 5, 15)])).toEqual(['10 0..0 exit', '10 15..15']);
  });

  test('is another process when its parent is recorded to fork it again', () => {
    const parent = run(5, 1, -10, forks([10, -1], [10, 20]));
    expect(lives([parent, run(10, 5, 0), run(10, 5, 25)])).toEqual(['5 -10..-10', '10 0..0 pid-reused', '10 25..25']);
  });

  test('after a reboot is another process, and so are its children', () => {
    const boots = [boot('first', -1_000), boot('second', 50_000)];
    const runs = [run(10, 5, 0), run(11, 10, 40_000), run(10, 5, 60_000, quiet), run(12, 10, 70_000)];
    const table = createProcessTable(runs, boots);
    const keys = new Map(table.all.map((n) => [`${n.pid} ${n.boot}`, n]));
    expect(keys.get('10 first')).toMatchObject({ ended_by: 'reboot', ended_at: T + 50_000, end_digest: 'boot second' });
    expect(keys.get('11 first')?.parent_key).toBe(keys.get('10 first')?.process_key);
    expect(keys.get('12 second')?.parent_key).toBe(keys.get('10 second')?.process_key);
  });
});

describe('a parent without events', () => {
  test('is a process, known by its children', () => {
    const { all } = createProcessTable([run(11, 10, 0), run(12, 10, 300)]);
    const [parent] = all.filter((n) => n.seen === 'child');
    expect(parent).toMatchObject({ pid: 10, ppid: -1, first_seen: T, begin_digest: 'first 11 0' });
    expect(all.filter((n) => n.parent_key === parent?.process_key).map((n) => n.pid)).toEqual([11, 12]);
  });

  test('is not the process that had its pid before and ended', () => {
    const { all } = createProcessTable([run(10, 1, 0, exits(5)), run(11, 10, 2), run(12, 10, 300)]);
    const [later] = all.filter((n) => n.seen === 'child');
    expect(all.find((n) => n.pid === 11)?.parent_key).toBe(
      all.find((n) => n.pid === 10 && n.seen === 'exec')?.process_key,
    );
    expect(all.find((n) => n.pid === 12)?.parent_key).toBe(later?.process_key);
  });

  test('was forked by a process of the node, where that is recorded', () => {
    const processes = buildProcesses({
      ...{
        runs: [run(5, 1, 0, forks([10, 50], [20, 60])), run(11, 10, 100)],
        pids: [],
        containers: [],
        devices: [],
        boots: [],
      },
    });
    const [forker, worker, silent] = [5, 10, 20].map((pid) => processes.find((p) => p.pid === pid));
    expect(worker).toMatchObject({ parent_key: forker?.process_key, ppid: 5 });
    expect(silent).toMatchObject({
      seen: 'fork',
      parent_key: forker?.process_key,
      begin_digest: 'fork 20',
      first_seen: T + 60,
    });
  });

  test('is not made from what a process in a container is told of its forks: those are numbers of its own namespace', () => {
    const processes = buildProcesses({
      ...{
        runs: [run(5, 1, 0, forks([20, 60]))],
        pids: [named(5, 'web', 1)],
        containers: [life('web', 0)],
        devices: [],
        boots: [],
      },
    });
    expect(processes.map((p) => p.pid)).toEqual([5]);
  });
});

describe('the end of a process', () => {
  const ends = (runs: Run[], containers: ContainerLife[], pids: NamedPid[]) =>
    buildProcesses({ runs, containers, pids, devices: [], boots: [] })
      .filter((p) => p.seen !== 'child')
      .map((p) => `${p.pid} ${p.ended_by} ${p.ended_at && p.ended_at - T} ${p.exit_status}`);

  test('is its exit_group, else the exit that the runtime reports, else that of its container', () => {
    const runs = [run(10, 5, 0), run(11, 10, 10, exits(20, 3)), run(12, 10, 30)];
    expect(ends(runs, [life('web', 0, 500)], [named(10, 'web', 1, 480, 137)])).toEqual([
      '10 runtime-exit 480 137',
      '11 exit 20 3',
      '12 container-exit 500 -1',
    ]);
  });

  test('is not known of a process that left its container', () => {
    const leaves = [{ at: T + 12, call: 'setns', path: '', digest: 'setns' }];
    const runs = [run(10, 5, 0), run(11, 10, 10, { leave_calls: leaves })];
    expect(ends(runs, [life('web', 0, 500)], [named(10, 'web', 1)])).toEqual(['10 container-exit 500 -1', '11  0 -1']);
  });
});

describe('a process that leaves its container', () => {
  const left = (call: string, path: string, mounts: string[]) =>
    buildProcesses({
      runs: [
        run(10, 5, 0),
        run(11, 10, 10, { leave_calls: [{ at: T + 15, call, path, digest: 'proof' }] }),
        run(12, 11, 20),
        run(13, 10, 30),
        run(14, 11, 12),
      ],
      ...{ pids: [named(10, 'web', 1)], containers: [life('web', 0, 0, mounts)], devices: [], boots: [] },
    })
      .filter((p) => p.left_by !== '')
      .map((p) => `${p.pid} ${p.container_id} ${p.left_by} ${p.left_digest}`);

  test('keeps it as its origin, and so does what it starts afterwards', () => {
    expect(left('setns', '', [])).toEqual(['11 web setns proof', '12 web setns proof']);
  });
  test('by chroot does so only into a directory of the host', () => {
    expect(left('chroot', '/host/', ['/host'])).toHaveLength(2);
    expect(left('chroot', '/host', ['/'])).toHaveLength(2);
    expect(left('chroot', '/hostile', ['/host'])).toEqual([]);
    expect(left('chroot', '/var/empty', [])).toEqual([]);
  });
});
