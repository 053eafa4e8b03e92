// A small store made by hand: one pod, an exec into it, what was run, two findings, two chains. For tests.
import { createHash } from 'node:crypto';
import { type Store, sqlString } from '../../analytics/store/store.ts';

let target: Store;

export const CONTAINER = 'c0ffee'.padEnd(64, '1');
export const OTHER = 'c0ffab'.padEnd(64, '2');
export const POD_UID = '11111111-2222-3333-4444-555555555555';
export const ESCAPE = '\u001b[2J\u202e';
export const k8sRaw =
  '{"auditID":"a1","verb":"get","requestURI":"/api/v1/namespaces/shop/pods/web/exec?command=sh","user":"Alice"}';
export const auditdRaw = 'type=EXECVE msg=audit(1795439390.632:7): argc=1 a0=636174202F6574632F736861646F77';
export const binaryRaw = Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x32, 0x4a]);
export const sha = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

// Rows as literals: FixedString takes bytes, which JSON cannot carry.
async function fill(table: string, row: Record<string, string | number>): Promise<void> {
  await target.run(`INSERT INTO ${table} (${Object.keys(row).join(', ')}) SELECT ${Object.values(row).join(', ')}`);
}
const s = sqlString;
const bytes = (hex: string) => `unhex('${hex}')`;
const list = (...texts: string[]) => `[${texts.map((t) => (t.startsWith('unhex') ? t : s(t))).join(', ')}]`;
const at = (text: string) => `parseDateTime64BestEffort('${text}', 9, 'UTC')`;

async function fillRecord(source: string, raw: Buffer | string, time: string): Promise<void> {
  await fill('records', {
    source: s(source),
    cluster: s('prod'),
    node: s(source === 'k8s-audit' ? '' : 'worker-1'),
    event_time: at(time),
    digest: bytes(sha(raw)),
    format: s(source),
    event_key: s('key'),
    raw: bytes(Buffer.from(raw).toString('hex')),
    lines: 1,
    received_at: "'2026-11-24 01:00:00'",
    stream: s('/var/log/audit.log'),
    position: 42,
    loader: s('test'),
    seq: 1,
  });
}

async function fillEvent(id: string, time: string, more: Record<string, string | number>): Promise<void> {
  await fill('events', { cluster: s('prod'), time: at(time), event_id: s(id), version: 1, ...more });
}

