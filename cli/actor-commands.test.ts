// vestige pod and vestige who on a made-up cluster: one page each, candidates where a name is not enough.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEntities } from '../analytics/entities/entities.ts';
import { TOKEN } from '../analytics/entities/test-support/made-callers.ts';
import { COLLECTOR, HASH, rows } from '../analytics/entities/test-support/made-cluster.ts';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-cli-actors-'));
const location = `embedded:${directory}`;
let store: Store;
const ask = (...args: string[]) => run(location, args);
const json = async (...args: string[]) => JSON.parse((await ask('--json', ...args)).out);

// held open, as by a running `vestige up`: commands go through its endpoint
beforeAll(async () => {
  store = await connect(location, 'test');
  for (const [table, all] of Object.entries(rows)) for (const row of all) await store.insert(table, [row]);
  await buildEntities(store, 1);
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('pod', () => {
  it('is one object: its life, its workload, what ran in it, what it asked', async () => {
    const pod = await json('pod', 'shop/web-5d4-abc');
    expect(pod).toMatchObject({
      pod_uid: 'p1',
      end_reason: 'owner-deleted',
      ended_by: 'mallory',
      owner: 'web-shop',
      team: 'payments',
      sensitivity: 'high',
      workload: { kind: 'Deployment', name: 'web', created_by: 'alice', changed_by: 'bob' },
      containers: [{ container_id: 'c1', kind: 'container' }],
      actions: [{ verb: 'list', resource: 'secrets', requests: 3, refused: 1 }],
    });
    expect(pod.requests.map((r: { method: string }) => r.method)).toEqual([
      'pod-address',
      'node-address',
      'forwarded-address',
    ]);
    expect(pod.token_uses.map((u: { kind: string }) => u.kind)).toEqual(['after-end', 'elsewhere']);
  });

  it('tells people the same on one page', async () => {
    const { out, code } = await ask('pod', 'shop/web-5d4-abc');
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^ended: +2026-05-01 10:00:05 UTC, lived 30 min: owner-deleted by mallory, deleted by system/m);
    expect(out).toMatch(/^workload: +Deployment web$/m);
    expect(out).toMatch(/^made by: +alice from 198\.51\.100\.20 at 2026-05-01 09:00:00 UTC$/m);
    expect(out).toContain('list secrets: 3, 1 refused');
    expect(out).toMatch(/uses of credentials \(2\)\n.* was used from 203\.0\.113\.9 after the pod had ended/);
  });

  it('of a name that several had one after another is asked for by uid; they are listed, the last first', async () => {
    const { code, err } = await ask('pod', 'shop/db-0');
    expect(code).toBe(EXIT.usage);
    expect(err.match(/shop\/db-0@s\d/g)).toEqual(['shop/db-0@s4', 'shop/db-0@s3', 'shop/db-0@s2', 'shop/db-0@s1']);
    expect(await json('pod', 'shop/db-0@s2')).toMatchObject({ pod_uid: 's2', created_by: 'carol', ended_by: 'dave' });
  });

  it.each([
    ['web-5d4', 'p1'], // the beginning of one name
    ['e4', 'e4'], // a uid
    ['m1', HASH], // the API's uid of a static pod
    [`shop/etcd-n1@${HASH.slice(0, 6)}`, HASH],
  ])('%s names one', async (given, uid) => {
    expect(await json('pod', given)).toMatchObject({ pod_uid: uid });
  });

  it.each(['other/web-5d4-abc', 'shop/no-such', 'shop/db-0@zz', 'shop/%'])('%s is not found', async (given) => {
    expect((await ask('pod', given)).code).toBe(EXIT.notFound);
  });
});

describe('who', () => {
  it('is one object: what it came with, what it asked, was refused and made', async () => {
    expect(await json('who', 'shop/web')).toMatchObject({
      kind: 'service-account',
      principal: TOKEN.username,
      requests: 3,
      refused: 1,
      credential_ids: ['JTI=1'],
      actions: [{ verb: 'list', resource: 'secrets', requests: 3, refused: 1 }],
      pods: [{ pod_uid: 'p1' }],
      processes: [{ container_id: 'c1', requests: 2 }],
      token_uses: [{ kind: 'after-end' }, { kind: 'elsewhere' }],
    });
    const alice = await json('who', 'alice');
    expect(alice.created).toContainEqual(expect.objectContaining({ resource: 'deployments', name: 'web', uid: 'd1' }));
    expect(alice.impersonates).toEqual(['system:admin']);
  });

  it.each([
    ['u-alice', 'alice'],
    ['n1', 'system:node:n1'],
    ['1', 'JTI=1'],
    ['X509SHA256=9', 'X509SHA256=9'],
    ['203.0.113.9', '203.0.113.9'],
    ['shop/we', TOKEN.username],
    [COLLECTOR.username, COLLECTOR.username],
    ['autosc', 'autoscaler'],
  ])('%s is %s', async (given, principal) => {
    expect(await json('who', given)).toMatchObject({ principal });
  });

  it('lists candidates where a beginning is not enough, and knows kinds apart', async () => {
    const { code, err } = await ask('who', 'system:');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('and more');
    expect(err).toContain('system:node:n1  node');
    expect(await json('who', 'system:serviceaccounts', '--kind', 'group')).toMatchObject({ kind: 'group' });
    expect((await ask('who', 'nobody')).code).toBe(EXIT.notFound);
    expect((await ask('who', 'alice', '--kind', 'node')).code).toBe(EXIT.notFound);
    expect((await ask('who', 'alice', '--kind', 'person')).code).toBe(EXIT.usage);
  });

  it('tells people the same on one page', async () => {
    const { out } = await ask('who', '203.0.113.9');
    expect(out).toMatch(/^address 203\.0\.113\.9 \(c\)$/m);
    expect(out).toMatch(/^used by: +mallory, system:serviceaccount:shop:web$/m);
  });
});

it.each(['pod', 'who'])('help of %s ends with examples to paste', async (command) => {
  const { out } = await ask(command, '--help');
  expect(out).toMatch(/Examples:\n( {2}vestige .*\n?)+$/);
  expect(out).toContain(`vestige ${command}`);
});
