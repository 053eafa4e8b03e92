// vestige sessions and vestige session, on a store made by hand: ssh, sudo inside it, an exec by sudo, and one through the API.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-sessions-'));
const location = `embedded:${directory}`;
let store: Store;
const ask = (args: readonly string[], how: { tty?: boolean } = {}) => run(location, args, how);
const json = async (...args: string[]) => JSON.parse((await ask(['--json', ...args])).out);
const kinds = async (...args: string[]) => (await json('sessions', ...args)).map((s: { kind: string }) => s.kind);

const API = 'c0071a44-c2eb-4c2c-8c6e-f40fff52f91b';
const EXEC = `exec:worker-1:${'ee01'.padEnd(64, '0')}`;
const SSH = 'login:worker-1:7@1795439401000';
const SUDO = 'sudo:worker-1:2120@1795439402000';
const at = (clock: string) => `2026-11-23 ${clock}`;

beforeAll(async () => {
  store = await connect(location, 'test');
  const here = { cluster: 'prod', node: 'worker-1', version: 1 };
  const session = (id: string, kind: string, began: string, more: object) => ({
    ...{
      ...here,
      session_id: id,
      kind,
      requested_at: at(began),
      started_at: at(began),
      ended_at: at('13:20:00'),
      ended_by: 'exit',
    },
    ...{
      principal: '',
      impersonated: '',
      account: '',
      auid: -1,
      ses: -1,
      source_ip: '',
      source_ips: [],
      namespace: '',
      pod: '',
    },
    ...{
      container_id: '',
      container_name: '',
      command: [],
      parent_session: '',
      exit_status: -1,
      method: '',
      confidence: 0,
      pid: -1,
    },
    ...{ tree_processes: 0, ports: [], begin_hex: ['ab'.repeat(32)], end_hex: [], digests_hex: ['ab'.repeat(32)] },
    ...more,
  });
  const login = {
    ses: 7,
    auid: 1001,
    source_ip: '198.51.100.20',
    source_ips: ['198.51.100.20'],
    ended_by: 'logout',
    method: 'login-number',
    confidence: 1,
  };
  const pod = { namespace: 'shop', pod: 'web', container_name: 'app', container_id: '0abac51f'.padEnd(64, '7') };
  await store.insert('sessions', [
    session(SSH, 'login-ssh', '13:10:01', { ...login, account: 'ops' }),
    session(SUDO, 'sudo', '13:10:02', {
      ...login,
      account: 'root',
      parent_session: SSH,
      command: ['crictl exec 0aba sh'],
    }),
    session(EXEC, 'runtime-exec', '13:10:03', {
      ...pod,
      command: ['sh'],
      parent_session: SUDO,
      method: 'client',
      confidence: 0.95,
      exit_status: 130,
    }),
    session(API, 'exec', '13:12:00', {
      ...pod,
      principal: 'alice',
      impersonated: 'admin',
      command: ['sh', '-c', 'id; ls'],
      ended_at: at('13:12:09'),
      method: 'command',
      confidence: 0.98,
    }),
    session('d0071a44-c2eb-4c2c-8c6e-f40fff52f91b', 'portforward', '13:13:00', {
      ...pod,
      principal: 'bob',
      ports: ['8080'],
      ended_at: '1970-01-01 00:00:00',
      ended_by: '',
    }),
  ]);
  const process = (key: string, pid: number, first: string, argv: string[]) => ({
    ...{
      ...here,
      process_key: key,
      parent_key: '',
      pid,
      ppid: 1,
      first_seen: at(first),
      last_seen: at(first),
      argv,
      exit_status: -1,
      exe: '/bin/sh',
      uid: 0,
      digests_hex: [],
    },
  });
  await store.insert('processes', [
    process('1@1', 1000, '13:12:00', ['sh', '-c', 'id; ls']),
    { ...process('2@1', 1001, '13:12:01', ['id']), exit_status: 1 },
    process('3@1', 1002, '13:12:02', ['ls', '\u001b[2J']),
  ]);
  const inside = (key: string, depth: number) => ({
    ...here,
    session_id: API,
    process_key: key,
    depth,
    via: 'descent',
  });
  await store.insert('session_processes', [inside('1@1', 0), inside('2@1', 1), inside('3@1', 1)]);
  const window = (begin: string, end: string, offset_us: number) => ({
    ...{
      ...here,
      layer: 'runtime',
      reference: 'k8s-audit',
      window_begin: at(begin),
      window_end: at(end),
      pairs: 3,
      digests_hex: [],
    },
    ...{ offset_us, uncertainty_us: 12_000 },
  });
  await store.insert('clock_offsets', [window('13:05:00', '13:10:00', 0), window('13:10:00', '13:15:00', -3_000_000)]);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('sessions', () => {
  it('are listed the newest first, by kind, person, place and time', async () => {
    expect(await kinds()).toEqual(['portforward', 'exec', 'runtime-exec', 'sudo', 'login-ssh']);
    expect(await kinds('--kind', 'login')).toEqual(['login-ssh']);
    expect(await kinds('--kind', 'port-forward')).toEqual(['portforward']);
    expect(await kinds('--principal', 'admin')).toEqual(['exec']);
    expect(await kinds('--principal', 'ops')).toEqual(['login-ssh']);
    expect(await kinds('--container', '0abac5', '--until', '2026-11-23T13:12:30Z')).toEqual(['exec', 'runtime-exec']);
    // what is open has not ended before anything
    expect(await kinds('--since', '2026-11-23T14:00:00Z')).toEqual(['portforward']);
    expect(await kinds('--node', 'other')).toEqual([]);
    expect(await kinds('--limit', '1')).toEqual(['portforward']);
  });

  it('are a bare array with the fields of the reference, unknown ones null', async () => {
    const [row] = await json('sessions', '--kind', 'exec');
    expect(row).toMatchObject({
      session_id: API,
      principal: 'alice',
      impersonated: 'admin',
      auid: null,
      exit_status: null,
      ended_by: 'exit',
    });
    expect(row).toMatchObject({
      attribution: { method: 'command' },
      begin_digests: ['ab'.repeat(32)],
      end_digests: [],
    });
  });

  it('a kind that there is not is wrong usage', async () => {
    expect((await ask(['sessions', '--kind', 'telnet'])).code).not.toBe(EXIT.done);
  });
});

describe('one session', () => {
  it('has every command inside, what is around it, and the clock', async () => {
    const told = await json('session', API);
    expect(told.processes.map((p: { argv: string[] }) => p.argv[0])).toEqual(['sh', 'id', 'ls']);
    expect(told.clock).toEqual({ layer: 'runtime', offset_us: -3_000_000, uncertainty_us: 12_000 });
    const { out } = await ask(['session', 'c0071'], { tty: true });
    expect(out).toContain('who:     admin (by alice)');
    expect(out).toContain('clock:   worker-1 was 3000 ms behind the API server, +- 12 ms');
    expect(out).toContain("  13:12:00 1000 sh -c 'id; ls'\n  13:12:01   1001 id  (exit 1)\n");
    expect(out).not.toContain('\u001b');
  });

  it('is found by the beginning of its id, and names the sessions it began in', async () => {
    const told = await json('session', EXEC.slice(0, 20));
    expect(told.within.map((s: { session_id: string }) => s.session_id)).toEqual([SSH, SUDO]);
    expect((await json('session', SSH)).inner.map((s: { kind: string }) => s.kind)).toEqual(['sudo']);
  });

  it('an ambiguous id is wrong usage that lists them, an unknown one is not found', async () => {
    const ambiguous = await ask(['session', '']);
    expect(ambiguous.code).toBe(EXIT.usage);
    expect(ambiguous.err).toMatch(/login-ssh {2}ops[\s\S]*/);
    expect((await ask(['session', 'nope'])).code).toBe(EXIT.notFound);
  });
});

it.each(['sessions', 'session'])('help of %s ends with examples to paste', async (command) => {
  const { out } = await ask([command, '--help']);
  expect(out).toMatch(/Examples:\n( {2}vestige .*\n?)+$/);
});
