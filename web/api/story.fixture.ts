// A store with a story of four records: a shell in a web pod, the request it made, among noise of the node.
import { createHash } from 'node:crypto';
import type { Row, Store } from '../../analytics/store/store.ts';

const T0 = Date.parse('2026-11-23T13:11:09Z');
const NOISE = 500;

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const text = (raw: string) => ({ raw, bytes: Buffer.from(raw), digest: sha256(Buffer.from(raw)) });
const shell = text(
  'type=SYSCALL msg=audit(1795439469.000:1): pid=7 exe="/bin/sh"\ntype=EXECVE msg=audit(1795439469.000:1): a0="<img src=x onerror=alert(1)>"',
);
const create = text('{"auditID":"a-1","verb":"create"}');
const started = text('2026-11-23 13:11:10 k8s.io /tasks/start {}');
const hostile = Buffer.from([0x74, 0x79, 0xff, 0xfe, 0x00, 0x0a, 0x27]);
const binary = { bytes: hostile, digest: sha256(hostile) };

export const STORY = { from: T0 - 1000, to: T0 + 60_000, noise: NOISE, shell, binary };

export async function fillStory(store: Store): Promise<void> {
  const records = [
    { source: 'auditd', node: 'worker', ...shell },
    { source: 'k8s-audit', node: '', ...create },
    { source: 'runtime', node: 'worker', ...started },
    { source: 'auditd', node: 'worker', ...binary },
  ];
  for (const [seq, { source, node, bytes, digest }] of records.entries()) {
    // bytes that are not UTF-8 do not travel in JSON
    await store.run(
      `INSERT INTO records (source, cluster, node, event_time, digest, format, raw, lines, received_at, stream, loader, seq)
       VALUES ({source:String}, 'shop', {node:String}, {time:String}, unhex({digest:String}), {source:String}, unhex({raw:String}), 1,
               '2026-11-23 14:00:00', 'file', 'l', {seq:UInt64})`,
      { source, node, digest, raw: bytes.toString('hex'), seq, time: at(0) },
    );
  }
  await store.insert('pods', [
    {
      cluster: 'shop',
      pod_uid: 'u-web',
      namespace: 'shop',
      pod: 'web-1',
      created_at: at(-900),
      first_seen: at(-900),
      last_seen: at(900),
      version: 1,
    },
  ]);
  await store.insert('containers', [
    {
      cluster: 'shop',
      node: 'worker',
      container_id: 'k-web',
      kind: 'container',
      container_name: 'web',
      namespace: 'shop',
      pod: 'web-1',
      pod_uid: 'u-web',
      created_at: at(-900),
      started_at: at(-800),
      exit_status: -1,
      version: 1,
    },
  ]);
  await insertEvents(store);
  await insertConclusions(store);
}

async function insertEvents(store: Store): Promise<void> {
  const inPod = { node: 'worker', namespace: 'shop', pod: 'web-1', pod_uid: 'u-web', container_id: 'k-web' };
  const events: Row[] = [
    {
      layer: 'auditd',
      event_id: '1795439469.000:1',
      ms: 0,
      action: 'execve',
      object: 'sh -i',
      process_key: 'p-sh',
      ...inPod,
      hex: shell.digest,
    },
    {
      layer: 'k8s-audit',
      event_id: 'a-1/ResponseComplete',
      ms: 5000,
      action: 'create pods',
      object: 'kube-system/x',
      hex: create.digest,
    },
    { layer: 'runtime', event_id: 'r-1', ms: 6000, action: '/tasks/start', ...inPod, hex: started.digest },
    { layer: 'auditd', event_id: '1795439469.000:2', ms: 8000, action: 'openat', ...inPod, hex: binary.digest },
  ];
  await store.run(
    `INSERT INTO events (cluster, time, layer, event_id, node, action, digest, version)
     SELECT 'shop', {time:DateTime64(3, 'UTC')} + INTERVAL number * 100 MILLISECOND, 'auditd', concat('n:', toString(number)),
       'worker', 'openat', SHA256(toString(number)), 1 FROM numbers({n:UInt32})`,
    { time: at(0), n: NOISE },
  );
  // JSON carries a FixedString as text only: rows go by way of hex
  for (const { ms, hex, ...event } of events) {
    const columns = { cluster: 'shop', time: at(Number(ms)), version: 1, ...event };
    const names = Object.keys(columns);
    await store.run(
      `INSERT INTO events (${names.join(', ')}, digest) SELECT ${names.map((name) => `{${name}:String}`).join(', ')}, unhex({hex:String})`,
      { ...columns, version: '1', hex },
    );
  }
}

async function insertConclusions(store: Store): Promise<void> {
  const step = (n: number, sentence: string, digest: string) => ({
    n,
    time: new Date(T0 + n * 1000).toISOString(),
    tactic: 'execution',
    techniques: ['T1059'],
    sentence,
    finding_ids: n === 1 ? ['f1'] : [],
    digests: [digest],
  });
  const steps = [
    step(1, 'A shell started in shop/web-1.', shell.digest),
    step(2, 'It created a pod in kube-system.', create.digest),
  ];
  await store.insert('chains', [
    {
      cluster: 'shop',
      id: 'c1',
      title: 'From a shell to a pod',
      severity: 'critical',
      score: 90,
      first_seen: at(0),
      last_seen: at(5000),
      tactics: ['execution'],
      entities: '[]',
      steps: JSON.stringify(steps),
      version: 1,
    },
  ]);
  const proofs = { shell: shell.digest, create: create.digest };
  await store.run(
    `INSERT INTO findings (cluster, id, rule_id, title, severity, time, source, event_key, node, pod_uid, digests, version)
     VALUES ('shop', 'f1', 'r1', 'Shell in a web pod', 'high', {time:String}, 'auditd', '1795439469.000:1', 'worker', 'u-web', [unhex({shell:String})], 1)`,
    { ...proofs, time: at(0) },
  );
  await store.run(
    `INSERT INTO chain_links (cluster, chain_id, n, from_id, to_id, kind, confidence, reason, digests, version)
     VALUES ('shop', 'c1', 0, 'process:worker/p-sh', 'request:a-1', 'api-request', 0.9, 'from the pod of the shell', [unhex({create:String})], 1)`,
    proofs,
  );
  await store.run(
    `INSERT INTO chain_members (cluster, chain_id, digest, member_id, layer, time, step, role, version)
     VALUES ('shop', 'c1', unhex({shell:String}), '1795439469.000:1', 'auditd', {t1:String}, 1, 'core', 1),
            ('shop', 'c1', unhex({create:String}), 'a-1/ResponseComplete', 'k8s-audit', {t2:String}, 2, 'core', 1)`,
    { ...proofs, t1: at(0), t2: at(5000) },
  );
}

function at(ms: number): string {
  return new Date(T0 + ms).toISOString().replace('T', ' ').replace('Z', '');
}
