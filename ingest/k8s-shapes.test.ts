// One Kubernetes audit event in every envelope it is shipped in: the same row, as far as the envelope says it. Envelopes as their
// services document them (analytics/decode/audit-event.sql).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Row, Store } from '../analytics/store/store.ts';
import { importPaths } from './import.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-k8s-shapes-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const table of ['records', 'receipts', 'k8s_audit', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
});

let files = 0;
async function load(text: string | Buffer) {
  const home = join(directory, `in${++files}`);
  mkdirSync(home);
  writeFileSync(join(home, 'a.log'), text);
  const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
  return importPaths([home], { cluster: 'prod' }, deps);
}
const rows = (): Promise<Row[]> =>
  store.rows('SELECT * EXCEPT (digest, loader, seq, version) FROM k8s_audit FINAL ORDER BY time, audit_id, stage');
const reasons = async () => (await store.rows('SELECT reason FROM dead_letters')).map((r) => r['reason']);

const event = {
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: 'c0071a44-c2eb-4c2c-8c6e-f40fff52f91b',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/shop/pods?fieldManager=kubectl',
  verb: 'create',
  user: { username: 'alice', uid: 'u1', groups: ['shop-admins', 'system:authenticated'] },
  sourceIPs: ['198.51.100.20'],
  userAgent: 'kubectl/v1.34.4',
  objectRef: { resource: 'pods', namespace: 'shop', name: 'web', apiVersion: 'v1' },
  responseStatus: { metadata: {}, code: 201 },
  requestObject: { kind: 'Pod', apiVersion: 'v1', spec: { hostPID: true, containers: [{ image: 'é:1' }] } },
  responseObject: {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web', uid: 'p1', annotations: { a: '{"category":"kube-audit","properties":{"log":"\\n"}}' } },
    spec: { hostPID: true, containers: [{ image: 'é:1' }] },
  },
  requestReceivedTimestamp: '2026-11-23T13:10:37.536203Z',
  stageTimestamp: '2026-11-23T13:10:37.537502Z',
  annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'RBAC: "x"' },
};
type AuditEvent = typeof event;
const textOf = (of: AuditEvent) => JSON.stringify(of);
const plain = textOf(event);
const azure = {
  time: '2026-11-23T13:10:38.0000000Z',
  resourceId: '/SUBSCRIPTIONS/1/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/C',
  category: 'kube-audit',
  operationName: 'Microsoft.ContainerService/managedClusters/diagnosticLogs/Read',
};
const properties = { pod: 'kube-apiserver-68df4876bd-74k6n', containerID: 'c', stream: 'stdout' };
const shapes: Record<string, (event: AuditEvent) => string> = {
  'EKS, an event of CloudWatch': (event) =>
    JSON.stringify({ timestamp: 1795439437536, message: textOf(event), ingestionTime: 1795439437999 }),
  'EKS, of filter-log-events': (event) =>
    JSON.stringify({
      logStreamName: 'kube-apiserver-audit-8d1f',
      timestamp: 1795439437536,
      message: textOf(event),
      eventId: '365',
    }),
  'EKS, of Logs Insights': (event) =>
    JSON.stringify({ '@timestamp': '2026-11-23 13:10:37.536', '@message': textOf(event), '@ptr': 'x' }),
  'EKS, of Logs Insights as an object': (event) =>
    JSON.stringify({ '@timestamp': '2026-11-23 13:10:37.536', '@message': event }),
  'EKS, exported to S3': (event) => `2026-11-23T13:10:37.000Z ${textOf(event)}`,
  'AKS, the event as text': (event) =>
    JSON.stringify({ ...azure, properties: { log: `${textOf(event)}\n`, ...properties } }),
  'AKS, the event as an object': (event) => JSON.stringify({ ...azure, properties: { log: event, ...properties } }),
  'AKS, kube-audit-admin, its category last': (event) =>
    JSON.stringify({ properties: { ...properties, log: textOf(event) }, category: 'kube-audit-admin' }),
  'AKS, properties as text': (event) =>
    JSON.stringify({ ...azure, properties: JSON.stringify({ log: textOf(event), ...properties }) }),
  'AKS, a row of AzureDiagnostics': (event) =>
    JSON.stringify({ TimeGenerated: 'x', Category: 'kube-audit', log_s: textOf(event) }),
};
const names = Object.keys(shapes);
/** The event with an id of the shape's own: all shapes are imported together. */
const eventOf = (i: number): AuditEvent => ({ ...event, auditID: `${event.auditID.slice(0, -2)}${10 + i}` });
const linesOf = () => names.map((name, i) => `${shapes[name]?.(eventOf(i))}\n`);
const azureRow = {
  TenantId: 't',
  TimeGenerated: '2026-11-23T13:10:37.537502Z',
  AuditId: event.auditID,
  Level: event.level,
  Stage: event.stage,
  RequestUri: event.requestURI,
  Verb: event.verb,
  User: event.user,
  SourceIps: event.sourceIPs,
  UserAgent: event.userAgent,
  ObjectRef: event.objectRef,
  ResponseStatus: event.responseStatus,
  RequestObject: event.requestObject,
  ResponseObject: JSON.stringify(event.responseObject),
  RequestReceivedTime: event.requestReceivedTimestamp,
  StageReceivedTime: event.stageTimestamp,
  Annotations: JSON.stringify(event.annotations),
  PodName: 'kube-apiserver-68df4876bd-74k6n',
  Type: 'AKSAudit',
};

