// The auditd decoder on the real engine: events of a recording whose rows were checked by hand, then awkward ones.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { decodeRecords, emptyTables, typedRows } from './test-support/stage.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-auditd-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => emptyTables(store));

async function decode(...lines: string[]): Promise<Row> {
  await decodeRecords(store, [{ format: 'auditd', raw: lines.join('\n') }]);
  const rows = await typedRows(store, 'auditd', 'serial');
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}
const id = 'msg=audit(1795439398.624:11396):';
const syscall = (fields: string) => `type=SYSCALL ${id} arch=c000003e syscall=59 success=yes exit=0 ${fields}`;
const execve = (fields: string) => decode(syscall('pid=1'), `type=EXECVE ${id} ${fields}`);

// Copied from the recording web-to-cluster.
const shell = [
  `type=SYSCALL ${id} arch=c000003e syscall=59 per=4000000 success=yes exit=0 a0=c0000c4e00 a1=c0000248e0 a2=c00012f1e0 a3=0 items=2 ppid=29843 pid=30279 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sh" exe="/bin/dash" key="exec"`,
  `type=BPRM_FCAPS ${id} fver=0 fp=0 fi=0 fe=0 old_pp=00000000a80425fb old_pi=0 old_pe=00000000a80425fb old_pa=0 pp=00000000a80425fb pi=0 pe=00000000a80425fb pa=0 frootid=0`,
  `type=EXECVE ${id} argc=3 a0="sh" a1="-c" a2=77676574202D71202D4F202F6465762F6E756C6C20687474703A2F2F3132372E302E302E313A383038302F`,
  `type=CWD ${id} cwd="/www"`,
  `type=PATH ${id} item=0 name="/bin/sh" inode=10695637 dev=00:b4 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
  `type=PATH ${id} item=1 name="/lib64/ld-linux-x86-64.so.2" inode=10695654 dev=00:b4 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
  `type=PROCTITLE ${id} proctitle=7368002D630077676574202D71202D4F202F6465762F6E756C6C20687474703A2F2F3132372E302E302E313A383038302F`,
];

describe('an execution', () => {
  const expected = {
    time: '2026-11-23T13:09:58.624Z',
    serial: 11396,
    record_types: ['SYSCALL', 'BPRM_FCAPS', 'EXECVE', 'CWD', 'PATH', 'PATH', 'PROCTITLE'],
    arch: 'x86_64',
    syscall: 59,
    syscall_name: 'execve',
    success: 'yes',
    exit: 0,
    args: ['c0000c4e00', 'c0000248e0', 'c00012f1e0', '0'],
    ppid: 29843,
    pid: 30279,
    auid: -1,
    uid: 0,
    ses: -1,
    tty: '',
    comm: 'sh',
    exe: '/bin/dash',
    keys: ['exec'],
    argv: ['sh', '-c', 'wget -q -O /dev/null http://127.0.0.1:8080/'],
    proctitle: ['sh', '-c', 'wget -q -O /dev/null http://127.0.0.1:8080/'],
    cwd: '/www',
    path_names: ['/bin/sh', '/lib64/ld-linux-x86-64.so.2'],
    path_devs: ['00:b4', '00:b4'],
    path_inodes: [10695637, 10695654],
    addr_family: '',
    port: 0,
    op: '',
    result: '',
    fields: {},
  };

  it('is decoded as recorded', async () => {
    expect(await decode(...shell)).toMatchObject(expected);
  });

  it('is the same row when its lines come in another order, with CRLF, a node= prefix or enriched', async () => {
    const variants = [
      shell.toReversed(),
      shell.map((line) => `${line}\r`),
      shell.map((line) => `node=worker-1 ${line}`),
      shell.map((line) => `${line}\u001dARCH=x86_64 SYSCALL=execve AUID="unset" UID="root" exe="/bin/evil"`),
      shell.map((line) => `${line} \r`),
    ];
    for (const lines of variants) {
      await emptyTables(store);
      const { record_types, ...row } = await decode(...lines);
      const { record_types: types, ...rest } = expected;
      expect(row).toMatchObject(rest);
      expect([...(record_types as string[])].sort()).toEqual([...types].sort());
    }
  });

  it('that came in two parts is one row of both', async () => {
    const parts = [shell.slice(0, 3), shell.slice(3)].map((lines) => ({
      format: 'auditd' as const,
      raw: lines.join('\n'),
    }));
    await decodeRecords(store, parts);
    const rows = await typedRows(store, 'auditd', 'serial');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject(expected);
  });

  it('that came in parts, one of them with a line cut short, is the same row in any order', async () => {
    const cut = [...shell.slice(0, 5), (shell[5] ?? '').slice(0, 90)];
    const parts = [cut, shell.slice(4), shell.slice(1, 3)].map((lines) => ({
      format: 'auditd' as const,
      raw: lines.join('\n'),
    }));
    for (const order of [parts, parts.toReversed()]) {
      await emptyTables(store);
      await decodeRecords(store, order);
      const rows = await typedRows(store, 'auditd', 'serial');
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject(expected);
    }
  });

  it('keeps long arguments whole, each part quoted or hex by itself', async () => {
    const { argv } = await execve('argc=2 a0="sh" a1_len=9 a1[0]="abc" a1[1]=64656620 a1[2]="ghi"');
    expect(argv).toEqual(['sh', 'abcdef ghi']);
  });

  it('keeps arguments in their order beyond ten, and empty ones', async () => {
    const many = Array.from({ length: 12 }, (_, i) => `a${i}="${i === 3 ? '' : `v${i}`}"`);
    const { argv } = await execve(`argc=12 ${many.toReversed().join(' ')}`);
    expect(argv).toEqual(many.map((_, i) => (i === 3 ? '' : `v${i}`)));
  });

  it.each([
    ['an odd number of digits', '616', '616'],
    ['digits alone', '6162', 'ab'],
    ['small letters, which the kernel never writes', '6c6d', '6c6d'],
    ['no hex at all', 'xyz', 'xyz'],
    ['bytes that are no text', 'FF00', '\uFFFD\u0000'],
  ])('takes an argument of %s for what it is', async (_, value, expectedText) => {
    expect((await execve(`argc=1 a0=${value}`))['argv']).toEqual([expectedText]);
  });
});

