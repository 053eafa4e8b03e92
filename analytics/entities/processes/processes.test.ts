import { describe, expect, test } from 'vitest';
import type { Run } from './process-table.ts';
import { buildProcesses, type ContainerLife, type Evidence, type NamedPid } from './processes.ts';

const T = 1_000_000;
const run = (pid: number, ppid: number, at: number, more: Partial<Run> = {}): Run => ({
  cluster: 'c',
  node: 'n',
  pid,
  ppid,
  first_seen: T + at,
  first_serial: at,
  last_seen: T + at,
  exe: '/bin/sh',
  comm: 'sh',
  argv: ['sh'],
  first_argv: ['sh'],
  uid: 0,
  auid: -1,
  ses: -1,
  setup: false,
  starts_with_exec: true,
  called_for: '',
  exec_devs: [],
  exec_from_disk: false,
  exec_digests: [`d${pid}`],
  ...{ first_digest: `d${pid}`, last_digest: `d${pid}`, exits_at: 0, exit_status: -1, crashed: false, exit_digest: '' },
  ...{ forked_pids: [], forked_at: [], forked_digests: [], leave_calls: [] },
  ...{ cgroup_ids: [], cgroups: [], on_host: false },
  ...more,
});
const life = (id: string, begins: number, ends = 0): ContainerLife => ({
  cluster: 'c',
  node: 'n',
  container_id: id,
  begins_at: T + begins,
  ends_at: ends === 0 ? 0 : T + ends,
  host_mounts: [],
  sandbox_id: '',
});
const named = (pid: number, id: string, at: number, exec = ''): NamedPid => ({
  cluster: 'c',
  node: 'n',
  container_id: id,
  exec_id: exec,
  pid,
  started_at: T + at,
  ended_at: 0,
  exit_status: -1,
});
const placed = (evidence: Partial<Evidence>) =>
  new Map(
    buildProcesses({ runs: [], pids: [], containers: [], devices: [], boots: [], ...evidence }).map((p) => [
      p.pid,
      `${p.container_id} ${p.method}`.trim(),
    ]),
  );