describe('an event of', () => {
  it('every envelope is the row that the plain event makes', async () => {
    await load(names.map((_, i) => `${textOf(eventOf(i))}\n`).join(''));
    const expected = await rows();
    const told = { host_pid: true, object_uid: 'p1', images: ['é:1'], code: 201, body: 'both' };
    expect(expected).toMatchObject(names.map(() => told));
    await load(linesOf().join(''));
    expect(await rows(), 'the same event twice is one row').toEqual(expected);
    for (const table of ['records', 'k8s_audit']) await store.run(`TRUNCATE TABLE ${table}`);
    const crlf = linesOf().map((line) => line.replace('\n', '\r\n'));
    expect(await load(crlf.join(''))).toMatchObject({ records: names.length, dead_letters: 0, balanced: true });
    const found = await rows();
    for (const [i, name] of names.entries()) expect({ name, ...found[i] }).toEqual({ name, ...expected[i] });
    const time = '2026-11-23T13:10:37.536203000Z';
    const keys = names.map((_, i) => ({ time, key: `${eventOf(i).auditID}/ResponseComplete` }));
    expect(await store.rows('SELECT event_time AS time, event_key AS key FROM records ORDER BY key')).toEqual(keys);
  });

  it('AKS, a row of AKSAudit is the row that the plain event makes', async () => {
    await load(`${plain}\n`);
    const [expected] = await rows();
    for (const table of ['records', 'k8s_audit']) await store.run(`TRUNCATE TABLE ${table}`);
    await load(`${JSON.stringify(azureRow)}\n`);
    expect(await rows()).toEqual([{ ...expected, event_api_version: '' }]);
  });

  it('every envelope that is cut short is kept and told', async () => {
    const cut = linesOf().map((line) => `${line.slice(0, -401)}\n`);
    expect(await load(`${plain}\n${cut.join('')}`)).toMatchObject({ dead_letters: names.length });
    // the category was cut off
    const expected = names.map((name) => (name.includes('category last') ? 'unknown-format' : 'invalid-json'));
    expect((await reasons()).sort()).toEqual(expected.sort());
    expect(await rows()).toHaveLength(1);
  });

  it('no envelope can be hidden behind half a surrogate pair', async () => {
    const inText = (text: string) => JSON.stringify(text).slice(1, -1);
    const lines = linesOf().map((line, i) => {
      const whole = textOf(eventOf(i));
      const hidden = whole.replace('é:1', '\\ud800:1');
      return line.replaceAll(whole, hidden).replaceAll(inText(whole), () => inText(hidden));
    });
    expect(await load(lines.join(''))).toMatchObject({ dead_letters: 0 });
    expect(await rows()).toMatchObject(names.map(() => ({ username: 'alice', host_pid: true })));
  });

  it('AKS of another category is no event of ours, and is told', async () => {
    const other = JSON.stringify({
      ...azure,
      category: 'guard',
      properties: { log: 'I0109 21:24 auditID', ...properties },
    });
    expect(await load(`${shapes['AKS, the event as text']?.(event)}\n${other}\n`)).toMatchObject({
      records: 2,
      dead_letters: 1,
    });
    expect(await reasons()).toEqual(['unknown-format']);
  });

  it('any envelope without an event is told', async () => {
    const empty = [
      JSON.stringify({ timestamp: 1, message: '{"kind":"Event","auditID":""}' }),
      JSON.stringify({ ...azure, properties: { log: '{"x":"auditID"}' } }),
      JSON.stringify({ protoPayload: { serviceName: 'k8s.io' } }),
    ];
    expect(await load(`${plain}\n${empty.join('\n')}\n`)).toMatchObject({ records: 4, dead_letters: 3 });
    expect(await reasons()).toEqual(['missing-identity', 'missing-identity', 'missing-identity']);
  });
});

