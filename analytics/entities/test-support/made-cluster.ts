// A made-up cluster in rows of the typed tables: pods of every beginning and end, owners, requests, connections. For tests: what is to be
// concluded of each group stands in actors.test.ts.
import type { Row } from '../../store/store.ts';

export const rows: Record<string, Row[]> = { k8s_audit: [], runtime: [], auditd: [] };
let made = 0;
// a digest is any 32 bytes
export const digest = () => `digest ${String(++made).padStart(25, '0')}`;
export const at = (time: string) => `2026-05-01 ${time}`;

/** An API request; returns its auditID. */
export function request(time: string, verb: string, resource: string, name: string, more: Row = {}): string {
  const audit_id = `audit-${made}`;
  rows['k8s_audit']?.push({
    cluster: 'c',
    time: at(time),
    stage_time: at(time),
    audit_id,
    stage: 'ResponseComplete',
    verb,
    username: 'alice',
    source_ips: ['198.51.100.20'],
    user_agent: 'kubectl/v1',
    resource,
    namespace: 'shop',
    name,
    code: verb === 'create' ? 201 : 200,
    digest: digest(),
    version: 1,
    ...more,
  });
  return audit_id;
}
const CONTROLLER = { username: 'system:serviceaccount:kube-system:replicaset-controller', source_ips: ['10.0.0.1'] };
const KUBELET = { username: 'system:node:n1', source_ips: ['10.0.0.1'], user_agent: 'kubelet/v1' };
export const COLLECTOR = {
  username: 'system:serviceaccount:kube-system:generic-garbage-collector',
  source_ips: ['10.0.0.1'],
};
const ownedBy = (kind: string, name: string, uid: string) => ({ owner_kind: kind, owner_name: name, owner_uid: uid });
export const body = { body: 'both' };

/** A container's life as the runtime tells it. */
export function container(
  id: string,
  pod: string,
  uid: string,
  begins: string,
  ends: string | undefined,
  more: Row = {},
): void {
  const event = (time: string, topic: string, extra: Row = {}) =>
    rows['runtime']?.push({
      cluster: 'c',
      node: 'n1',
      time: at(time),
      topic,
      container_id: id,
      pid: 7,
      digest: digest(),
      version: 1,
      ...extra,
    });
  event(begins, 'container', {
    pod_name: pod,
    pod_namespace: 'shop',
    pod_uid: uid,
    kind: 'container',
    image: 'registry/app:1',
    ...more,
  });
  event(begins, '/containers/create');
  event(begins, '/tasks/start');
  if (ends !== undefined) event(ends, '/tasks/exit', { exit_status: 0 });
}

// a Deployment, changed, whose ReplicaSet makes a pod; the Deployment is deleted and takes the pod along
export const deployed = request('09:00:00', 'create', 'deployments', 'web', {
  object_uid: 'd1',
  labels: { owner: 'web-shop', 'acme.io/team': 'payments', sensitivity: 'high' },
  ...body,
});
export const changed = request('09:30:00', 'patch', 'deployments', 'web', {
  object_uid: 'd1',
  username: 'bob',
  ...body,
});
request('09:30:01', 'update', 'deployments', 'web', {
  object_uid: 'd1',
  ...CONTROLLER,
  username: 'system:serviceaccount:kube-system:deployment-controller',
});
request('09:30:02', 'create', 'replicasets', 'web-5d4', {
  object_uid: 'r1',
  ...CONTROLLER,
  ...ownedBy('Deployment', 'web', 'd1'),
  ...body,
});
request('09:30:03', 'create', 'pods', 'web-5d4-abc', {
  object_uid: 'p1',
  ...CONTROLLER,
  ...ownedBy('ReplicaSet', 'web-5d4', 'r1'),
  labels: { app: 'web', 'pod-template-hash': '5d4', squad: 'checkout' },
  service_account: 'web',
  ...body,
});
request('09:30:04', 'patch', 'pods', 'web-5d4-abc', {
  subresource: 'status',
  object_uid: 'p1',
  ...KUBELET,
  addresses: ['10.1.1.7'],
  node_name: 'n1',
  host_ip: '10.0.0.1',
  ...body,
});
container('c1', 'web-5d4-abc', 'p1', '09:30:04', '10:00:05', { image_digest: `sha256:${'a'.repeat(64)}` });
export const sacked = request('10:00:00', 'delete', 'deployments', 'web', { object_uid: 'd1', username: 'mallory' });
request('10:00:01', 'delete', 'pods', 'web-5d4-abc', { object_uid: 'p1', ...COLLECTOR, ...body });
request('10:00:06', 'delete', 'pods', 'web-5d4-abc', { object_uid: 'p1', ...KUBELET, ...body });
request('08:00:00', 'create', 'namespaces', 'shop', {
  namespace: '',
  labels: { team: 'shop-all', owner: 'shop-space', 'data-classification': 'internal' },
  ...body,
});

