// What the bodies of rarer requests say, events of older versions, and bodies that the server left out. Expected values by hand from
// the types of Kubernetes (k8s.io/api, k8s.io/apiserver/pkg/apis/audit).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { decodeRecords, emptyTables, typedRows } from './test-support/stage.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-k8s-bodies-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => emptyTables(store));

async function decode(event: object): Promise<Row> {
  await emptyTables(store);
  const raw = JSON.stringify({ kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID: 'a1', ...event });
  await decodeRecords(store, [{ format: 'k8s-audit', raw, node: '' }]);
  const [row] = await typedRows(store, 'k8s_audit', 'audit_id');
  return row ?? {};
}

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const OTHER = `sha256:${'cd'.repeat(32)}`;

describe('a request', () => {
  it('as someone else says as whom in full', async () => {
    const impersonatedUser = { username: 'bob', uid: 'u2', groups: ['g'], extra: { scopes: ['view', 'edit'] } };
    expect(await decode({ impersonatedUser })).toMatchObject({
      impersonated_user: 'bob',
      impersonated_uid: 'u2',
      impersonated_groups: ['g'],
      impersonated_extra: { scopes: ['view', 'edit'] },
      event_api_version: 'audit.k8s.io/v1',
    });
  });

  it('to exec and attach says which streams it opened', async () => {
    const uri = (query: string) => ({
      requestURI: `/api/v1/namespaces/a/pods/b/exec?${query}`,
      objectRef: { resource: 'pods', subresource: 'exec' },
    });
    const streams = async (query: string) => (await decode(uri(query)))['exec_streams'];
    expect(await streams('command=sh&stdin=true&stdout=true&tty=true')).toEqual(['stdin', 'stdout', 'tty']);
    expect(await streams('command=stdin%3Dtrue&stderr=1&stdin=false&tty=0')).toEqual(['stderr']);
    expect(
      (await decode({ requestURI: '/api/v1/pods?stdin=true', objectRef: { resource: 'pods' } }))['exec_streams'],
    ).toEqual([]);
  });

  it('with statuses of a pod has each container, and the one that it took the place of', async () => {
    const time = (second: number) => `2026-05-01T10:00:0${second}Z`;
    const responseObject = {
      kind: 'Pod',
      spec: { initContainers: [{ name: 'prepare', image: 'a' }], containers: [{ name: 'web', image: 'b' }] },
      status: {
        initContainerStatuses: [
          {
            ...{ name: 'prepare', containerID: 'cri-o://one', image: 'a', imageID: 'a@x' },
            state: { terminated: { exitCode: 3, reason: 'Error', startedAt: time(1), finishedAt: time(2) } },
          },
        ],
        containerStatuses: [
          {
            ...{
              name: 'web',
              containerID: 'containerd://two',
              image: 'b',
              imageID: 'b@y',
              state: { running: { startedAt: time(5) } },
            },
            lastState: {
              terminated: {
                exitCode: 137,
                signal: 9,
                reason: 'OOMKilled',
                startedAt: time(3),
                finishedAt: time(4),
                containerID: 'containerd://three',
              },
            },
          },
          { name: 'waiting', image: 'c', imageID: '', state: { waiting: { reason: 'ImagePullBackOff' } } },
        ],
        ephemeralContainerStatuses: [{ name: 'debug', containerID: 'docker://four', image: 'd', imageID: 'd@z' }],
      },
    };
    const row = await decode({ objectRef: { resource: 'pods', subresource: 'status' }, verb: 'patch', responseObject });
    const statuses = row['container_statuses'] as Record<string, unknown>[];
    expect(row['init_containers']).toEqual(['prepare']);
    expect(
      statuses.map((s) => [s['kind'], s['name'], s['container_id'], s['exit_code'], s['signal'], s['reason']]),
    ).toEqual([
      ['init', 'prepare', 'one', 3, 0, 'Error'],
      ['container', 'web', 'two', 0, 0, ''],
      ['container', 'web', 'three', 137, 9, 'OOMKilled'],
      ['ephemeral', 'debug', 'four', 0, 0, ''],
    ]);
    expect(
      statuses.map((s) => [s['started_at'], s['finished_at']].map((t) => new Date(String(t)).getUTCSeconds())),
    ).toEqual([
      [1, 2],
      [5, 0],
      [3, 4],
      [0, 0],
    ]);
  });

  it('with images has their digests, from the spec and from the status', async () => {
    const responseObject = {
      kind: 'Pod',
      spec: { containers: [{ image: `registry.example/app@${DIGEST}` }, { image: 'app:sha256' }] },
      status: {
        containerStatuses: [{ imageID: `docker-pullable://registry.example/app@${DIGEST}` }, { imageID: OTHER }],
        initContainerStatuses: [{ imageID: '' }],
      },
    };
    expect(await decode({ responseObject })).toMatchObject({ image_digests: [DIGEST, OTHER] });
  });

  it('has the labels of its object, and what a mirror pod says of the static pod it stands for', async () => {
    const metadata = {
      labels: { team: 'shop', 'app.kubernetes.io/part-of': 'store' },
      annotations: { 'kubernetes.io/config.hash': 'd41d8', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    };
    expect(await decode({ responseObject: { kind: 'Pod', metadata } })).toMatchObject({
      labels: { team: 'shop', 'app.kubernetes.io/part-of': 'store' },
      config_hash: 'd41d8',
    });
    expect(await decode({ responseObject: { kind: 'Pod', metadata: { labels: null } } })).toMatchObject({
      labels: {},
      config_hash: '',
    });
    expect(await decode({ responseObject: { kind: 'Pod', metadata: { labels: ['x'] } } })).toMatchObject({
      labels: {},
    });
  });

  it("with a kubelet's patch of a status has the pod's UID, phase and addresses, though nothing but the patch was kept", async () => {
    const objectRef = { resource: 'pods', subresource: 'status', namespace: 'shop', name: 'web' };
    const status = {
      phase: 'Failed',
      reason: 'Evicted',
      hostIP: '10.0.0.4',
      podIP: '10.1.0.7',
      podIPs: [{ ip: '10.1.0.7' }, { ip: 'fd00::7' }],
    };
    expect(await decode({ objectRef, requestObject: { metadata: { uid: 'p1' }, status } })).toMatchObject({
      object_uid: 'p1',
      name: 'web',
      phase: 'Failed',
      phase_reason: 'Evicted',
      host_ip: '10.0.0.4',
      addresses: ['10.1.0.7', 'fd00::7'],
    });
  });

  it('for a node or a service has its addresses, names left out', async () => {
    const addresses = [
      { type: 'InternalIP', address: '10.0.0.4' },
      { type: 'ExternalIP', address: '198.51.100.4' },
      { type: 'Hostname', address: 'worker-1' },
    ];
    const node = { objectRef: { resource: 'nodes', name: 'worker-1' }, requestObject: { status: { addresses } } };
    expect(await decode(node)).toMatchObject({ addresses: ['10.0.0.4', '198.51.100.4'] });
    const service = (clusterIPs: string[]) => ({
      objectRef: { resource: 'services', namespace: 'default', name: 'kubernetes' },
      responseObject: { kind: 'Service', spec: { clusterIPs } },
    });
    expect(await decode(service(['10.96.0.1', 'fd00::1']))).toMatchObject({ addresses: ['10.96.0.1', 'fd00::1'] });
    expect(await decode(service(['None']))).toMatchObject({ addresses: [] });
  });

  it('for an ephemeral container has its name and image', async () => {
    const objectRef = { resource: 'pods', subresource: 'ephemeralcontainers', name: 'web' };
    const spec = { ephemeralContainers: [{ name: 'debugger', image: 'busybox:1' }] };
    expect(await decode({ objectRef, requestObject: { spec } })).toMatchObject({
      ephemeral_containers: ['debugger=busybox:1'],
    });
    expect(await decode({ objectRef, responseObject: { kind: 'Pod', spec } })).toMatchObject({
      ephemeral_containers: ['debugger=busybox:1'],
      images: ['busybox:1'],
    });
  });

  it('for a token says for whom, how long, and what it ends with', async () => {
    const objectRef = { resource: 'serviceaccounts', subresource: 'token', name: 'sa' };
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'p1' };
    const spec = { audiences: ['vault'], expirationSeconds: 3607, boundObjectRef };
    expect(await decode({ objectRef, requestObject: { kind: 'TokenRequest', spec } })).toMatchObject({
      token_audiences: ['vault'],
      token_expiration_seconds: 3607,
      token_bound_to: 'Pod:web:p1',
    });
    const unbound = { kind: 'TokenRequest', spec: { audiences: null, expirationSeconds: 60, boundObjectRef: null } };
    expect(await decode({ objectRef, requestObject: unbound })).toMatchObject({
      token_audiences: [],
      token_expiration_seconds: 60,
      token_bound_to: '',
    });
  });

  it.each(['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])(
    'for %s says where they lead',
    async (resource) => {
      const webhooks = [
        { name: 'a', clientConfig: { url: 'https://203.0.113.9/x' } },
        {
          name: 'b',
          clientConfig: { service: { namespace: 'kube-system', name: 'hook', path: '/mutate', port: 443 } },
        },
        { name: 'c', clientConfig: {} },
      ];
      expect(await decode({ objectRef: { resource }, requestObject: { kind: 'X', webhooks } })).toMatchObject({
        webhook_targets: ['https://203.0.113.9/x', 'kube-system/hook/mutate', '/'],
      });
    },
  );
});

describe('bodies', () => {
  const pod = { kind: 'Pod', spec: { hostPID: true } };

  it('that the API server left out as too large are told, and nothing is taken from what stands there', async () => {
    const annotations = { 'audit.k8s.io/truncated': 'true' };
    const none = { level: 'RequestResponse', annotations };
    expect(await decode(none)).toMatchObject({ body: 'truncated', host_pid: false });
    const empty = { kind: '', apiVersion: '' };
    expect(await decode({ ...none, requestObject: empty, responseObject: pod })).toMatchObject({
      body: 'truncated',
      host_pid: false,
    });
  });

  it('that AKS left out are told, and the other one is read', async () => {
    const requestObject = 'skipped-too-big-size-object';
    expect(await decode({ requestObject, responseObject: requestObject })).toMatchObject({ body: 'truncated' });
    expect(await decode({ requestObject, responseObject: pod })).toMatchObject({ body: 'truncated', host_pid: true });
    const quoted = { kind: 'ConfigMap', data: { a: 'skipped-too-big-size-object' } };
    expect(await decode({ requestObject: quoted })).toMatchObject({ body: 'request' });
  });

  it('of events that have only metadata are none', async () => {
    expect(await decode({ level: 'Metadata' })).toMatchObject({ level: 'Metadata', body: 'none' });
  });
});

describe('an event of', () => {
  it('v1beta1 has the time of v1', async () => {
    const event = {
      apiVersion: 'audit.k8s.io/v1beta1',
      metadata: { creationTimestamp: '2018-10-26T13:38:34Z' },
      timestamp: '2018-10-26T13:38:34Z',
      requestReceivedTimestamp: '2018-10-26T13:38:34.867116Z',
      stageTimestamp: null,
    };
    expect(await decode(event)).toMatchObject({
      event_api_version: 'audit.k8s.io/v1beta1',
      time: '2018-10-26T13:38:34.867116000Z',
    });
  });

  it('v1alpha1 has its time and its group where that version had them', async () => {
    const event = {
      apiVersion: 'audit.k8s.io/v1alpha1',
      metadata: { creationTimestamp: '2017-08-01T10:00:01Z' },
      timestamp: '2017-08-01T10:00:00Z',
      requestReceivedTimestamp: null,
      stageTimestamp: null,
      objectRef: { resource: 'deployments', name: 'web', apiVersion: 'extensions/v1beta1' },
    };
    expect(await decode(event)).toMatchObject({
      time: '2017-08-01T10:00:00.000000000Z',
      api_group: 'extensions',
      api_version: 'v1beta1',
    });
  });

  it('no version is read, its time that of its making', async () => {
    const event = { apiVersion: undefined, metadata: { creationTimestamp: '2017-08-01T10:00:01Z' }, verb: 'get' };
    expect(await decode(event)).toMatchObject({
      event_api_version: '',
      time: '2017-08-01T10:00:01.000000000Z',
      verb: 'get',
    });
  });
});

describe('the reading of a stage', () => {
  it('that has no later one shows that it has none', async () => {
    const received = {
      kind: 'Event',
      auditID: 'r',
      stage: 'RequestReceived',
      requestReceivedTimestamp: '2026-11-23T13:10:37Z',
    };
    await decodeRecords(store, [{ format: 'k8s-audit', raw: JSON.stringify(received) }]);
    expect(await typedRows(store, 'k8s_audit', 'audit_id')).toMatchObject([{ stage: 'RequestReceived', code: 0 }]);
  });
});