describe('GKE', () => {
  const entry = (payload: object, more: object = {}) =>
    `${JSON.stringify({
      protoPayload: {
        '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
        authenticationInfo: { principalEmail: 'alice@example.com' },
        authorizationInfo: [
          { granted: true, permission: 'io.k8s.core.v1.pods.create', resource: 'core/v1/namespaces/shop/pods' },
        ],
        methodName: 'io.k8s.core.v1.pods.create',
        requestMetadata: { callerIp: '198.51.100.20', callerSuppliedUserAgent: 'kubectl/v1.34.4' },
        resourceName: 'core/v1/namespaces/shop/pods/web',
        serviceName: 'k8s.io',
        status: {},
        ...payload,
      },
      insertId: 'insert-1',
      resource: { type: 'k8s_cluster', labels: { cluster_name: 'c', location: 'l', project_id: 'p' } },
      timestamp: '2026-11-23T13:10:37.536203Z',
      labels: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'access granted by IAM' },
      logName: 'projects/p/logs/cloudaudit.googleapis.com%2Factivity',
      operation: { id: 'c0071a44-c2eb-4c2c-8c6e-f40fff52f91b', producer: 'k8s.io', first: true, last: true },
      receiveTimestamp: '2026-11-23T13:10:39Z',
      ...more,
    })}\n`;

  it('says who did what to which object, from where, and with what bodies', async () => {
    const bodies = {
      request: { '@type': 'core.k8s.io/v1.Pod', ...event.requestObject },
      response: { '@type': 'core.k8s.io/v1.Pod', ...event.responseObject },
    };
    expect(await load(entry(bodies))).toMatchObject({ records: 1, dead_letters: 0 });
    expect(await rows()).toMatchObject([
      {
        audit_id: 'c0071a44-c2eb-4c2c-8c6e-f40fff52f91b',
        stage: 'ResponseComplete',
        time: '2026-11-23T13:10:37.536203000Z',
        stage_time: '1970-01-01T00:00:00.000000000Z',
        level: '',
        verb: 'create',
        request_uri: '',
        username: 'alice@example.com',
        user_groups: [],
        source_ips: ['198.51.100.20'],
        user_agent: 'kubectl/v1.34.4',
        resource: 'pods',
        subresource: '',
        api_group: '',
        api_version: 'v1',
        namespace: 'shop',
        name: 'web',
        object_uid: 'p1',
        code: 200,
        decision: 'allow',
        decision_reason: 'access granted by IAM',
        host_pid: true,
        images: ['é:1'],
        body: 'both',
      },
    ]);
  });

  it.each([
    [
      'io.k8s.core.v1.pods.exec.create',
      'core/v1/namespaces/shop/pods/web/exec',
      ['create', '', 'v1', 'pods', 'exec', 'shop', 'web'],
    ],
    ['io.k8s.core.v1.secrets.list', 'core/v1/namespaces/shop/secrets', ['list', '', 'v1', 'secrets', '', 'shop', '']],
    ['io.k8s.core.v1.secrets.list', 'core/v1/secrets', ['list', '', 'v1', 'secrets', '', '', '']],
    ['io.k8s.core.v1.nodes.proxy.get', 'core/v1/nodes/n1/proxy/exec', ['get', '', 'v1', 'nodes', 'proxy', '', 'n1']],
    [
      'io.k8s.core.v1.namespaces.delete',
      'core/v1/namespaces/shop',
      ['delete', '', 'v1', 'namespaces', '', 'shop', 'shop'],
    ],
    [
      'io.k8s.authorization.rbac.v1.clusterrolebindings.create',
      'rbac.authorization.k8s.io/v1/clusterrolebindings/x',
      ['create', 'rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', '', '', 'x'],
    ],
    [
      'io.k8s.apps.v1.deployments.patch',
      'apps/v1/namespaces/shop/deployments/web',
      ['patch', 'apps', 'v1', 'deployments', '', 'shop', 'web'],
    ],
    [
      'com.example.widgets.v1beta1.widgets.status.update',
      'widgets.example.com/v1beta1/namespaces/a/widgets/b/status',
      ['update', 'widgets.example.com', 'v1beta1', 'widgets', 'status', 'a', 'b'],
    ],
  ])('%s of %s names its object', async (methodName, resourceName, expected) => {
    await load(entry({ methodName, resourceName }));
    const columns = ['verb', 'api_group', 'api_version', 'resource', 'subresource', 'namespace', 'name'];
    const [row] = await rows();
    expect(columns.map((column) => row?.[column])).toEqual(expected);
  });

  it('names the path where there is no object', async () => {
    await load(entry({ methodName: 'io.k8s.get', resourceName: 'healthz' }));
    expect(await rows()).toMatchObject([{ verb: 'get', request_uri: '/healthz', resource: '' }]);
  });

  it.each([
    [{ code: 7, message: 'PERMISSION_DENIED' }, {}, 403, ''],
    [{ code: 5 }, {}, 404, ''],
    [{ code: 16 }, {}, 401, ''],
    [{ code: 3 }, { kind: 'Status', code: 422, reason: 'Invalid' }, 422, 'Invalid'],
    [{ code: 99 }, {}, 0, ''],
  ])('status %j with answer %j is an HTTP code', async (status, response, code, reason) => {
    await load(entry({ status, response }));
    expect(await rows()).toMatchObject([{ code, status_reason: reason }]);
  });

  it('does not say a code without a status', async () => {
    await load(entry({ status: undefined }));
    expect(await rows()).toMatchObject([{ code: 0 }]);
  });

  it('tells refusal by its authorization where no label does, begin and end of what lasts, and names by insertId', async () => {
    await load(
      entry({ authorizationInfo: [{ permission: 'x' }] }, { labels: {}, operation: { id: 'o', first: true } }) +
        entry(
          { authorizationInfo: [{ permission: 'x', granted: true }] },
          { labels: {}, operation: { id: 'o', last: true } },
        ) +
        entry({}, { operation: undefined }),
    );
    const got = (await rows()).map((r) => [r['audit_id'], r['stage'], r['decision']]);
    expect(got).toEqual([
      ['insert-1', '', 'allow'],
      ['o', 'ResponseComplete', 'allow'],
      ['o', 'ResponseStarted', 'forbid'],
    ]);
  });

  it('of another service is none', async () => {
    expect(await load(entry({ serviceName: 'compute.googleapis.com' }))).toMatchObject({ records: 0, skipped: 1 });
  });
});
