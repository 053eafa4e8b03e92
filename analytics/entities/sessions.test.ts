import { expect, test } from 'vitest';
import { joinSessions, type NamedPid, type Process, type SessionRequest } from './sessions.ts';

const T = 1_000_000;
const request = (id: string, at: number, command: string[]): SessionRequest => ({
  cluster: 'c',
  audit_id: id,
  kind: 'exec',
  principal: 'alice',
  source_ips: ['198.51.100.20'],
  user_agent: 'kubectl',
  namespace: 'shop',
  pod: 'web',
  command,
  requested_at: T + at,
  completed_at: 0,
  code: 101,
  digests: [],
  container_id: 'web',
  pod_uid: 'u',
  node: 'n',
});
const exec = (id: string, pid: number, at: number): NamedPid => ({
  cluster: 'c',
  node: 'n',
  container_id: 'web',
  exec_id: id,
  pid,
  started_at: T + at,
  ended_at: 0,
});
const process = (id: string, pid: number, first_argv: string[]): Process => ({
  cluster: 'c',
  node: 'n',
  pid,
  first_argv,
  process_key: `${pid}`,
  container_id: 'web',
  exec_id: id,
});
const joined = (requests: SessionRequest[], pids: NamedPid[], processes: Process[]) =>
  Object.fromEntries(joinSessions(requests, pids, processes).map((s) => [s.audit_id, s.exec_id]));

test('a request joins the start that follows it', () => {
  expect(joined([request('r', 0, ['ps'])], [exec('x', 7, 40)], [process('x', 7, ['ps'])])).toEqual({ r: 'x' });
});

test('a probe that starts sooner does not take the place of the command asked for', () => {
  expect(
    joined(
      [request('r', 0, ['sh', '-c', 'id'])],
      [exec('probe', 6, 5), exec('x', 7, 60)],
      [process('probe', 6, ['wget', '-q', 'http://127.0.0.1']), process('x', 7, ['sh', '-c', 'id'])],
    ),
  ).toEqual({ r: 'x' });
});

test('two equal commands join in their order, one start each', () => {
  expect(
    joined(
      [request('first', 0, ['ps']), request('second', 100, ['ps'])],
      [exec('a', 7, 40), exec('b', 8, 140)],
      [process('a', 7, ['ps']), process('b', 8, ['ps'])],
    ),
  ).toEqual({ first: 'a', second: 'b' });
});

test('a probe alone is no session, and a request without a start stays open', () => {
  expect(joined([request('r', 0, ['id'])], [exec('probe', 6, 20)], [process('probe', 6, ['wget'])])).toEqual({ r: '' });
});

test('a start whose program was not seen joins with less confidence', () => {
  const [session] = joinSessions([request('r', 0, ['id'])], [exec('x', 7, 40)], [process('x', 7, [])]);
  expect(session).toMatchObject({ exec_id: 'x', confidence: 0.6 });
});

test('a script shows its interpreter before the command asked for', () => {
  expect(
    joined(
      [request('r', 0, ['/opt/run.sh', 'now'])],
      [exec('x', 7, 40)],
      [process('x', 7, ['/bin/sh', '/opt/run.sh', 'now'])],
    ),
  ).toEqual({ r: 'x' });
});
