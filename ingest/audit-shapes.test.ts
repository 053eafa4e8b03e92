// One audit event in every shape it is shipped in: the same row, wherever it was read, and one row where it came twice.
// Shapes: LAUREL's as its Debian package wrote this event; the others as their sources write them (analytics/decode/audit-lines.sql).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Row, Store } from '../analytics/store/store.ts';
import { importPaths } from './import.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-shapes-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const table of ['records', 'receipts', 'auditd', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
});

const empty = async () => {
  for (const table of ['records', 'auditd']) await store.run(`TRUNCATE TABLE ${table}`);
};
let files = 0;
/** Imports each text as a file of its own, one after the other. */
async function load(...texts: string[]) {
  const home = join(directory, `in${++files}`);
  mkdirSync(home);
  const paths = texts.map((text, i) => {
    const path = join(home, `${i}.log`);
    writeFileSync(path, text);
    return path;
  });
  const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
  return importPaths(paths, { node: 'worker-1', cluster: 'prod' }, deps);
}
const rows = (): Promise<Row[]> =>
  store.rows('SELECT * EXCEPT (digests, loader, seq, version, record_types) FROM auditd FINAL ORDER BY time, serial');

const SECONDS = '1795439398.624';
const SERIAL = 11396;
const messages: [number, string, string][] = [
  [
    1300,
    'SYSCALL',
    'arch=c000003e syscall=59 success=yes exit=0 a0=c0000c4e00 a1=c0000248e0 a2=c00012f1e0 a3=0 items=2 ppid=29843 pid=30279 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sh" exe="/bin/dash" key="exec"',
  ],
  [1309, 'EXECVE', 'argc=3 a0="sh" a1="-c" a2=77676574202D7120C3A9'],
  [1307, 'CWD', 'cwd="/www"'],
  [
    1302,
    'PATH',
    'item=0 name="sh" inode=10695637 dev=00:b4 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  ],
  [1327, 'PROCTITLE', 'proctitle=7368002D630077676574202D7120C3A9'],
];
const linesOf = (serial: number) =>
  messages.map(([, type, text]) => `type=${type} msg=audit(${SECONDS}:${serial}): ${text}`);
const nativeOf = (serial: number) => `${linesOf(serial).join('\n')}\n`;

const laurelOf = (serial: number) =>
  `{"ID":"${SECONDS}:${serial}","NODE":"elsewhere","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","exit":0,"items":2,"ppid":29843,"pid":30279,"auid":4294967295,"uid":0,"gid":0,"euid":0,"suid":0,"fsuid":0,"egid":0,"sgid":0,"fsgid":0,"tty":"(none)","ses":4294967295,"comm":"sh","exe":"/bin/dash","key":"exec","ARGV":["0xc0000c4e00","0xc0000248e0","0xc00012f1e0","0x0"],"ARCH":"x86_64","SYSCALL":"execve"},"EXECVE":{"argc":3,"ARGV":["sh","-c","wget -q é"]},"CWD":{"cwd":"/www"},"PATH":[{"item":0,"name":"sh","inode":10695637,"dev":"00:b4","mode":"0o100755","ouid":0,"ogid":0,"rdev":"00:00","nametype":"NORMAL","cap_fp":"0x0","cap_fi":"0x0","cap_fe":0,"cap_fver":"0x0","cap_frootid":"0"}],"PROCTITLE":{"ARGV":["sh","-c","wget -q é"]},"PARENT_INFO":{"ID":"1.0:1"}}\n`;
const goAuditOf = (serial: number) =>
  `${JSON.stringify({
    sequence: serial,
    timestamp: SECONDS,
    messages: messages.map(([type, , data]) => ({ type, data })),
    uid_map: { '0': 'root' },
  })}\n`;
const journaldOf = (serial: number) =>
  messages
    .map(([type, name, text]) =>
      JSON.stringify({
        __CURSOR: 's=1',
        _TRANSPORT: 'audit',
        _AUDIT_TYPE: String(type),
        _AUDIT_TYPE_NAME: name,
        _AUDIT_ID: String(serial),
        _HOSTNAME: 'elsewhere',
        _SOURCE_REALTIME_TIMESTAMP: `${SECONDS.replace('.', '')}000`,
        MESSAGE: name === 'CWD' ? [...Buffer.from(`${name} ${text}`)] : `${name} ${text}`,
      }),
    )
    .map((entry) => `${entry}\n`)
    .join('');
const beatOf = (serial: number, event: object) =>
  `${JSON.stringify({
    '@timestamp': '2026-11-23T13:09:58.624Z',
    event: { module: 'auditd', action: 'executed', ...event },
    agent: { type: 'auditbeat', name: 'elsewhere' },
    auditd: {
      message_type: 'syscall',
      sequence: serial,
      result: 'success',
      data: {
        arch: 'x86_64',
        syscall: 'execve',
        exit: '0',
        tty: '(none)',
        a0: 'c0000c4e00',
        a1: 'c0000248e0',
        a2: 'c00012f1e0',
        a3: '0',
        argc: '3',
      },
      paths: [
        {
          item: '0',
          name: 'sh',
          inode: '10695637',
          dev: '00:b4',
          mode: '0100755',
          ouid: '0',
          ogid: '0',
          rdev: '00:00',
          nametype: 'NORMAL',
        },
      ],
    },
    process: {
      pid: 30279,
      parent: { pid: 29843 },
      name: 'sh',
      executable: '/bin/dash',
      working_directory: '/www',
      args: ['sh', '-c', 'wget -q é'],
      title: 'sh -c wget -q é',
    },
    user: {
      id: '0',
      group: { id: '0' },
      saved: { id: '0', group: { id: '0' } },
      filesystem: { id: '0', group: { id: '0' } },
    },
    tags: ['exec'],
  })}\n`;
const shapes: Record<string, (serial: number) => string> = {
  laurel: laurelOf,
  'go-audit': goAuditOf,
  journald: journaldOf,
  'auditbeat with its original lines': (serial) => beatOf(serial, { original: linesOf(serial) }),
  auditbeat: (serial) => beatOf(serial, {}),
  'ausearch --raw': nativeOf,
  ausearch: (serial) => `----\ntime->Mon Nov 23 13:09:58 2026\n${linesOf(serial).toReversed().join('\n')}\n`,
};
const JSON_SHAPES = ['laurel', 'go-audit', 'journald', 'auditbeat'];
const names = Object.keys(shapes);
/** The event in a shape, under a serial of the shape's own: all are imported together. */
const shapeOf = (name: string): string => shapes[name]?.(SERIAL + names.indexOf(name)) ?? '';
const nativesOf = (of: readonly string[]) => of.map((name) => nativeOf(SERIAL + names.indexOf(name)));
const allShapes = names.map(shapeOf);

describe('an event', () => {
  it('is the same row in every shape as in auditd’s own lines, also where it came in both', async () => {
    const natives = nativesOf(names);
    await load(...natives);
    const expected = await rows();
    expect(expected).toHaveLength(names.length);
    for (const row of expected)
      expect(row).toMatchObject({
        argv: ['sh', '-c', 'wget -q é'],
        path_names_absolute: ['/www/sh'],
        keys: ['exec'],
      });
    await load(...allShapes);
    expect(await rows(), 'after its own lines').toEqual(expected);
    await empty();
    await load(...allShapes.flatMap((text, i) => [text, natives[i] ?? '']));
    expect(await rows(), 'before them').toEqual(expected);
    await empty();
    expect(await load(...allShapes)).toMatchObject({ dead_letters: 0 });
    const alone = expected.map((row, i) =>
      names[i] === 'auditbeat' ? { ...row, proctitle: ['sh -c wget -q é'] } : row,
    ); // joined by Auditbeat itself
    const found = await rows();
    for (const [i, name] of names.entries()) expect({ name, ...found[i] }).toEqual({ name, ...alone[i] });
  });

  it('with CRLF is the same row', async () => {
    const texts = JSON_SHAPES.map(shapeOf);
    await load(...texts);
    const expected = await rows();
    expect(expected).toHaveLength(texts.length);
    await empty();
    await load(...texts.map((text) => text.replaceAll('\n', '\r\n')));
    expect(await rows()).toEqual(expected);
  });

  it('that is cut short is kept and told', async () => {
    const texts = JSON_SHAPES.map(shapeOf);
    expect(await load(...texts.map((text) => `${text.slice(0, -30)}\n${text}`))).toMatchObject({
      dead_letters: texts.length,
    });
    expect(await rows()).toHaveLength(texts.length);
    const reasons = await store.rows('SELECT reason FROM dead_letters');
    expect(reasons).toEqual(texts.map(() => ({ reason: 'invalid-json' })));
  });
});

describe('other shapes', () => {
  it('tell their node', async () => {
    const home = join(directory, `in${++files}`);
    mkdirSync(home);
    writeFileSync(join(home, 'a.log'), laurelOf(SERIAL) + journaldOf(SERIAL) + beatOf(SERIAL, {}));
    const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    await importPaths([home], {}, deps);
    expect(await store.rows('SELECT node, serial FROM auditd FINAL')).toEqual([{ node: 'elsewhere', serial: SERIAL }]);
  });

  it('translated by LAUREL have the addresses that were connected to', async () => {
    const to = (n: number, saddr: object) =>
      `${JSON.stringify({ ID: `${SECONDS}:${n}`, SYSCALL: { arch: '0xc000003e', syscall: 42, success: 'no', exit: -115 }, SOCKADDR: [{ SADDR: saddr }] })}\n`;
    await load(
      to(1, { saddr_fam: 'inet', addr: '10.96.0.1', port: 80 }) +
        to(2, { saddr_fam: 'inet6', addr: '::1', port: 443 }) +
        to(3, { saddr_fam: 'local', path: '/run/containerd/containerd.sock' }) +
        to(4, { saddr_fam: 'netlink', pid: 0, groups: '0x0' }),
    );
    expect(await store.rows('SELECT addr_family, addr, port, exit_name FROM auditd FINAL ORDER BY serial')).toEqual([
      { addr_family: 'inet', addr: '10.96.0.1', port: 80, exit_name: 'EINPROGRESS' },
      { addr_family: 'inet6', addr: '::1', port: 443, exit_name: 'EINPROGRESS' },
      { addr_family: 'unix', addr: '/run/containerd/containerd.sock', port: 0, exit_name: 'EINPROGRESS' },
      { addr_family: 'netlink', addr: '', port: 0, exit_name: 'EINPROGRESS' },
    ]);
  });

  it('of users have what was done, by whom and with what result', async () => {
    const text = `op=login acct="(unknown)" exe="/usr/sbin/sshd" hostname=? addr=179.38.151.221 terminal=sshd res=failed`;
    const event = { pid: 12635, uid: 0, auid: 4294967295, ses: 4294967295 };
    await load(
      `${JSON.stringify({ ID: `${SECONDS}:1`, USER_LOGIN: { ...event, msg: text } })}\n`,
      `${JSON.stringify({ sequence: 1, timestamp: '1795439398.625', messages: [{ type: 1112, data: `pid=12635 uid=0 auid=4294967295 ses=4294967295 msg='${text}'` }], uid_map: {} })}\n`,
      // as older versions wrote it: elastic/beats, auditbeat/module/auditd/_meta/data.json
      `${JSON.stringify({ '@timestamp': '2026-11-23T13:09:58.626Z', auditd: { data: { acct: '(unknown)', op: 'login', terminal: 'sshd' }, result: 'fail', sequence: 1, session: 'unset' }, beat: { hostname: 'n', name: 'n' }, event: { module: 'auditd', type: 'user_login' }, process: { exe: '/usr/sbin/sshd', pid: '12635' }, source: { ip: '179.38.151.221' }, user: { auid: 'unset', uid: '0' } })}\n`,
    );
    const expected = {
      record_types: ['USER_LOGIN'],
      op: 'login',
      acct: '(unknown)',
      exe: '/usr/sbin/sshd',
      result: 'failed',
      pid: 12635,
      uid: 0,
      auid: -1,
      ses: -1,
      addr: '179.38.151.221',
    };
    const columns = "record_types, op, acct, exe, result, pid, uid, auid, ses, fields['addr'] AS addr";
    expect(await store.rows(`SELECT ${columns} FROM auditd FINAL ORDER BY time`)).toEqual([
      expected,
      expected,
      expected,
    ]);
  });

  it('with hostile content cost nothing but themselves', async () => {
    const hostile = [
      `{"ID":"${SECONDS}:1","SYSCALL":[[[[]]]],"EXECVE":{"ARGV":{"a":1}},"PATH":"x","A\\nB":{"x":1}}`,
      `{"ID":"${SECONDS}:2","EXECVE":{"argc":1,"ARGV":["%zz%","a\\nb\\u0000","\\ud800"]}}`,
      `{"ID":"${SECONDS}:3"}`,
      `{"sequence":4,"timestamp":"${SECONDS}","messages":[{"type":99999,"data":"x\\ntype=SYSCALL msg=audit(1.1:1): pid=1"}]}`,
      `{"sequence":99999999999999999999999,"timestamp":"${SECONDS}","messages":null}`,
      `{"_AUDIT_ID":"5","MESSAGE":null,"_SOURCE_REALTIME_TIMESTAMP":"x"}`,
      `{"auditd":{"sequence":"6"},"@timestamp":"never"}`,
      `{"ID":"${SECONDS}:7","EXECVE":{"ARGV":[${'"x",'.repeat(20_000)}"y"]}}`,
    ];
    const { records } = await load(`${hostile.join('\n')}\n${laurelOf(SERIAL)}`);
    expect(records).toBe(hostile.length + 1);
    expect(await store.rows(`SELECT argv FROM auditd FINAL WHERE serial = ${SERIAL}`)).toHaveLength(1);
  });
});
