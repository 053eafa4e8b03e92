// The Kubernetes audit decoder on the real engine: an event of a recording checked by hand, shapes of the API, hostile JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { decodeRecords, emptyTables, typedRows } from './test-support/stage.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-k8s-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => emptyTables(store));

async function decode(raw: string): Promise<Row> {
  await decodeRecords(store, [{ format: 'k8s-audit', raw, node: '' }]);
  const rows = await typedRows(store, 'k8s_audit', 'audit_id');
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

const event = (more: object) =>
  JSON.stringify({ kind: 'Event', auditID: 'a1', stage: 'ResponseComplete', verb: 'create', ...more });

// Copied from the recording web-to-cluster: kubectl exec over a WebSocket.
const exec = String.raw`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"c0071a44-c2eb-4c2c-8c6e-f40fff52f91b","stage":"ResponseStarted","requestURI":"/api/v1/namespaces/shop/pods/shop-web-8547db8995-p8xwr/exec?command=ps\u0026container=shop-web\u0026stderr=true\u0026stdout=true","verb":"get","user":{"username":"alice","groups":["shop-admins","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["X509SHA256=4c8a7e05b7ff9bac0781a608063657a379083da7f4251650802afa78f2867d97"]}},"sourceIPs":["198.51.100.20"],"userAgent":"kubectl/v1.34.4 (linux/amd64) kubernetes/0d4e6ed","objectRef":{"resource":"pods","namespace":"shop","name":"shop-web-8547db8995-p8xwr","apiVersion":"v1","subresource":"exec"},"responseStatus":{"metadata":{},"code":101},"requestReceivedTimestamp":"2026-11-23T13:10:37.536203Z","stageTimestamp":"2026-11-23T13:10:37.537502Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"shop-admins\" of ClusterRole \"cluster-admin\" to Group \"shop-admins\""}}`;

describe('an API request', () => {
  it('is decoded as recorded', async () => {
    const expected = {
      cluster: 'prod',
      time: '2026-11-23T13:10:37.536203000Z',
      stage_time: '2026-11-23T13:10:37.537502000Z',
      audit_id: 'c0071a44-c2eb-4c2c-8c6e-f40fff52f91b',
      stage: 'ResponseStarted',
      level: 'RequestResponse',
      verb: 'get',
      username: 'alice',
      user_groups: ['shop-admins', 'system:authenticated'],
      credential_id: 'X509SHA256=4c8a7e05b7ff9bac0781a608063657a379083da7f4251650802afa78f2867d97',
      source_ips: ['198.51.100.20'],
      user_agent: 'kubectl/v1.34.4 (linux/amd64) kubernetes/0d4e6ed',
      resource: 'pods',
      subresource: 'exec',
      namespace: 'shop',
      name: 'shop-web-8547db8995-p8xwr',
      code: 101,
      decision: 'allow',
      decision_reason:
        'RBAC: allowed by ClusterRoleBinding "shop-admins" of ClusterRole "cluster-admin" to Group "shop-admins"',
      exec_command: ['ps'],
      exec_container: 'shop-web',
      host_paths: [],
      privileged: false,
      body: 'none',
    };
    expect(await decode(exec)).toMatchObject(expected);
    await emptyTables(store);
    expect(await decode(`${exec}\r`)).toMatchObject(expected); // CRLF
  });

  it('to exec has its command in order, percent and plus undone', async () => {
    const requestURI =
      '/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=echo+a%26b%3D%22c%20d%22&container=x%2Dy&command=';
    const row = await decode(event({ requestURI, objectRef: { resource: 'pods', subresource: 'exec' } }));
    expect(row).toMatchObject({ exec_command: ['sh', '-c', 'echo a&b="c d"', ''], exec_container: 'x-y' });
  });

  it('that the server named is known by the name it gave', async () => {
    const row = await decode(
      event({
        objectRef: { resource: 'pods' },
        requestObject: { metadata: { generateName: 'x-' } },
        responseObject: { kind: 'Pod', metadata: { name: 'x-7abc', uid: 'u1' } },
      }),
    );
    expect(row).toMatchObject({ name: 'x-7abc', object_uid: 'u1', body: 'both' });
  });

  it.each([
    ['Pod', (spec: object) => ({ kind: 'Pod', spec })],
    ['Deployment', (spec: object) => ({ kind: 'Deployment', spec: { template: { spec } } })],
    [
      'CronJob',
      (spec: object) => ({
        kind: 'CronJob',
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec } } } },
      }),
    ],
  ])('for a %s has what its pods may do', async (_, wrap) => {
    const spec = {
      nodeName: 'n1',
      serviceAccountName: 'sa',
      hostPID: true,
      hostNetwork: true,
      initContainers: [{ image: 'init:1', command: ['sh'], args: ['-c', 'x'] }],
      containers: [{ image: 'app:1', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }],
      volumes: [{ hostPath: { path: '/' } }, { emptyDir: {} }],
    };
    expect(await decode(event({ requestObject: wrap(spec) }))).toMatchObject({
      node_name: 'n1',
      service_account: 'sa',
      host_pid: true,
      host_network: true,
      host_ipc: false,
      privileged: true,
      capabilities_added: ['SYS_ADMIN'],
      host_paths: ['/'],
      images: ['init:1', 'app:1'],
      commands: ['sh -c x', ''],
      body: 'request',
    });
  });

  it('that was refused is read from what was asked for, not from the answer of kind Status', async () => {
    const row = await decode(
      event({
        responseStatus: { code: 403, reason: 'Forbidden' },
        requestObject: { kind: 'Pod', spec: { hostPID: true } },
        responseObject: { kind: 'Status', metadata: {} },
      }),
    );
    expect(row).toMatchObject({ code: 403, status_reason: 'Forbidden', host_pid: true });
  });

  it('with a status has the containers without their runtime', async () => {
    const status = {
      podIP: '10.0.0.7',
      containerStatuses: [{ containerID: 'containerd://abc' }, { containerID: '' }],
      initContainerStatuses: [{ containerID: 'docker://def' }],
    };
    expect(await decode(event({ responseObject: { kind: 'Pod', status } }))).toMatchObject({
      pod_ip: '10.0.0.7',
      container_ids: ['def', 'abc', ''],
    });
  });
});