export async function fillSmallStore(store: Store): Promise<void> {
  target = store;
  await fillRecord('k8s-audit', k8sRaw, '2026-11-23T13:11:09.5Z');
  await fillRecord('auditd', auditdRaw, '2026-11-23T13:11:10.632Z');
  await fillRecord('runtime', binaryRaw, '1970-01-01T00:00:00Z');
  await fill('dead_letters', {
    source: s('runtime'),
    cluster: s('prod'),
    node: s('worker-1'),
    digest: bytes(sha(binaryRaw)),
    reason: s('unknown-format'),
  });
  await fill('auditd', {
    cluster: s('prod'),
    node: s('worker-1'),
    time: at('2026-11-23T13:11:10.632Z'),
    serial: 7,
    pid: 4242,
    exe: s('/bin/busybox'),
    argv: list('cat /etc/shadow'),
    digests: list(bytes(sha(auditdRaw))),
    version: 1,
  });
  await fillEvent('a1/ResponseComplete', '2026-11-23T13:11:09.5Z', {
    layer: s('k8s-audit'),
    principal: s('alice'),
    action: s('get'),
    object: s(`pods/exec ${ESCAPE}`),
    outcome: s('101'),
    namespace: s('shop'),
    pod: s('web'),
    pod_uid: s(POD_UID),
    digest: bytes(sha(k8sRaw)),
    pid: 0,
  });
  await fillEvent('x:7', '2026-11-23T13:11:10.632Z', {
    layer: s('auditd'),
    node: s('worker-1'),
    action: s('execve'),
    object: s('cat /etc/shadow'),
    outcome: s('success'),
    namespace: s('shop'),
    pod: s('web'),
    pod_uid: s(POD_UID),
    container_id: s(CONTAINER),
    pid: 4242,
    exe: s('/bin/busybox'),
    method: s('descent'),
    confidence: 0.9,
    digest: bytes(sha(auditdRaw)),
  });
  await fillEvent('host', '2026-11-23T13:11:11Z', {
    layer: s('auditd'),
    node: s('worker-1'),
    action: s('execve'),
    pid: 1,
    exe: s('/usr/sbin/cron'),
    digest: bytes(sha('host')),
  });
  await fillEvent('unknown', '1970-01-01T00:00:00Z', {
    layer: s('runtime'),
    node: s('worker-1'),
    pid: -1,
    digest: bytes(sha(binaryRaw)),
  });
  for (const [id, pod, ended] of [
    [CONTAINER, 'web', '2026-11-23T13:15:00Z'],
    [OTHER, 'other', '1970-01-01T00:00:00Z'],
  ] as const) {
    await fill('containers', {
      cluster: s('prod'),
      node: s('worker-1'),
      container_id: s(id),
      kind: s('container'),
      container_name: s('app'),
      namespace: s('shop'),
      pod: s(pod),
      pod_uid: s(pod === 'web' ? POD_UID : ''),
      image: s('registry.example/web:1'),
      mount_sources: list('/'),
      mount_targets: list('/host'),
      args: list('httpd', '-f'),
      created_at: at('2026-11-23T13:00:00Z'),
      started_at: at('2026-11-23T13:00:01Z'),
      ended_at: at(ended),
      exit_status: 137,
      ended_by: s(pod === 'web' ? 'signal' : ''),
      pid: 100,
      version: 1,
    });
  }
  await fill('containers', {
    cluster: s('prod'),
    node: s('worker-1'),
    container_id: s('5a'.repeat(32)),
    kind: s('sandbox'),
    namespace: s('shop'),
    pod: s('web'),
    created_at: at('2026-11-23T12:59:59Z'),
    version: 1,
  });
  await fill('pods', {
    cluster: s('prod'),
    pod_uid: s(POD_UID),
    namespace: s('shop'),
    pod: s('web'),
    created_by: s('alice'),
    ips: list('10.0.0.7'),
    version: 1,
  });
  await fill('processes', {
    cluster: s('prod'),
    node: s('worker-1'),
    process_key: s('100@1'),
    pid: 100,
    ppid: 1,
    argv: list('httpd', '-f'),
    first_seen: at('2026-11-23T13:00:01Z'),
    last_seen: at('2026-11-23T13:00:01Z'),
    uid: -1,
    auid: -1,
    ses: -1,
    container_id: s(CONTAINER),
    method: s('runtime'),
    confidence: 1,
    version: 1,
  });
  await fill('processes', {
    cluster: s('prod'),
    node: s('worker-1'),
    process_key: s('4242@2'),
    parent_key: s('100@1'),
    pid: 4242,
    ppid: 100,
    argv: list('cat', '/etc/shadow'),
    first_seen: at('2026-11-23T13:11:10Z'),
    last_seen: at('2026-11-23T13:11:11Z'),
    auid: 1000,
    ses: -1,
    container_id: s(CONTAINER),
    method: s('descent'),
    confidence: 0.9,
    left_by: s('setns'),
    version: 1,
  });
  // one pid of the node, had twice
  for (const time of ['2026-11-23T13:06:00Z', '2026-11-23T13:12:00Z']) {
    await fill('processes', {
      cluster: s('prod'),
      node: s('worker-1'),
      process_key: s(`7@${time}`),
      pid: 7,
      ppid: 1,
      exe: s(`/usr/sbin/cron`),
      comm: s(`cron${ESCAPE}`),
      argv: list(`cron${ESCAPE}`),
      first_seen: at(time),
      last_seen: at(time),
      version: 1,
    });
  }
  await fill('sessions', {
    cluster: s('prod'),
    session_id: s('a1'),
    kind: s('exec'),
    principal: s('alice'),
    source_ip: s('10.9.9.9'),
    command: list('sh'),
    container_id: s(CONTAINER),
    requested_at: at('2026-11-23T13:11:09.5Z'),
    version: 1,
  });
  await fillConclusions();
}

