import { describe, expect, test } from 'vitest';
import { type ClockOffset, estimateOffsets } from '../clocks/clock-offsets.ts';
import { voteOffsets } from '../clocks/clock-votes.ts';
import { createClocks } from '../clocks/clocks.ts';
import { assembleStarts, type Entry, type Exec } from './session-starts.ts';
import { joinSessions, leftOver, type SessionRequest, type Target } from './sessions.ts';

const MS = 1_000;
const T = 1_795_000_000_000_000;
const request = (id: string, at: number, command: string[], more: Partial<SessionRequest> = {}): SessionRequest => ({
  cluster: 'c',
  audit_id: id,
  kind: 'exec',
  principal: 'alice',
  impersonated: '',
  source_ips: ['198.51.100.20'],
  user_agent: 'kubectl',
  namespace: 'shop',
  pod: 'web',
  container_name: 'app',
  command,
  ports: [],
  ephemeral: [],
  requested_us: T + at * MS,
  completed_us: 0,
  code: 101,
  begin_digests: [],
  end_digests: [],
  ...more,
});
const target = (id: string, more: Partial<Target> = {}): Target => ({
  cluster: 'c',
  node: 'n',
  container_id: id,
  container_name: 'app',
  namespace: 'shop',
  pod: 'web',
  pod_uid: `uid-${id}`,
  begun_us: T - 600_000 * MS,
  ended_us: 0,
  ...more,
});
const exec = (id: string, pid: number, at: number, more: Partial<Exec> = {}): Exec => ({
  cluster: 'c',
  node: 'n',
  container_id: 'web',
  exec_id: id,
  added_us: T + at * MS,
  started_us: T + (at + 30) * MS,
  exited_us: 0,
  pid,
  exit_status: -1,
  command: [],
  begin_digests: [],
  end_digests: [],
  ...more,
});
const entry = (id: string, pid: number, command: string[], more: Partial<Entry> = {}): Entry => ({
  role: 'entry',
  cluster: 'c',
  node: 'n',
  process_key: `${pid}@0#0`,
  pid,
  ppid: 5,
  container_id: 'web',
  exec_id: id,
  first_us: T,
  command,
  digest: '',
  ...{ exited_us: 0, exit_status: -1, end_digest: '' },
  ...more,
});
const offset = (offset_us: number, uncertainty_us: number): ClockOffset => ({
  ...{
    cluster: 'c',
    node: 'n',
    layer: 'runtime',
    reference: 'k8s-audit',
    offset_us,
    uncertainty_us,
    pairs: 1,
    digests: [],
  },
  ...{ window_begin_us: T - 1_000_000 * MS, window_end_us: T + 1_000_000 * MS },
});
const SAME_CLOCK = createClocks([offset(0, 20 * MS)]);

const join = (
  requests: SessionRequest[],
  execs: Exec[],
  entries: Entry[],
  targets = [target('web')],
  clocks = SAME_CLOCK,
) => joinSessions(requests, targets, assembleStarts(execs, entries), clocks);
const joined = (...args: Parameters<typeof join>) =>
  Object.fromEntries(join(...args).map((s) => [s.request.audit_id, s.start?.exec_id ?? '']));

