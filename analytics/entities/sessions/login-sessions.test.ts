import { expect, test } from 'vitest';
import { assembleLogins, type LoginRecord } from './login-sessions.ts';

const MS = 1_000;
const T = 1_795_000_000_000_000;
let serial = 0;
const record = (
  type: string,
  at: number,
  pid: number,
  ses: number,
  program: string,
  more: Partial<LoginRecord> = {},
): LoginRecord => ({
  ...{
    cluster: 'c',
    node: 'n',
    boot_id: 'b1',
    at_us: T + at * MS,
    serial: ++serial,
    record: type,
    pid,
    auid: ses < 0 ? -1 : 1001,
    ses,
  },
  ...{
    old_ses: -1,
    program,
    acct: '',
    terminal: '',
    address: '',

    succeeded: true,
    command: '',
    digest: `d${serial}`,
  },
  ...more,
});
const ssh = (at: number, ses: number, pid = 100) => [
  record('LOGIN', at, pid, ses, 'sshd'),
  record('USER_START', at + 1, pid, ses, 'sshd', { acct: 'ops', terminal: 'ssh', address: '198.51.100.20' }),
  record('USER_LOGIN', at + 2, pid, ses, 'sshd', { terminal: '/dev/pts/0', address: '198.51.100.20' }),
];
const brief = (records: LoginRecord[]) =>
  assembleLogins(records).map((l) => [
    l.kind,
    l.account,
    l.begun_us === 0 ? 0 : (l.begun_us - T) / MS,
    l.ended_us === 0 ? 0 : (l.ended_us - T) / MS,
    l.ended_by,
  ]);

test('ssh: from LOGIN to the USER_END of the process that opened it, with account, address and terminal', () => {
  const records = [
    ...ssh(0, 7),
    record('CRED_DISP', 900, 100, 7, 'sshd'),
    record('USER_END', 901, 100, 7, 'sshd', { acct: 'ops' }),
  ];
  const [login] = assembleLogins(records);
  expect(login).toMatchObject({
    kind: 'login-ssh',
    account: 'ops',
    address: '198.51.100.20',
    terminal: '/dev/pts/0',
    auid: 1001,
    ses: 7,
  });
  expect(login?.session_id).toBe(`login:n:7@${T / MS}`);
  expect(login?.begin_digests).toHaveLength(3);
  expect(brief(records)).toEqual([['login-ssh', 'ops', 0, 901, 'logout']]);
});

test('su and sudo inside are sessions of their own and name the one around them', () => {
  const records = [
    ...ssh(0, 7),
    record('USER_CMD', 100, 200, 7, 'sudo', { command: 'crictl exec -it web sh', terminal: 'pts/0' }),
    record('USER_START', 101, 200, 7, 'sudo', { acct: 'root' }),
    record('USER_START', 150, 300, 7, 'su', { acct: 'postgres' }),
    record('USER_END', 300, 300, 7, 'su', { acct: 'postgres' }),
    record('USER_END', 400, 200, 7, 'sudo', { acct: 'root' }),
  ];
  const [login, sudo, su] = assembleLogins(records);
  expect(sudo).toMatchObject({
    kind: 'sudo',
    account: 'root',
    command: ['crictl exec -it web sh'],
    parent_session: login?.session_id,
  });
  expect(su).toMatchObject({ kind: 'su', account: 'postgres', parent_session: login?.session_id, pid: 300 });
  expect(brief(records).map((l) => l[3])).toEqual([0, 400, 300]);
});

test('a refused sudo or login is no session', () => {
  const records = [
    record('USER_LOGIN', 0, 100, -1, 'sshd', { succeeded: false, acct: 'root' }),
    record('USER_START', 5, 101, -1, 'sudo', { succeeded: false }),
  ];
  expect(assembleLogins(records)).toEqual([]);
});

test('a boot ends what was open, and its numbers begin anew', () => {
  const records = [
    ...ssh(0, 7),
    record('SYSTEM_BOOT', 5_000, 1, -1, 'systemd-update-utmp', { boot_id: 'b2' }),
    ...ssh(9_000, 7).map((r) => ({ ...r, boot_id: 'b2' })),
  ];
  expect(brief(records)).toEqual([
    ['login-ssh', 'ops', 0, 5_000, 'reboot'],
    ['login-ssh', 'ops', 9_000, 0, ''],
  ]);
  // the record of the boot may be lost
  expect(brief(records.filter((r) => r.record !== 'SYSTEM_BOOT'))[0]).toEqual(['login-ssh', 'ops', 0, 9_000, 'reboot']);
});

test('cron, at and console are told by their program; what writes no more than LOGIN is a login', () => {
  const kinds = [
    [record('LOGIN', 0, 1, 1, 'cron'), record('USER_START', 1, 1, 1, 'cron', { acct: 'root', terminal: 'cron' })],
    [record('LOGIN', 0, 2, 2, 'atd')],
    [record('LOGIN', 0, 3, 3, 'login'), record('USER_START', 1, 3, 3, 'login', { terminal: '/dev/tty1' })],
    [record('LOGIN', 0, 4, 4, 'lp')],
  ].map((records) => assembleLogins(records)[0]?.kind);
  expect(kinds).toEqual(['login-cron', 'login-at', 'login-console', 'login']);
});

test('auditd that began late shows a session by its first record; order of arrival does not matter', () => {
  const records = [...ssh(0, 7).slice(1), record('USER_END', 50, 100, 7, 'sshd')];
  expect(brief(records)).toEqual([['login-ssh', 'ops', 1, 50, 'logout']]);
  expect(brief(records.toReversed())).toEqual(brief(records));
});

test('nodes do not mix', () => {
  const records = [
    ...ssh(0, 7),
    ...ssh(10, 7).map((r) => ({ ...r, node: 'm' })),
    record('USER_END', 90, 100, 7, 'sshd'),
  ];
  expect(brief(records).map((l) => l[4])).toEqual(['logout', '']);
});
