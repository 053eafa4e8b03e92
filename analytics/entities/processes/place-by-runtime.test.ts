// Processes placed by what runtimes and collectors tell of them, from made-up evidence: what runc, crun, conmon and shims are called for and
// leave is that of the recordings and of their manuals.
import { describe, expect, test } from 'vitest';
import type { RuntimeCall } from './place-by-runtime.ts';
import type { Run } from './process-table.ts';
import { buildProcesses, type ContainerLife, type Evidence, type NamedPid } from './processes.ts';

const T = 1_000_000;
const at = { cluster: 'c', node: 'n' };
const run = (pid: number, ppid: number, time: number, more: Partial<Run> = {}): Run => ({
  ...{ ...at, pid, ppid, first_seen: T + time, first_serial: time, last_seen: T + time, exe: '/bin/sh', comm: 'sh' },
  ...{
    argv: ['sh'],
    first_argv: ['sh'],
    uid: 0,
    auid: -1,
    ses: -1,
    setup: false,
    starts_with_exec: true,
    called_for: '',
  },
  ...{
    exec_devs: [],
    exec_from_disk: false,
    exec_digests: [`d${pid}`],
    first_digest: `d${pid}`,
    last_digest: `d${pid}`,
  },
  ...{
    exits_at: 0,
    exit_status: -1,
    crashed: false,
    exit_digest: '',
    forked_pids: [],
    forked_at: [],
    forked_digests: [],
  },
  ...{ leave_calls: [], cgroup_ids: [], cgroups: [], on_host: false, ...more },
});
const onDisk: Partial<Run> = { exec_from_disk: true };
const from = (dev: string): Partial<Run> => ({ exec_devs: [dev] });
const noExec: Partial<Run> = { exec_digests: [], starts_with_exec: false };
const life = (id: string, begins: number, more: Partial<ContainerLife> = {}): ContainerLife => ({
  ...{ ...at, container_id: id, begins_at: T + begins, ends_at: 0, host_mounts: [], sandbox_id: '', ...more },
});
const named = (pid: number, id: string, time: number, more: Partial<NamedPid> = {}): NamedPid => ({
  ...{ ...at, container_id: id, exec_id: '', pid, started_at: T + time, ended_at: 0, exit_status: -1, ...more },
});
const call = (pid: number, ppid: number, time: number, verb: string, id: string): RuntimeCall => ({
  ...{ ...at, at: T + time, pid, ppid, verb, container_id: id },
});
const build = (evidence: Partial<Evidence>) =>
  buildProcesses({ runs: [], pids: [], containers: [], devices: [], boots: [], ...evidence });
const placed = (evidence: Partial<Evidence>) =>
  new Map(build(evidence).map((p) => [p.pid, `${p.container_id} ${p.method}`.trim()]));
const device = (dev: string, container_id: string) => ({ ...at, dev, container_id });