describe('an exec request', () => {
  test('joins the start that follows it', () => {
    expect(joined([request('r', 0, ['ps'])], [exec('x', 7, 10)], [entry('x', 7, ['ps'])])).toEqual({ r: 'x' });
  });

  test('does not join a probe that starts sooner than the command asked for', () => {
    expect(
      joined(
        [request('r', 0, ['sh', '-c', 'id'])],
        [exec('probe', 6, 5), exec('x', 7, 60)],
        [entry('probe', 6, ['wget', '-q', 'http://127.0.0.1']), entry('x', 7, ['sh', '-c', 'id'])],
      ),
    ).toEqual({ r: 'x' });
  });

  test('of two with one command each joins its own start, in their order', () => {
    expect(
      joined(
        [request('second', 100, ['ps']), request('first', 0, ['ps'])],
        [exec('b', 8, 140), exec('a', 7, 40)],
        [entry('a', 7, ['ps']), entry('b', 8, ['ps'])],
      ),
    ).toEqual({ first: 'a', second: 'b' });
  });

  test('joins nothing where only a probe started; the probe is left over', () => {
    const execs = [exec('probe', 6, 20)];
    const entries = [entry('probe', 6, ['wget'])];
    const starts = assembleStarts(execs, entries);
    const sessions = joinSessions([request('r', 0, ['id'])], [target('web')], starts, SAME_CLOCK);
    expect(sessions[0]?.start).toBeUndefined();
    expect(leftOver(starts, sessions)).toEqual(starts);
  });

  test('joins with less confidence a start whose program nobody saw', () => {
    const [session] = join([request('r', 0, ['id'])], [exec('x', 7, 10)], []);
    expect(session).toMatchObject({ start: { exec_id: 'x' }, method: 'time', confidence: 0.6 });
  });

  test('takes no start that goes by the beat of a probe where nobody saw a program', () => {
    const probes = [0, 1, 2, 3, 4].map((n) => exec(`probe${n}`, n, n * 10_000));
    expect(joined([request('r', 19_990, ['id'])], probes, [])).toEqual({ r: '' });
    expect(joined([request('r', 19_990, ['id'])], [...probes, exec('x', 9, 20_400)], [])).toEqual({ r: 'x' });
  });

  test('joins nothing that began after its answer had ended, or ended after it where nobody saw a program', () => {
    const over = { completed_us: T + 50 * MS };
    expect(joined([request('r', 0, ['ps'], over)], [exec('x', 7, 900)], [entry('x', 7, ['ps'])])).toEqual({ r: '' });
    const lives = [exec('x', 7, 10, { exited_us: T + 5_000 * MS })];
    expect(joined([request('r', 0, ['ps'], over)], lives, [])).toEqual({ r: '' });
  });

  test('of a script joins the interpreter that ran it', () => {
    expect(
      joined(
        [request('r', 0, ['/opt/run.sh', 'now'])],
        [exec('x', 7, 10)],
        [entry('x', 7, ['/bin/sh', '/opt/run.sh', 'now'])],
      ),
    ).toEqual({ r: 'x' });
  });

  test('joins by the words that Docker tells of an exec', () => {
    const told = (id: string, words: string) => exec(id, -1, 10, { command: [words] });
    expect(
      joined([request('r', 0, ['sh', '-c', 'id'])], [told('probe', 'wget -q x'), told('x', 'sh -c id')], []),
    ).toEqual({ r: 'x' });
  });

  test('that was refused joins nothing', () => {
    expect(joined([request('r', 0, ['ps'], { code: 403 })], [exec('x', 7, 10)], [entry('x', 7, ['ps'])])).toEqual({
      r: '',
    });
  });

  test('means the pod of that name that lived then', () => {
    const targets = [
      target('old', { ended_us: T - 5_000 * MS }),
      target('web', { begun_us: T - 4_000 * MS, ended_us: T + 60_000 * MS }),
      target('next', { begun_us: T + 70_000 * MS }),
    ];
    const [session] = join([request('r', 0, ['ps'])], [], [], targets);
    expect(session?.target?.container_id).toBe('web');
  });

  test('finds its start where the clock of the node is seven minutes ahead, when that is known', () => {
    const ahead = 420_000;
    const execs = [exec('x', 7, ahead + 10), exec('y', 8, 10)];
    const entries = [entry('x', 7, ['ps']), entry('y', 8, ['ps'])];
    expect(
      joined([request('r', 0, ['ps'])], execs, entries, undefined, createClocks([offset(ahead * MS, 50 * MS)])),
    ).toEqual({
      r: 'x',
    });
  });

  test('gives the same answer in whatever order things are told', () => {
    const requests = [request('a', 0, ['ps']), request('b', 50, ['ps']), request('c', 90, ['id'])];
    const execs = [exec('x', 7, 15), exec('y', 8, 62), exec('z', 9, 100)];
    const entries = [entry('x', 7, ['ps']), entry('y', 8, ['ps']), entry('z', 9, ['id'])];
    const forward = joined(requests, execs, entries);
    expect(joined(requests.toReversed(), execs.toReversed(), entries.toReversed())).toEqual(forward);
    expect(forward).toEqual({ a: 'x', b: 'y', c: 'z' });
  });
});

