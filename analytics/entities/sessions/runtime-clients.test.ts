import { expect, test } from 'vitest';
import { createClocks } from '../clocks/clocks.ts';
import { joinClients } from './runtime-clients.ts';
import { assembleStarts, type Entry, type Exec } from './session-starts.ts';

const MS = 1_000;
const T = 1_795_000_000_000_000;
const CONTAINER = '0abac51f'.padEnd(64, '7');
const started = (at: number): Exec => ({
  ...{
    cluster: 'c',
    node: 'n',
    container_id: CONTAINER,
    exec_id: 'x',
    added_us: T + at * MS,
    started_us: T + (at + 20) * MS,
  },
  ...{ exited_us: 0, pid: 7, exit_status: -1, command: [], begin_digests: [], end_digests: [] },
});
const process = (role: string, pid: number, at: number, command: string[]): Entry => ({
  ...{
    role,
    cluster: 'c',
    node: 'n',
    process_key: `${pid}`,
    pid,
    ppid: 1,
    container_id: '',
    first_us: T + at * MS,
    command,
    digest: '',
  },
  exec_id: role === 'entry' ? 'x' : '',
  ...{ exited_us: 0, exit_status: -1, end_digest: '' },
  ...(role === 'entry' ? { container_id: CONTAINER } : {}),
});
const clientsOf = (execs: Exec[], entries: Entry[]) =>
  joinClients(assembleStarts(execs, entries), entries, createClocks([])).map((s) => [
    s.client.command[0],
    s.start.exec_id,
    s.confidence,
  ]);

test('crictl names the container by the beginning of its id, and the program', () => {
  const entries = [
    process('client', 3, 0, ['crictl', 'exec', '-it', '0abac51f', 'sh']),
    process('entry', 7, 120, ['sh']),
  ];
  expect(clientsOf([started(100)], entries)).toEqual([['crictl', 'x', 0.95]]);
});

test('docker names it in its own way: then the program tells', () => {
  const entries = [
    process('client', 3, 0, ['docker', 'exec', 'shop-web-1', 'cat', '/etc/shadow']),
    process('entry', 7, 120, ['cat', '/etc/shadow']),
  ];
  expect(clientsOf([started(100)], entries)).toEqual([['docker', 'x', 0.8]]);
});

test('a client that asked for another program did not start this one', () => {
  const entries = [
    process('client', 3, 0, ['crictl', 'exec', '0abac51f', 'sh']),
    process('entry', 7, 120, ['wget', '-q', 'http://127.0.0.1']),
  ];
  expect(clientsOf([started(100)], entries)).toEqual([]);
});

test('a client that came later, or on another node, or long before, did not start it', () => {
  const program = process('entry', 7, 120, ['sh']);
  const words = ['crictl', 'exec', '0abac51f', 'sh'];
  expect(clientsOf([started(100)], [program, process('client', 3, 5_000, words)])).toEqual([]);
  expect(clientsOf([started(100)], [program, { ...process('client', 3, 0, words), node: 'other' }])).toEqual([]);
  expect(clientsOf([started(60_000)], [program, process('client', 3, 0, words)])).toEqual([]);
});

test('a probe has no client and is no session', () => {
  expect(clientsOf([started(100)], [process('entry', 7, 120, ['sh'])])).toEqual([]);
});