describe('a runtime that auditd saw', () => {
  const shim = run(50, 1, 0, { ...onDisk, exe: '/usr/bin/containerd-shim-runc-v2', comm: 'containerd-shim' });
  const runc = (pid: number, time: number) => run(pid, 50, time, { ...onDisk, exe: '/usr/sbin/runc', comm: 'runc' });

  test('runc create has the container’s first process as its child, runc exec another one; its hooks are the node’s', () => {
    const found = placed({
      runs: [
        ...[shim, runc(60, 10), run(61, 60, 12, from('00:b4')), run(62, 60, 13, { ...onDisk, exe: '/usr/bin/hook' })],
        ...[run(63, 61, 20, from('00:b4')), runc(70, 500), run(71, 70, 510, from('00:b4'))],
      ],
      calls: [call(50, 1, 0, 'shim', 'box'), call(60, 50, 10, 'create', 'web'), call(70, 50, 500, 'exec', 'web')],
      containers: [life('web', 10, { sandbox_id: 'box' }), life('box', 5)],
    });
    expect([61, 62, 63, 71].map((pid) => found.get(pid))).toEqual([
      'web runtime-call',
      '',
      'web descent',
      'web runtime-call',
    ]);
    expect([50, 60].map((pid) => found.get(pid))).toEqual(['', 'web runtime-arguments']);
  });

  test('conmon is the parent of its container’s processes; what it calls to clean up is the node’s', () => {
    const found = placed({
      runs: [
        ...[
          run(40, 1, 0, { ...onDisk, exe: '/usr/bin/conmon', comm: 'conmon' }),
          run(41, 40, 1, { ...onDisk, exe: '/usr/bin/crun', comm: 'crun' }),
        ],
        ...[run(42, 40, 5, from('00:c1')), run(43, 40, 900, { ...onDisk, exe: '/usr/bin/podman' })],
      ],
      calls: [call(40, 1, 0, 'monitor', 'pod1'), call(41, 40, 1, 'create', 'pod1')],
      containers: [life('pod1', 0)],
    });
    expect([42, 43].map((pid) => found.get(pid))).toEqual(['pod1 runtime-call', '']);
  });

  test('runc’s child stood in the container’s root, which is enough where runc’s own call was lost', () => {
    const found = placed({
      runs: [
        run(61, 60, 12, { ...noExec, setup: true, called_for: 'web', comm: 'runc:[2:INIT]', exe: '/' }),
        run(61, 50, 30, from('00:b4')),
      ],
      containers: [life('web', 10)],
    });
    expect(found.get(61)).toBe('web runtime-call');
  });

  test('a shim’s child is of the container that was just started, if none else was done in the pod', () => {
    const lone = {
      runs: [shim, run(61, 50, 120, from('00:b4')), run(71, 50, 5_120, from('00:b5'))],
      calls: [call(50, 1, 0, 'shim', 'box'), call(60, 50, 100, 'start', 'box'), call(70, 50, 5_100, 'start', 'web')],
      containers: [life('box', 90, { sandbox_id: 'box' }), life('web', 5_000, { sandbox_id: 'box' })],
    };
    const found = build(lone);
    expect(found.find((p) => p.pid === 61)).toMatchObject({ container_id: 'box', method: 'shim', confidence: 0.85 });
    expect(found.find((p) => p.pid === 71)).toMatchObject({ container_id: 'web', method: 'shim' });
    const busy = {
      ...lone,
      containers: [...lone.containers, life('log', 5_100, { sandbox_id: 'box' })],
      calls: [...lone.calls, call(80, 50, 5_110, 'exec', 'log'), call(81, 50, 5_111, 'start', 'log')],
    };
    expect(placed(busy).get(71)).toBe('');
  });

  test('a shim’s orphan is of the pod’s only container that lived, and of none where there are two', () => {
    const evidence = (...others: ContainerLife[]) => ({
      runs: [shim, run(61, 50, 120, from('00:b4')), run(99, 50, 60_000, from('00:ff'))],
      calls: [call(50, 1, 0, 'shim', 'box'), call(60, 50, 100, 'start', 'box')],
      containers: [life('box', 90, { sandbox_id: 'box' }), life('web', 5_000, { sandbox_id: 'box' }), ...others],
    });
    expect(placed(evidence()).get(99)).toBe('web shim');
    expect(placed(evidence(life('log', 6_000, { sandbox_id: 'box' }))).get(99)).toBe('');
    expect(placed(evidence(life('log', 6_000, { sandbox_id: 'box', ends_at: T + 9_000 }))).get(99)).toBe('web shim');
  });

  test('runc that runs in a container has its containers in there', () => {
    const found = placed({
      runs: [
        run(10, 50, 0, from('00:aa')),
        run(60, 10, 50, { ...from('00:aa'), exe: '/usr/bin/runc', comm: 'runc' }),
        run(61, 60, 60, from('00:bb')),
      ],
      pids: [named(10, 'builder', 1)],
      calls: [call(60, 10, 50, 'run', 'inner')],
      containers: [life('builder', 0), life('inner', 50)],
    });
    expect(found.get(61)).toBe('builder descent');
  });
});

describe('a pid that the runtime named', () => {
  test('is the container’s until its exit, seen first or late', () => {
    const late = { runs: [run(10, 5, 90_000, noExec), run(11, 10, 91_000)], containers: [life('web', 0)] };
    expect(placed({ ...late, pids: [named(10, 'web', 1, { ended_at: T + 95_000 })] }).get(11)).toBe('web descent');
    // it is another's by then
    expect(placed({ ...late, pids: [named(10, 'web', 1, { ended_at: T + 80_000 })] }).get(10)).toBe('');
  });

  test('of which no exit was told is the container’s as long as the runtime was heard of', () => {
    const evidence = { runs: [run(10, 5, 90_000, noExec)], pids: [named(10, 'web', 1)], containers: [life('web', 0)] };
    expect(placed({ ...evidence, heard: [{ ...at, until: T + 99_000 }] }).get(10)).toBe('web runtime-pid');
    expect(placed({ ...evidence, heard: [{ ...at, until: T + 50_000 }] }).get(10)).toBe('');
    const anew = { ...evidence, runs: [run(10, 5, 90_000, onDisk)], heard: [{ ...at, until: T + 99_000 }] };
    expect(placed(anew).get(10)).toBe('');
  });

  test('that auditd never saw is a parent all the same', () => {
    const found = placed({
      runs: [run(11, 10, 90_000)],
      pids: [named(10, 'web', 1, { ended_at: T + 99_000 })],
      containers: [life('web', 0)],
    });
    expect(found.get(11)).toBe('web descent');
  });
});