// three pods of one name, one after the other: two deleted by a person, whose bodies were not kept for the second
request('11:00:00', 'create', 'pods', 'db-0', { object_uid: 's1', ...body });
export const removed = request('11:10:00', 'delete', 'pods', 'db-0', { object_uid: 's1', username: 'bob', ...body });
export const second = request('11:11:00', 'create', 'pods', 'db-0', { username: 'carol' });
request('11:11:01', 'create', 'pods', 'db-0', {
  subresource: 'binding',
  object_uid: 's2',
  username: 'system:kube-scheduler',
});
export const removedSecond = request('11:20:00', 'delete', 'pods', 'db-0', { username: 'dave' });
request('11:21:01', 'create', 'pods', 'db-0', {
  subresource: 'binding',
  object_uid: 's3',
  username: 'system:kube-scheduler',
});
request('11:30:00', 'create', 'pods', 'db-0', { object_uid: 's4', ...body });

// ends of other kinds
request('12:00:00', 'create', 'pods', 'evicted', { object_uid: 'e1', ...body });
export const eviction = request('12:10:00', 'create', 'pods', 'evicted', {
  subresource: 'eviction',
  object_uid: 'e1',
  username: 'drainer',
});
request('12:10:30', 'delete', 'pods', 'evicted', { object_uid: 'e1', ...KUBELET });
request('12:00:00', 'create', 'pods', 'pressed', { object_uid: 'e2', ...body });
request('12:05:00', 'patch', 'pods', 'pressed', {
  subresource: 'status',
  object_uid: 'e2',
  ...KUBELET,
  phase: 'Failed',
  phase_reason: 'Evicted',
  ...body,
});
request('13:00:00', 'delete', 'pods', 'pressed', { object_uid: 'e2', ...body });
request('12:00:00', 'create', 'pods', 'swept', { object_uid: 'e3', ...body });
export const sweep = request('12:20:00', 'deletecollection', 'pods', '', { username: 'mallory' });
request('12:20:31', 'delete', 'pods', 'swept', { object_uid: 'e3', ...KUBELET });
request('12:00:00', 'create', 'pods', 'lost', { object_uid: 'e4', node_name: 'n9', ...body });
export const nodeGone = request('12:30:00', 'delete', 'nodes', 'n9', { namespace: '', username: 'autoscaler' });
container('c5', 'job-x', 'e5', '12:00:00', '12:00:01');
request('12:00:00', 'create', 'pods', 'job-x', { object_uid: 'e5', ...body });
request('12:50:00', 'delete', 'pods', 'job-x', { object_uid: 'e5', ...body });
request('12:00:00', 'create', 'pods', 'tried', {
  object_uid: 'e6',
  request_uri: '/api/v1/namespaces/shop/pods?dryRun=All',
  ...body,
});
container('c6', 'only-runtime', 'e7', '12:00:00', undefined);
request('12:00:00', 'patch', 'pods', 'only-status', {
  subresource: 'status',
  object_uid: 'e8',
  ...KUBELET,
  body: 'request',
});