async function fillConclusions(): Promise<void> {
  const finding = (id: string, severity: string, technique: string, time: string) =>
    fill('findings', {
      cluster: s('prod'),
      id: s(id),
      rule_id: s(`rule-${id}`),
      title: s(`Title ${id}`),
      severity: s(severity),
      techniques: list(technique),
      tactics: list('Execution'),
      time: at(time),
      source: s('auditd'),
      event_key: s('x:7'),
      node: s('worker-1'),
      namespace: s('shop'),
      pod: s('web'),
      pod_uid: s(POD_UID),
      container_id: s(CONTAINER),
      digests: list(bytes(sha(auditdRaw))),
      summary: s(`read /etc/shadow ${ESCAPE}`),
      version: 1,
    });
  await finding('f-low', 'low', 'T1059.004', '2026-11-23T13:11:09Z');
  await finding('f-high', 'high', 'T1003.008', '2026-11-23T13:11:10Z');
  const step = (n: number, time: string, ids: string[], digests: string[]) => ({
    n,
    time,
    tactic: 'Execution',
    techniques: ['T1059'],
    sentence: `step ${n} happened ${ESCAPE}`,
    finding_ids: ids,
    digests,
  });
  for (const [id, score] of [
    ['chain-aa1', 9.5],
    ['chain-ab2', 3],
  ] as const) {
    await fill('chains', {
      cluster: s('prod'),
      id: s(id),
      title: s(`Chain ${id}`),
      severity: s('high'),
      score,
      tactics: list('Execution'),
      first_seen: at('2026-11-23T13:11:09Z'),
      last_seen: at('2026-11-23T13:15:09Z'),
      entities: s(JSON.stringify([{ id: 'pod:1', kind: 'pod', name: 'shop/web' }])),
      steps: s(
        JSON.stringify([
          step(1, '2026-11-23T13:11:09Z', ['f-low'], [sha(k8sRaw)]),
          step(2, '2026-11-23T13:11:10Z', ['f-high'], [sha(auditdRaw)]),
        ]),
      ),
      version: 1,
    });
  }
  await fill('chain_links', {
    cluster: s('prod'),
    chain_id: s('chain-aa1'),
    n: 1,
    from_id: s('a1'),
    to_id: s('f-high'),
    kind: s('exec-session'),
    confidence: 0.95,
    reason: s('the exec request started this process'),
    digests: list(bytes(sha(k8sRaw)), bytes(sha(auditdRaw))),
    version: 1,
  });
  await fill('chain_links', {
    cluster: s('prod'),
    chain_id: s('chain-aa1'),
    n: 2,
    from_id: s('pod:1'),
    to_id: s('f-low'),
    kind: s('same-owner'),
    confidence: 0.5,
    reason: s('in the same pod'),
    version: 1,
  });
  await fill('chain_members', {
    cluster: s('prod'),
    chain_id: s('chain-aa1'),
    digest: bytes(sha(k8sRaw)),
    member_id: s('a1'),
    layer: s('k8s-audit'),
    time: at('2026-11-23T13:11:09Z'),
    step: 1,
    role: s('core'),
    version: 1,
  });
  await fill('chain_members', {
    cluster: s('prod'),
    chain_id: s('chain-aa1'),
    digest: bytes(sha(auditdRaw)),
    member_id: s('x:7'),
    layer: s('auditd'),
    time: at('2026-11-23T13:11:10Z'),
    step: 2,
    role: s('core'),
    version: 1,
  });
}