describe('a program without a file', () => {
  it('is named by the hex of its memfd', async () => {
    const row = await decode(syscall(`pid=7 comm="3" exe=2F6D656D66643A20286465${'6C65746564'}29 key=(null)`));
    expect(row).toMatchObject({ exe: '/memfd: (deleted)', comm: '3', keys: [] });
  });
});

describe('a connection', () => {
  const connected = (saddr: string) => decode(syscall('pid=1'), `type=SOCKADDR ${id} saddr=${saddr}`);
  it.each([
    ['020001BB0A6000010000000000000000', 'inet', '10.96.0.1', 443],
    ['0A00238C000000000000000000000000000000000000000000000000', 'inet6', '::', 9100],
    ['0A001F900000000000000000000000000000FFFF0A14000B00000000', 'inet6', '10.20.0.11', 8080],
    [`01002F6465762F6C6F67${'00'.repeat(20)}`, 'unix', '/dev/log', 0],
    ['01002F7661722F72756E2F6E7363642F736F636B657400B0F05228', 'unix', '/var/run/nscd/socket', 0],
    ['100000000000000000000000', 'netlink', '', 0],
    ['0200', 'inet', '', 0], // cut off
    ['0A00', 'inet6', '', 0],
    ['FFFF00', '', '', 0],
    ['020', '', '', 0],
  ])('to %s is %s %s port %i', async (saddr, addr_family, addr, port) => {
    expect(await connected(saddr)).toMatchObject({ addr_family, addr, port });
  });
});

describe('records without a system call', () => {
  it('of PAM have their program, account and result', async () => {
    const row = await decode(
      `type=USER_START ${id} pid=30728 uid=0 auid=0 ses=9 msg='op=PAM:session_open grantors=pam_loginuid,pam_env acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success'`,
    );
    expect(row).toMatchObject({
      pid: 30728,
      uid: 0,
      auid: 0,
      ses: 9,
      ppid: -1,
      syscall: -1,
      syscall_name: '',
      args: [],
      argv: [],
      proctitle: [],
      exe: '/usr/sbin/cron',
      acct: 'root',
      op: 'PAM:session_open',
      result: 'success',
      record_types: ['USER_START'],
    });
  });

  it('undo the hex of what a person typed', async () => {
    const row = await decode(
      `type=USER_CMD ${id} pid=1 uid=0 auid=0 ses=9 msg='cwd="/root" cmd=636174202F6574632F736861646F77 exe="/usr/bin/sudo" terminal=pts/0 res=success'`,
    );
    expect(row['fields']).toMatchObject({ cmd: 'cat /etc/shadow', cwd: '/root', terminal: 'pts/0' });
    await emptyTables(store);
    const login = await decode(
      `type=USER_LOGIN ${id} pid=1 uid=0 auid=0 ses=9 msg='op=login acct=28756E6B6E6F776E2075736572290D exe="/usr/sbin/sshd" res=failed'`,
    );
    expect(login).toMatchObject({ acct: '(unknown user)\r', result: 'failed', exe: '/usr/sbin/sshd' });
  });

  it('of the kernel and the daemon have their fields', async () => {
    expect(
      await decode(
        `type=DAEMON_START ${id} op=start ver=3.0.9 format=raw kernel=6.18.44 auid=4294967295 pid=29392 uid=0 ses=4294967295 res=success`,
      ),
    ).toMatchObject({
      op: 'start',
      pid: 29392,
      auid: -1,
      uid: 0,
      result: 'success',
      fields: { ver: '3.0.9' },
      proctitle: [],
    });
    await emptyTables(store);
    expect(
      await decode(
        `type=CONFIG_CHANGE ${id} auid=4294967295 ses=4294967295 op=add_rule key="container-run" list=4 res=1`,
      ),
    ).toMatchObject({ op: 'add_rule', result: 'success', fields: { key: 'container-run', list: '4' } });
  });
});