describe('other requests', () => {
  test('attach holds the container that lived then', () => {
    const [session] = join([request('r', 0, [], { kind: 'attach' })], [], []);
    expect(session).toMatchObject({ target: { container_id: 'web' }, method: 'container' });
  });

  test('debug names its container: the next of that name to begin', () => {
    const targets = [
      target('web'),
      target('before', { container_name: 'debugger', begun_us: T - 60_000 * MS }),
      target('mine', { container_name: 'debugger', begun_us: T + 2_000 * MS }),
      target('later', { container_name: 'debugger', begun_us: T + 90_000 * MS }),
    ];
    const asked = request('r', 0, [], {
      kind: 'debug',
      code: 200,
      container_name: '',
      ephemeral: ['debugger=busybox'],
    });
    const [session] = join([asked], [], [], targets);
    expect(session).toMatchObject({ target: { container_id: 'mine' }, method: 'container-name' });
  });

  test('port-forward into a pod of several containers names the pod and none of them', () => {
    const targets = [target('web'), target('side', { container_name: 'side', pod_uid: 'uid-web' })];
    const [session] = join([request('r', 0, [], { kind: 'portforward', container_name: '' })], [], [], targets);
    expect(session?.target).toMatchObject({ container_id: '', pod_uid: 'uid-web', node: 'n' });
  });
});

describe('starts', () => {
  const words = (exec: string) => [
    'runc',
    '--root',
    '/run',
    'exec',
    '--process',
    '/tmp/p',
    '--detach',
    '--pid-file',
    `/run/x/${exec}.pid`,
    'web',
  ];
  const call = (exec: string, pid: number, at: number, shim = 5) =>
    entry('', pid, words(exec), {
      role: 'call',
      ppid: shim,
      container_id: '',
      first_us: T + at * MS,
      process_key: `call-${exec}`,
    });

  test('are one where the runtime and a call of runc tell of one exec', () => {
    const starts = assembleStarts([exec('x', 7, 10)], [call('x', 6, 12), entry('x', 7, ['ps'])]);
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatchObject({ layer: 'runtime', call: { process_key: 'call-x' }, entries: [{ pid: 7 }] });
  });

  test('without the runtime are told by the call, and run what the shim or runc itself had next', () => {
    const entries = [
      call('x', 6, 12),
      entry('', 7, ['ps'], { container_id: '', ppid: 6, first_us: T + 30 * MS }),
      entry('', 8, ['ps'], { container_id: '', ppid: 77, first_us: T + 30 * MS }),
      entry('', 9, ['ps'], { container_id: '', ppid: 5, first_us: T - 30 * MS }),
    ];
    const starts = assembleStarts([], entries);
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatchObject({ layer: 'auditd', container_id: 'web', exec_id: 'x', entries: [{ pid: 7 }] });
    const [session] = joinSessions([request('r', 0, ['ps'])], [target('web')], starts, SAME_CLOCK);
    expect(session).toMatchObject({ entry: { pid: 7 }, method: 'command-by-audit', confidence: 0.9 });
  });
});

describe('a node of whose clock nothing else is known', () => {
  test('is taken to be wrong by what lets most requests find their command', () => {
    const hour = 3_600_000;
    const requests = [request('a', 0, ['ps']), request('b', 60_000, ['id']), request('c', 90_000, ['ps'])];
    const execs = [
      exec('x', 7, hour + 15),
      exec('y', 8, hour + 60_020),
      exec('z', 9, hour + 90_010),
      exec('w', 6, 50_000),
    ];
    const entries = [entry('x', 7, ['ps']), entry('y', 8, ['id']), entry('z', 9, ['ps']), entry('w', 6, ['ps'])];
    const starts = assembleStarts(execs, entries);
    const pairs = voteOffsets(requests, [target('web')], starts, createClocks([]));
    const clocks = createClocks(estimateOffsets(pairs));
    expect(joined(requests, execs, entries, undefined, clocks)).toEqual({ a: 'x', b: 'y', c: 'z' });
  });
});
