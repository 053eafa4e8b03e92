// Pods, their owners and ends, principals, callers and images of the made-up cluster in test-support, on the real engine.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { buildEntities } from '../entities.ts';
import { forged, fromGateway, fromJob, own, snat, TOKEN } from '../test-support/made-callers.ts';
import {
  COLLECTOR,
  changed,
  deployed,
  eviction,
  HASH,
  nodeGone,
  removed,
  removedSecond,
  rows,
  sacked,
  second,
  sweep,
} from '../test-support/made-cluster.ts';
import { CONTEXT_LABELS } from './actors.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-actors-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
  // an insert takes rows of one shape
  for (const [table, all] of Object.entries(rows)) for (const row of all) await store.insert(table, [row]);
  await buildEntities(store, Date.now(), { ...CONTEXT_LABELS, team: ['squad', 'team'] });
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const podOf = async (uid: string) =>
  (await store.rows('SELECT * FROM pods FINAL WHERE pod_uid = {uid:String}', { uid }))[0];
const all = async (sql: string) => store.rows(sql);

describe('a pod', () => {
  it('has its owners up to the workload, who made that and who changed it last before the pod', async () => {
    expect(await podOf('p1')).toMatchObject({
      workload_kind: 'Deployment',
      workload_name: 'web',
      workload_uid: 'd1',
      workload_path: ['ReplicaSet/web-5d4', 'Deployment/web'],
      workload_method: 'owner-reference',
      creator: 'alice',
      creator_audit_id: deployed,
      creator_from: '198.51.100.20',
      changed_by: 'bob',
      changed_audit_id: changed,
    });
  });

  it('has owner, team and sensitivity of the nearest that says it, by the keys that were asked for', async () => {
    // squad stands first and is the pod's own; owner and sensitivity are its Deployment's
    expect(await podOf('p1')).toMatchObject({ owner: 'web-shop', team: 'checkout', sensitivity: 'high' });
    // of its namespace
    expect(await podOf('s1')).toMatchObject({ owner: 'shop-space', team: 'shop-all', sensitivity: 'internal' });
  });

  it('whose owner was deleted ended by who deleted that', async () => {
    expect(await podOf('p1')).toMatchObject({
      end_reason: 'owner-deleted',
      ended_by: 'mallory',
      ended_audit_id: sacked,
      deleted_by: COLLECTOR.username,
      ended_at: '2026-05-01T10:00:05.000000000Z',
    });
    expect((await podOf('p1'))?.['begin_digests']).toHaveLength(2);
    expect((await podOf('p1'))?.['end_digests']).toHaveLength(2);
  });

  it('recreated under the same name is another one, each with its own begin and end', async () => {
    expect(await podOf('s1')).toMatchObject({
      created_by: 'alice',
      end_reason: 'deleted',
      ended_by: 'bob',
      ended_audit_id: removed,
    });
    // no body, no UID in the requests: by name and order
    expect(await podOf('s2')).toMatchObject({
      created_by: 'carol',
      created_audit_id: second,
      end_reason: 'deleted',
      ended_by: 'dave',
      ended_audit_id: removedSecond,
    });
    expect(await podOf('s3')).toMatchObject({
      created_by: '',
      end_reason: 'replaced',
      ended_by: '',
      ended_at: '2026-05-01T11:30:00.000000000Z',
    });
    expect(await podOf('s4')).toMatchObject({ end_reason: '', ended_at: '1970-01-01T00:00:00.000000000Z' });
  });

  it.each([
    ['e1', 'evicted', 'drainer', () => eviction],
    ['e2', 'evicted', '', () => ''],
    ['e3', 'deleted', 'mallory', () => sweep],
    ['e4', 'node-gone', 'autoscaler', () => nodeGone],
    ['e5', 'completed', '', () => ''],
  ])('%s ended as %s by "%s"', async (uid, end_reason, ended_by, audit) => {
    expect(await podOf(uid)).toMatchObject({ end_reason, ended_by, ended_audit_id: audit() });
    expect((await podOf(uid))?.['end_digests']).not.toHaveLength(0);
  });

  it('that was only tried never was; one that a single layer knows is there', async () => {
    expect(await podOf('e6')).toBeUndefined();
    expect(await podOf('e7')).toMatchObject({ known_by: ['runtime'], workload_kind: '' });
    expect(await podOf('e8')).toMatchObject({ known_by: ['status'], pod: 'only-status' });
  });

  it('that is static is one with its mirror, which nobody but its node can claim to be', async () => {
    expect(await podOf(HASH)).toMatchObject({
      mirror_uid: 'm1',
      pod: 'etcd-n1',
      known_by: ['api', 'runtime'],
      end_reason: '',
      deleted_by: 'mallory',
    });
    expect(await podOf('m1')).toBeUndefined();
    expect(await podOf('f1')).toMatchObject({ pod: 'forged', mirror_uid: '' });
  });

  it('of a custom controller, of a circle, of owners whose bodies were not kept', async () => {
    expect(await podOf('o3')).toMatchObject({ workload_kind: 'Database', workload_name: 'orders', creator: 'carol' });
    expect(await podOf('l3')).toMatchObject({ workload_path: ['Deployment/loop-a', 'Deployment/loop-b'] });
    expect(await podOf('j3')).toMatchObject({
      workload_kind: 'CronJob',
      workload_name: 'nightly',
      workload_method: 'name',
      creator: 'carol',
    });
    expect(await podOf('g1')).toMatchObject({
      workload_kind: 'Deployment',
      workload_name: 'ghost',
      workload_uid: '',
      workload_method: 'name',
    });
    expect(await podOf('s1')).toMatchObject({ workload_kind: 'Pod', creator: 'alice' });
    expect(await podOf('a3')).toMatchObject({ workload_name: 'again', creator: '' });
  });
});