describe('processes', () => {
  test('the runtime names the first process, and descent its children and theirs', () => {
    const found = placed({
      runs: [run(10, 5, 0), run(11, 10, 100), run(12, 11, 200), run(20, 5, 300)],
      pids: [named(10, 'web', 8)],
      containers: [life('web', 0)],
    });
    expect(found).toEqual(
      new Map([
        [10, 'web runtime-pid'],
        [11, 'web descent'],
        [12, 'web descent'],
        [20, ''],
        [5, ''],
      ]),
    );
  });

  test("a start reported after the container's first children still places them", () => {
    const found = placed({
      runs: [run(10, 5, 0), run(11, 10, 2)],
      pids: [named(10, 'web', 50)],
      containers: [life('web', 0)],
    });
    expect(found.get(11)).toBe('web descent');
  });

  test("a parent whose own first event came after its child's is still its parent", () => {
    const processes = buildProcesses({
      runs: [run(10, 5, 0), run(12, 11, 100), run(11, 10, 104)],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0)],
      devices: [],
      boots: [],
    });
    expect(processes.find((p) => p.pid === 12)).toMatchObject({ container_id: 'web', parent_key: '11@1000104#104' });
  });

  test('a child of a fork that left no record is placed by the device of its root', () => {
    const found = placed({
      runs: [run(10, 5, 0, { exec_devs: ['00:b4'] }), run(31, 30, 500, { exec_devs: ['00:b4'] }), run(32, 31, 600)],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0)],
    });
    expect(found.get(31)).toBe('web rootfs-dev');
    expect(found.get(32)).toBe('web descent');
  });

  test('a device number used again belongs to whoever lives then', () => {
    const devices = [
      { cluster: 'c', node: 'n', dev: '00:b4', container_id: 'old' },
      { cluster: 'c', node: 'n', dev: '00:b4', container_id: 'new' },
    ];
    const found = placed({
      runs: [run(31, 30, 1_000, { exec_devs: ['00:b4'] }), run(41, 40, 90_000, { exec_devs: ['00:b4'] })],
      containers: [life('old', 0, 5_000), life('new', 60_000)],
      devices,
    });
    expect(found.get(31)).toBe('old rootfs-dev');
    expect(found.get(41)).toBe('new rootfs-dev');
  });

  test('two living containers on one device prove nothing', () => {
    const found = placed({
      runs: [run(31, 30, 1_000, { exec_devs: ['00:b4'] })],
      containers: [life('a', 0), life('b', 0)],
      devices: ['a', 'b'].map((id) => ({ cluster: 'c', node: 'n', dev: '00:b4', container_id: id })),
    });
    expect(found.get(31)).toBe('');
  });

  test('a program read from the disk of the node is not placed by an overlay it also touched', () => {
    const found = placed({
      runs: [run(31, 30, 1_000, { exec_devs: ['00:b4'], exec_from_disk: true })],
      containers: [life('a', 0)],
      devices: [{ cluster: 'c', node: 'n', dev: '00:b4', container_id: 'a' }],
    });
    expect(found.get(31)).toBe('');
  });

  test("a pid used again after the container's end is not its child", () => {
    const found = placed({
      runs: [run(10, 5, 0), run(11, 10, 100), run(99, 11, 60_000)],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0, 2_000)],
    });
    expect(found.get(99)).toBe('');
  });

  describe('a parent that left no event, whose pid comes between those of two children of one process,', () => {
    const shell = run(10, 5, 0, { last_seen: T + 5_000 });
    const between = [run(20, 10, 2_000), run(23, 21, 2_004), run(24, 21, 2_010), run(22, 10, 2_002)];
    const web = { pids: [named(10, 'web', 1)], containers: [life('web', 0), life('other', 0)] };
    const keys = (evidence: Partial<Evidence>) => {
      const processes = buildProcesses({ runs: [], devices: [], boots: [], ...web, ...evidence });
      const parent = processes.find((p) => p.pid === 21);
      return [parent?.ppid, processes.find((p) => p.pid === 10)?.process_key === parent?.parent_key];
    };

    test('was forked by that process, and its children are of the same container', () => {
      const runs = [shell, ...between];
      expect(placed({ runs, ...web })).toEqual(
        new Map([
          [5, ''],
          [10, 'web runtime-pid'],
          [20, 'web descent'],
          [21, 'web fork-order'],
          [22, 'web descent'],
          [23, 'web descent'],
          [24, 'web descent'],
        ]),
      );
      expect(keys({ runs })).toEqual([10, true]);
    });

    test.each<[string, Run[]]>([
      ['a pid between them is of nobody known', [run(19, 10, 2_000), ...between.slice(1)]],
      ['the pid before is of another parent', [run(20, 99, 2_000), ...between.slice(1)]],
      ['the pid after is of another parent', [...between.slice(0, 3), run(22, 99, 2_002)]],
      ['they began at other times', [run(20, 10, 20_000), run(22, 10, 20_002), run(23, 21, 2_004)]],
      [
        'its children are of another login session',
        between.map((r) => (r.ppid === 21 ? { ...r, ses: 4, auid: 7 } : r)),
      ],
    ])("is nobody's where %s", (_, runs) => {
      expect(placed({ runs: [shell, ...runs], ...web }).get(23)).toBe('');
      expect(keys({ runs: [shell, ...runs] })).toEqual([-1, false]);
    });

    test('is not moved where its children are known to be of another container; of the same, one neighbour is enough', () => {
      const devices = [{ cluster: 'c', node: 'n', dev: '00:b4', container_id: 'other' }];
      const ran = (r: Run) => (r.ppid === 21 ? { ...r, exec_devs: ['00:b4'] } : r);
      const elsewhere = { runs: [shell, ...between.map(ran)], devices };
      expect(placed({ ...web, ...elsewhere }).get(23)).toBe('other rootfs-dev');
      expect(keys(elsewhere)).toEqual([-1, false]);
      // its children's children come next
      const below = [run(20, 10, 2_000), run(22, 21, 2_002), run(23, 22, 2_004), run(24, 21, 2_010)].map(ran);
      const ofWeb = [{ cluster: 'c', node: 'n', dev: '00:b4', container_id: 'web' }];
      expect(keys({ runs: [shell, ...below], devices: ofWeb })).toEqual([-1, false]);
      const beside = {
        runs: [shell, ...between.slice(1).map(ran)],
        devices: [{ cluster: 'c', node: 'n', dev: '00:b4', container_id: 'web' }],
      };
      expect(keys(beside)).toEqual([10, true]);
    });
  });

  test('siblings of one unseen parent follow those that are placed, unless they contradict', () => {
    const found = placed({
      runs: [
        run(31, 30, 1_000, { exec_devs: ['00:b4'] }),
        run(32, 30, 1_010, { exec_digests: [], exec_devs: [] }),
        run(33, 30, 1_020, { exec_from_disk: true }),
      ],
      containers: [life('web', 0)],
      devices: [{ cluster: 'c', node: 'n', dev: '00:b4', container_id: 'web' }],
    });
    expect(found.get(32)).toBe('web siblings');
    expect(found.get(33)).toBe('');
  });

  test('a process that its parent left to a subreaper stays one process', () => {
    const processes = buildProcesses({
      runs: [
        run(1, 0, 0, { comm: 'containerd-shim' }),
        run(7, 1, 10, { comm: 'runc' }),
        run(8, 7, 20, { comm: 'runc:[2:INIT]', exe: '/', setup: true, exec_digests: [] }),
        run(8, 1, 40),
      ],
      pids: [named(8, 'web', 45)],
      containers: [life('web', 0)],
      devices: [],
      boots: [],
    });
    const mine = processes.filter((p) => p.pid === 8);
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({ container_id: 'web', comm: 'sh', setup: false });
  });

  test('one pid under two unrelated parents is two processes', () => {
    const processes = buildProcesses({
      runs: [run(10, 5, 0), run(10, 77, 50_000)],
      pids: [],
      containers: [],
      devices: [],
      boots: [],
    });
    expect(new Set(processes.filter((p) => p.pid === 10).map((p) => p.process_key)).size).toBe(2);
  });

  test('nodes do not mix: the same pid elsewhere is another process', () => {
    const processes = buildProcesses({
      runs: [run(10, 5, 0), run(11, 10, 100, { node: 'other' })],
      pids: [named(10, 'web', 1)],
      containers: [life('web', 0)],
      devices: [],
      boots: [],
    });
    expect(processes.find((p) => p.node === 'other')?.container_id).toBe('');
  });

  test('runc is told by its arguments, and only as set-up', () => {
    const processes = buildProcesses({
      runs: [run(7, 5, 0, { comm: 'runc', called_for: 'web' })],
      pids: [],
      containers: [life('web', 0)],
      devices: [],
      boots: [],
    });
    expect(processes[0]).toMatchObject({ container_id: 'web', method: 'runtime-arguments', setup: true });
  });
});