describe('hostile lines', () => {
  it.each([
    ['nothing after the header', `type=SYSCALL ${id}`],
    [
      'numbers that are none',
      `type=SYSCALL ${id} arch=zz syscall=abc exit=99999999999999999999 pid=-7 ppid=x uid=4294967296 auid=-1`,
    ],
    ['a quote that never ends', `type=SYSCALL ${id} syscall=59 comm="sh exe="/bin/sh`],
    ['one name many times', `type=SYSCALL ${id} pid=1 pid=2 pid=3 ${'a0=1 '.repeat(5000)}`],
    ['control characters and no UTF-8', `type=SYSCALL ${id} comm="\u0000\u001b[2J" exe=FFFE`],
    ['an apostrophe in a message', `type=USER_LOGIN ${id} pid=1 msg='op=x acct="o'brien" res=failed'`],
    [
      'thousands of paths',
      [
        `type=SYSCALL ${id} pid=1`,
        ...Array.from({ length: 3000 }, (_, i) => `type=PATH ${id} item=${i} name="/f${i}"`),
      ].join('\n'),
    ],
  ])('with %s are one row all the same', async (_, raw) => {
    expect(await decode(raw)).toMatchObject({ serial: 11396 });
  });
});

describe('what a collector read of the process’s cgroup', () => {
  const [call = '', ...rest] = shell;
  const of = (id: string) => ({ container_from: 'cgroup', container_id: id });
  const columns = async () => {
    const [row] = await typedRows(store, 'auditd', 'serial');
    const { cgroup_container_id, container_from, cgroup } = row ?? {};
    return { cgroup_container_id, container_from, cgroup };
  };
  it('is in the row of the event, though not in its bytes', async () => {
    await decodeRecords(store, [{ format: 'auditd', raw: shell.join('\n'), attrs: of('web') }]);
    expect(await columns()).toEqual({ cgroup_container_id: 'web', container_from: 'cgroup', cgroup: '' });
  });
  it('of a container whose cgroup names none is the cgroup', async () => {
    const attrs = { container_from: 'unknown', cgroup: '/default/probe' };
    await decodeRecords(store, [{ format: 'auditd', raw: shell.join('\n'), attrs }]);
    expect(await columns()).toEqual({ cgroup_container_id: '', container_from: 'unknown', cgroup: '/default/probe' });
  });
  it.each([
    [
      'who names the container knows more than who found it gone',
      of('web'),
      { container_from: 'gone' },
      'web',
      'cgroup',
    ],
    ['who came later may name it', { container_from: 'host' }, of('web'), 'web', 'cgroup'],
    ['two that name different ones know nothing', of('web'), of('db'), '', ''],
    ['an import of the same log says nothing', of('web'), {}, 'web', 'cgroup'],
  ])('of an event in two records: %s', async (_, first, second, id, from) => {
    const parts = [
      { format: 'auditd' as const, raw: call, attrs: first as Record<string, string> },
      { format: 'auditd' as const, raw: rest.join('\n'), attrs: second as Record<string, string> },
    ];
    await decodeRecords(store, parts);
    expect(await columns()).toMatchObject({ cgroup_container_id: id, container_from: from });
    await emptyTables(store);
    await decodeRecords(store, parts.toReversed());
    expect(await columns()).toMatchObject({ cgroup_container_id: id, container_from: from });
  });
});