describe('callers', () => {
  it("are the pod at the request's address, or of whose process asked from its node's; what a header says counts for less", async () => {
    const said = new Map(
      (await all('SELECT audit_id, method, pod_uid FROM callers FINAL')).map((r) => [
        r['audit_id'],
        `${r['method']} ${r['pod_uid']}`,
      ]),
    );
    expect(said.get(own)).toBe('pod-address p1');
    // p1 asks from its own address, too: here it is by what ran on the node under the name that the request gives
    expect(said.get(snat)).toBe('node-address p1');
    expect(said.get(forged)).toBe('forwarded-address p1');
  });

  it('come from the pod whose token first came from an address just after its process had connected, where nobody told whose it is', async () => {
    const callers = await all(
      `SELECT audit_id, method, pod_uid, container_id FROM callers FINAL WHERE audit_id IN ('${fromJob}', '${fromGateway}')`,
    );
    // the gateway's is nobody's: two pods came from there
    expect(callers).toEqual([{ audit_id: fromJob, method: 'token-address', pod_uid: 'q1', container_id: 'c-q1' }]);
  });

  it('have the process that connected to an API server, not what it connected to else', async () => {
    const [caller] = await all(`SELECT connected_at, container_id FROM callers FINAL WHERE audit_id = '${own}'`);
    expect(caller).toMatchObject({ connected_at: '2026-05-01T09:39:59.950Z', container_id: 'c1' });
    const connections = await all(
      "SELECT address, server FROM api_connections FINAL WHERE container_id = 'c1' ORDER BY address",
    );
    expect(connections).toEqual([
      { address: '10.96.0.1', server: 'known' },
      { address: '203.0.113.9', server: '' },
    ]);
  });
});

describe('principals', () => {
  const principal = async (kind: string, name: string) =>
    (
      await store.rows('SELECT * FROM principals FINAL WHERE kind = {kind:String} AND principal = {name:String}', {
        kind,
        name,
      })
    )[0];

  it('are users, service accounts, nodes, credentials, addresses and groups, each with what was asked', async () => {
    expect(await principal('service-account', TOKEN.username)).toMatchObject({
      requests: 3,
      refused: 1,
      credential_ids: ['JTI=1'],
      pod_uids: ['p1'],
      source_ips: ['10.0.0.1', '10.1.1.7', '203.0.113.9'],
    });
    expect(await principal('token', 'JTI=1')).toMatchObject({ requests: 3, users: [TOKEN.username] });
    expect(await principal('certificate', 'X509SHA256=9')).toMatchObject({ requests: 1, users: ['alice'] });
    expect(await principal('group', 'system:serviceaccounts')).toMatchObject({ requests: 3, users: [TOKEN.username] });
    expect(await principal('node', 'system:node:n1')).toMatchObject({ source_ips: ['10.0.0.1'] });
    expect(await principal('address', '203.0.113.9')).toMatchObject({
      requests: 2,
      users: ['mallory', TOKEN.username],
    });
  });

  it('in whose name others asked say who, and count it apart', async () => {
    expect(await principal('user', 'system:admin')).toMatchObject({
      requests: 0,
      as_impersonated: 1,
      impersonated_by: ['alice'],
    });
    expect(await principal('user', 'alice')).toMatchObject({ impersonates: ['system:admin'], uids: ['u-alice'] });
    expect(await principal('group', 'system:masters')).toMatchObject({ requests: 0, as_impersonated: 1 });
  });
});

it('a token used after its pod had ended is a fact that counts what came after', async () => {
  const uses = await all(
    "SELECT kind, address, requests, first_seen, length(digests) AS digests FROM token_uses FINAL WHERE pod_uid = 'p1' ORDER BY kind",
  );
  expect(uses).toEqual([
    {
      kind: 'after-end',
      address: '203.0.113.9',
      requests: 1,
      first_seen: '2026-05-01T10:05:00.000000000Z',
      digests: 1,
    },
    {
      kind: 'elsewhere',
      address: '203.0.113.9',
      requests: 1,
      first_seen: '2026-05-01T10:05:00.000000000Z',
      digests: 1,
    },
  ]);
});

it('an image has who pulled and who ran it first, by its digest', async () => {
  const [image] = await all("SELECT * FROM images FINAL WHERE has(names, 'registry/app:1')");
  expect(image).toMatchObject({
    image_digest: `sha256:${'a'.repeat(64)}`,
    pulled_at: '2026-05-01T06:30:00.000000000Z',
    pulled_node: 'n1',
    ran_pod: 'etcd-n1',
    ran_node: 'n1',
    containers: 4,
  });
});