describe('hostile JSON', () => {
  const reasons = () => store.rows('SELECT reason FROM dead_letters FINAL');

  it.each([
    ['cut in the middle', exec.slice(0, 900)],
    ['nested ten thousand deep where no body is', `{"auditID":"a1","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['with bytes after it', `${exec}}`],
  ])('%s is a dead letter, no row', async (_, raw) => {
    await decodeRecords(store, [{ format: 'k8s-audit', raw, eventKey: '' }]);
    expect(await typedRows(store, 'k8s_audit', 'audit_id')).toEqual([]);
    expect(await reasons()).toEqual([{ reason: 'invalid-json' }]);
  });

  it('without an auditID is a dead letter for want of identity', async () => {
    await decodeRecords(store, [{ format: 'k8s-audit', raw: '{"auditID":7}', eventKey: '' }]);
    expect(await reasons()).toEqual([{ reason: 'missing-identity' }]);
  });

  it.each([
    [
      'types turned round',
      {
        user: 'root',
        objectRef: [1],
        sourceIPs: 'x',
        responseStatus: { code: '200' },
        annotations: 5,
        requestObject: 'text',
        responseObject: 7,
      },
    ],
    [
      'nulls everywhere',
      {
        user: null,
        objectRef: null,
        sourceIPs: null,
        responseStatus: null,
        annotations: null,
        requestObject: null,
        responseObject: null,
        stageTimestamp: null,
      },
    ],
    ['a time that is none', { requestReceivedTimestamp: 'yesterday', stageTimestamp: '9999-99-99' }],
    [
      'containers that are none',
      { requestObject: { kind: 'Pod', spec: { containers: 'x', volumes: { hostPath: 1 } } } },
    ],
    [
      'twenty thousand annotations',
      { annotations: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 'v'])) },
    ],
    ['a body of five megabytes', { requestObject: { kind: 'Secret', data: 'x'.repeat(5_000_000) } }],
    ['awkward text', { user: { username: '\u0000\u001b[2J\ud800"\\' }, userAgent: '\u202e' }],
    ['a code beyond its type', { responseStatus: { code: 70_000 } }],
  ])('with %s is a row all the same', async (_, more) => {
    expect(await decode(event(more))).toMatchObject({ audit_id: 'a1', verb: 'create' });
    expect(await reasons()).toEqual([]);
  });

  // the body of a patch is copied as the client wrote it
  const patched = (body: string) =>
    Buffer.from(
      exec.replace(',"requestReceivedTimestamp"', () => `,"requestObject":${body},"requestReceivedTimestamp"`),
      'latin1',
    );

  it.each([
    ['half a surrogate pair', '{"metadata":{"annotations":{"a":"\\ud800"}},"spec":{"hostPID":true}}'],
    ['half a surrogate pair beside a whole one', '{"a":"\\uDC00 \\ud83d\\ude00","spec":{"hostPID":true}}'],
    ['bytes that are no UTF-8', '{"a":"\u00ff\u00fe","spec":{"hostPID":true}}'],
  ])('cannot hide a patch behind %s', async (_, body) => {
    await decodeRecords(store, [{ format: 'k8s-audit', raw: patched(body) }]);
    expect(await typedRows(store, 'k8s_audit', 'audit_id')).toMatchObject([
      { username: 'alice', host_pid: true, body: 'request' },
    ]);
  });

  it.each([
    ['nesting', `{"x":${'['.repeat(5000)}${']'.repeat(5000)},"requestReceivedTimestamp":"1999-01-01T00:00:00Z"}`],
    ['a number without end', `{"x":1e${'9'.repeat(400)}}`],
  ])('cannot hide a patch behind %s: only its body is lost', async (_, body) => {
    await decodeRecords(store, [{ format: 'k8s-audit', raw: patched(body) }]);
    const rows = await typedRows(store, 'k8s_audit', 'audit_id');
    expect(rows).toMatchObject([
      { username: 'alice', exec_command: ['ps'], time: '2026-11-23T13:10:37.536203000Z', body: 'unreadable' },
    ]);
    expect(await reasons()).toEqual([]);
  });

  it('does not spoil its neighbours', async () => {
    await decodeRecords(store, [
      { format: 'k8s-audit', raw: exec.slice(0, 300) },
      { format: 'k8s-audit', raw: exec },
      {
        format: 'k8s-audit',
        raw: Buffer.concat([Buffer.from('{"auditID":"b'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
        eventKey: 'b/x',
      },
    ]);
    const rows = await typedRows(store, 'k8s_audit', 'audit_id');
    expect(rows.map((r) => r['username'])).toContain('alice');
  });
});