describe('a cgroup that a collector read', () => {
  const noted = (id: string): Partial<Run> => ({ cgroup_ids: [id] });
  test('names the container, whatever else is known or not', () => {
    const found = build({ runs: [run(10, 5, 0, noted('web')), run(11, 10, 5)], pids: [named(10, 'old', 1)] });
    expect(found.find((p) => p.pid === 10)).toMatchObject({ container_id: 'web', method: 'cgroup', confidence: 1 });
    expect(found.find((p) => p.pid === 11)).toMatchObject({ container_id: 'web', method: 'descent' });
  });
  test('that is the node’s speaks against any container', () => {
    const found = placed({
      runs: [run(10, 5, 0), run(11, 10, 5, { on_host: true }), run(12, 900, 6, { on_host: true, ...from('00:b4') })],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0)],
      devices: [device('00:b4', 'web')],
    });
    expect([10, 11, 12].map((pid) => found.get(pid))).toEqual(['web runtime-pid', '', '']);
  });
  test('that is the node’s says nothing of a container with the node’s pids and a name for an id', () => {
    const found = placed({
      runs: [run(10, 5, 0, { on_host: true }), run(11, 10, 5, { on_host: true })],
      pids: [named(10, 'named', 1)],
      containers: [life('named', 0)],
    });
    expect([10, 11].map((pid) => found.get(pid))).toEqual(['named runtime-pid', 'named descent']);
  });
  test('that names another container speaks against this one', () => {
    const found = placed({
      runs: [run(10, 5, 0), run(11, 10, 5, noted('other'))],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0)],
    });
    expect(found.get(11)).toBe('other cgroup');
  });
  test('of a process that left it for the node’s keeps the origin, for its children as well', () => {
    const found = placed({
      runs: [run(10, 5, 0, { ...noted('web'), on_host: true }), run(11, 10, 5, { on_host: true })],
      containers: [life('web', 0)],
    });
    expect([10, 11].map((pid) => found.get(pid))).toEqual(['web cgroup', 'web descent']);
  });
  test('bears the name of a container that was given one', () => {
    const named = (cgroup: string) =>
      placed({ runs: [run(10, 5, 0, { cgroups: [cgroup] })], containers: [life('probe-1', 0), life('web', 0)] }).get(
        10,
      );
    expect(
      ['/default/probe-1', '/system.slice/cri-containerd-probe-1.scope', '/a/default:ctr:probe-1', '/default/else'].map(
        named,
      ),
    ).toEqual([...['probe-1 cgroup', 'probe-1 cgroup', 'probe-1 cgroup', '']]);
  });
});

describe('evidence that disagrees', () => {
  const containers = [life('web', 0), life('db', 0)];
  const devices = [device('00:b4', 'web'), device('00:d8', 'db')];
  test('a program of another container, whose parent has long been silent, is that one’s, with less confidence', () => {
    const runs = [run(10, 5, 0), run(11, 10, 600_000, from('00:d8'))];
    const found = build({ runs, pids: [named(10, 'web', 1)], containers, devices });
    expect(found.find((p) => p.pid === 11)).toMatchObject({
      container_id: 'db',
      method: 'rootfs-dev',
      confidence: 0.8,
    });
  });
  test('a process that entered another container by nsenter keeps its origin, with less confidence', () => {
    const found = build({
      runs: [run(10, 5, 0), run(11, 10, 600, from('00:d8'))],
      pids: [named(10, 'web', 1)],
      containers,
      devices,
    });
    expect(found.find((p) => p.pid === 11)).toMatchObject({ container_id: 'web', method: 'descent', confidence: 0.8 });
  });
  test('a program of a container that the node’s own process started is the node’s', () => {
    const found = placed({
      runs: [run(10, 5, 0, { ...onDisk, exe: '/usr/bin/nsenter' }), run(11, 10, 600, from('00:d8'))],
      containers,
      devices,
    });
    expect(found.get(11)).toBe('');
  });
  test('a call for one container whose child runs from another’s root places nobody', () => {
    const found = placed({
      runs: [run(60, 50, 10, { ...onDisk, exe: '/usr/sbin/runc', comm: 'runc' }), run(61, 60, 12, from('00:d8'))],
      calls: [call(60, 50, 10, 'create', 'web')],
      containers,
      devices,
    });
    expect(found.get(61)).not.toMatch(/^web/);
  });
  test('a device that runtimes are read from is the node’s own', () => {
    const found = placed({
      runs: [
        run(60, 50, 10, { ...from('00:0f'), exe: '/usr/sbin/runc', comm: 'runc' }),
        run(10, 5, 20, from('00:0f')),
        run(99, 98, 30, from('00:0f')),
      ],
      calls: [call(60, 50, 10, 'create', 'web')],
      pids: [named(10, 'web', 21)],
      containers,
    });
    expect([10, 99].map((pid) => found.get(pid))).toEqual(['web runtime-pid', '']);
  });
});