// a static pod: its manifest's hash is what the runtime calls it; somebody else claims the same for a pod of his
export const HASH = 'd41d8cd98f00b204e9800998ecf8427e';
request('07:00:00', 'create', 'pods', 'etcd-n1', {
  object_uid: 'm1',
  ...KUBELET,
  ...ownedBy('Node', 'n1', 'node-uid'),
  config_hash: HASH,
  host_network: true,
  addresses: ['10.0.0.1'],
  node_name: 'n1',
  ...body,
});
request('07:30:00', 'delete', 'pods', 'etcd-n1', { object_uid: 'm1', username: 'mallory', ...body });
container('c7', 'etcd-n1', HASH, '07:00:00', undefined);
request('07:00:01', 'create', 'pods', 'forged', {
  object_uid: 'f1',
  username: 'mallory',
  config_hash: HASH,
  ...ownedBy('Node', 'n1', 'node-uid'),
  ...body,
});

// an operator's object two steps above a StatefulSet, made on the server's side; a circle of owners; a Job by its name alone
request('06:00:00', 'patch', 'databases', 'orders', { object_uid: 'o1', code: 201, username: 'carol', ...body });
request('06:00:01', 'create', 'statefulsets', 'orders-sts', {
  object_uid: 'o2',
  username: 'system:serviceaccount:db:operator',
  ...ownedBy('Database', 'orders', 'o1'),
  ...body,
});
request('06:00:02', 'create', 'pods', 'orders-sts-0', {
  object_uid: 'o3',
  ...CONTROLLER,
  ...ownedBy('StatefulSet', 'orders-sts', 'o2'),
  ...body,
});
request('06:00:00', 'create', 'deployments', 'loop-a', {
  object_uid: 'l1',
  ...ownedBy('Deployment', 'loop-b', 'l2'),
  ...body,
});
request('06:00:00', 'create', 'deployments', 'loop-b', {
  object_uid: 'l2',
  ...ownedBy('Deployment', 'loop-a', 'l1'),
  ...body,
});
request('06:00:02', 'create', 'pods', 'loop-pod', {
  object_uid: 'l3',
  ...ownedBy('Deployment', 'loop-a', 'l1'),
  ...body,
});
request('06:00:00', 'create', 'cronjobs', 'nightly', { object_uid: 'j1', username: 'carol', ...body });
request('06:10:00', 'update', 'jobs', 'nightly-29640490', { subresource: 'status', object_uid: 'j2', ...CONTROLLER });
request('06:10:01', 'create', 'pods', 'nightly-29640490-x', {
  object_uid: 'j3',
  ...CONTROLLER,
  ...ownedBy('Job', 'nightly-29640490', 'j2'),
  ...body,
});
request('06:10:01', 'create', 'pods', 'ghost-77f-x', {
  object_uid: 'g1',
  ...CONTROLLER,
  ...ownedBy('ReplicaSet', 'ghost-77f', 'g2'),
  labels: { 'pod-template-hash': '77f' },
  ...body,
});

// a Deployment made again under its name: the first one's creation is not its own
request('05:00:00', 'create', 'deployments', 'again');
request('05:10:00', 'delete', 'deployments', 'again');
request('05:20:00', 'update', 'deployments', 'again', { subresource: 'status', object_uid: 'a2' });
request('05:20:01', 'create', 'pods', 'again-x', {
  object_uid: 'a3',
  ...ownedBy('Deployment', 'again', 'a2'),
  ...body,
});
// the image was pulled before it ran first
rows['runtime']?.push({
  cluster: 'c',
  node: 'n1',
  time: at('06:30:00'),
  topic: '/images/create',
  image: 'registry/app:1',
  digest: digest(),
  version: 1,
});
