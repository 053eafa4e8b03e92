// Pods, callers and uses of credentials of the recordings, against the raw logs and the labels of the intrusions (truth.json).
// Provenance: test/fixtures/recordings/README.md.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';

interface Reference {
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}
interface Event {
  auditID: string;
  verb: string;
  user: { username: string; extra?: Record<string, string[]> };
  sourceIPs: string[];
  objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code: number };
  responseObject?: { metadata?: { uid?: string; name?: string; ownerReferences?: Reference[] } };
  digest: string;
}
interface Truth {
  attacker: { addresses?: string[] };
  steps: { n: number; digests: { k8s: string[]; auditd: string[] } }[];
}

const directoryOf = (name: string) => `test/fixtures/recordings/${name}`;
function readLog(name: string): Event[] {
  const log = Buffer.from(decompress(readFileSync(`${directoryOf(name)}/k8s-audit.log.zst`))).toString();
  const lines = log.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({
    ...(JSON.parse(line) as Event),
    digest: createHash('sha256').update(line).digest('hex'),
  }));
}

describe.each(['web-to-cluster', 'poisoned-image', 'quiet-day'])('%s', (name) => {
  const log = readLog(name);
  const truth = JSON.parse(readFileSync(`${directoryOf(name)}/truth.json`, 'utf8')) as Truth;
  const directory = mkdtempSync(join(tmpdir(), 'vestige-actors-'));
  let store: Store;
  beforeAll(async () => {
    store = await connect(`embedded:${directory}`, 'test');
    const dependencies = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    await importPaths([directoryOf(name)], {}, dependencies);
    await buildEntities(store, 1);
  }, 120_000);
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('every pod that was made is one, with its owner, its workload and the request that made it', async () => {
    const made = log.filter((e) => e.verb === 'create' && e.objectRef?.resource === 'pods' && !e.objectRef.subresource);
    const jobs = new Map(
      log.filter((e) => e.objectRef?.resource === 'jobs').map((e) => [e.responseObject?.metadata?.uid, e]),
    );
    const rows = new Map(
      (await store.rows('SELECT *, arrayMap(d -> lower(hex(d)), begin_digests) AS begins FROM pods FINAL')).map((p) => [
        p['pod_uid'],
        p,
      ]),
    );
    expect(made.length).toBeGreaterThan(70);
    for (const event of made) {
      const metadata = event.responseObject?.metadata;
      const pod = rows.get(metadata?.uid);
      const owner = metadata?.ownerReferences?.find((r) => r.controller);
      expect(pod).toMatchObject({
        pod: metadata?.name,
        created_by: event.user.username,
        created_audit_id: event.auditID,
      });
      expect(pod?.['begins']).toContain(event.digest);
      expect(pod?.['owner_uid']).toBe(owner?.uid ?? '');
      const above = jobs.get(owner?.uid ?? '-')?.responseObject?.metadata?.ownerReferences?.[0] ?? owner;
      const expected = { ReplicaSet: 'Deployment' }[above?.kind ?? ''] ?? above?.kind ?? 'Pod';
      expect(pod?.['workload_kind']).toBe(expected);
      expect((above?.name ?? metadata?.name)?.startsWith(String(pod?.['workload_name']))).toBe(true);
    }
  });

  test('who deleted a pod first is who the log says, and no pod ends before that unless it ended by itself', async () => {
    const first = new Map<string, Event>();
    for (const e of log) {
      const uid = e.responseObject?.metadata?.uid;
      const isDelete = e.verb === 'delete' && e.objectRef?.resource === 'pods' && (e.responseStatus?.code ?? 500) < 400;
      if (isDelete && uid !== undefined && !first.has(uid)) first.set(uid, e);
    }
    expect(first.size).toBeGreaterThan(50);
    const rows = await store.rows(
      'SELECT pod_uid, deleted_by, ended_by, end_reason, length(end_digests) AS ends FROM pods FINAL',
    );
    for (const pod of rows) {
      const by = first.get(String(pod['pod_uid']))?.user.username ?? '';
      expect(pod['deleted_by']).toBe(by);
      if (by !== '') expect(pod['ends']).not.toBe(0);
      if (pod['end_reason'] === 'deleted') expect(pod['ended_by']).toBe(by);
    }
  });

  test('every request with a token bound to a pod is given to that pod, and to a process of it', async () => {
    const bound = new Map(
      log.flatMap((e) => {
        const uid = e.user.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
        return uid === undefined ? [] : [[e.auditID, uid] as const];
      }),
    );
    const rows = await store.rows(
      `SELECT c.audit_id AS audit_id, c.pod_uid AS pod_uid, k.pod_uid AS process_pod
       FROM (SELECT * FROM callers FINAL) AS c
       LEFT JOIN (SELECT container_id, pod_uid FROM containers FINAL) AS k ON c.container_id = k.container_id AND c.process_key != ''`,
    );
    const said = new Map(rows.map((r) => [r['audit_id'], [r['pod_uid'], r['process_pod']]]));
    expect(bound.size).toBeGreaterThan(300);
    for (const [audit, uid] of bound) expect(said.get(audit)).toEqual([uid, uid]);
  });

  test('a stolen token is the one fact, with all that was asked with it; elsewhere there is none', async () => {
    const uses = await store.rows(
      'SELECT username, address, requests, confidence, arrayMap(d -> lower(hex(d)), digests) AS digests FROM token_uses FINAL',
    );
    // in web-to-cluster the token is used in its own pod, and the intruder goes on without credentials
    if (name !== 'poisoned-image') {
      expect(uses).toEqual([]);
      return;
    }
    const [address = ''] = truth.attacker.addresses ?? [];
    const asked = new Set(log.filter((e) => e.sourceIPs.includes(address)).map((e) => e.auditID));
    expect(asked.size).toBeGreaterThan(40);
    expect(uses).toMatchObject([{ username: 'system:serviceaccount:ci:ci-deployer', address, requests: asked.size }]);
    const labelled = new Set(truth.steps.flatMap((s) => s.digests.k8s));
    expect(uses[0]?.['digests']).toHaveLength(2);
    for (const digest of (uses[0]?.['digests'] ?? []) as string[]) expect(labelled).toContain(digest);
  });

  test("the intruder's requests from a pod are joined to connections of the intruder", async () => {
    if (name !== 'web-to-cluster') return;
    const asked = truth.steps.flatMap((s) => s.digests.k8s);
    const connected = new Set(truth.steps.flatMap((s) => s.digests.auditd));
    const rows = await store.rows(
      `SELECT lower(hex(k.digest)) AS request, lower(hex(c.digest)) AS connection FROM (SELECT * FROM k8s_audit FINAL) AS k
       INNER JOIN (SELECT audit_id, digest FROM callers FINAL) AS c ON k.audit_id = c.audit_id WHERE has({asked:Array(String)}, request)`,
      { asked },
    );
    expect(rows).toHaveLength(asked.length);
    for (const row of rows) expect(connected).toContain(row['connection']);
  });
});
