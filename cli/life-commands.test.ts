// Containers by every name a person may use, and processes as lists and trees, on a small store made by hand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';
import { CONTAINER, fillSmallStore, POD_UID } from './test-support/small-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-lives-'));
const location = `embedded:${directory}`;
let store: Store;
const ask = (args: readonly string[], how: { tty?: boolean } = {}) => run(location, args, how);
const json = async (...args: string[]) => JSON.parse((await ask(['--json', ...args])).out);

beforeAll(async () => {
  store = await connect(location, 'test');
  await fillSmallStore(store);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('containers', () => {
  it('one is found by every name that only it has, and candidates are listed where others have it too', async () => {
    for (const name of ['shop/web', 'shop/web/app', 'web/app'])
      expect((await json('container', name)).container_id).toBe(CONTAINER);
    for (const name of ['app', 'web', 'registry.example/web', 'web:1', 'shop/app']) {
      const { code, err } = await ask(['container', name]);
      expect([name, code]).toEqual([name, EXIT.usage]);
      expect(err).toMatch(/c0ffee[\s\S]*shop\/web[\s\S]*c0ffab[\s\S]*shop\/other|c0ffab[\s\S]*c0ffee/);
    }
    expect((await ask(['container', 'shop/none'])).code).toBe(EXIT.notFound);
    expect((await ask(['container', ''])).code).toBe(EXIT.notFound);
  });

  it('are filtered by kind, by what ended them and by how long they lived', async () => {
    const pods = async (...args: string[]) => (await json('containers', ...args)).map((c: { pod: string }) => c.pod);
    expect(await pods('--kind', 'sandbox')).toEqual(['web']);
    expect(await pods('--ended-by', 'signal')).toEqual(['web']);
    expect(await pods('--lived-under', '15m')).toEqual(['web']);
    expect(await pods('--lived-under', '1s')).toEqual([]);
    expect((await ask(['containers', '--lived-under', 'soon'])).code).toBe(EXIT.usage);
  });
});

describe('processes', () => {
  const keys = async (...args: string[]) => (await json('processes', ...args)).map((p: { pid: number }) => p.pid);

  it.each([
    [[], [100, 7, 4242, 7]],
    [
      ['--pid', '7'],
      [7, 7],
    ],
    [
      ['--container', 'c0ffee'],
      [100, 4242],
    ],
    [
      ['--container', 'shop/web'],
      [100, 4242],
    ],
    [
      ['--pod', 'shop/web'],
      [100, 4242],
    ],
    [['--pod', 'shop/other'], []],
    [['--exe', 'cat'], [4242]],
    [
      ['--exe', '*/cr*n'],
      [7, 7],
    ],
    [
      ['--node', 'worker-1', '--since', '2026-11-23T13:11:10Z'],
      [4242, 7],
    ],
    [['--until', '2026-11-23T13:05:00Z'], [100]],
    [['--limit', '1'], [100]],
  ])('are filtered by %j, in order of time', async (args, pids) => {
    expect(await keys(...args)).toEqual(pids);
  });

  it('have stable names for every column, unknown ones null', async () => {
    const [, , cat] = await json('processes');
    expect(cat).toMatchObject({
      ...{ pid: 4242, ppid: 100, parent_key: '100@1', argv: ['cat', '/etc/shadow'], uid: 0, auid: 1000, ses: null },
      ...{ container_id: CONTAINER, container_name: 'app', namespace: 'shop', pod: 'web', pod_uid: POD_UID },
      ...{ attribution: { method: 'descent', confidence: 0.9 }, left_by: 'setns', ended_at: null, exit_status: null },
      ...{ setup: false, exec_id: '', begin_digest: null },
    });
    const node = (await json('processes', '--pid', '7'))[0];
    expect(node).toMatchObject({ attribution: null, container_id: '', pod: '' });
  });

  it('are a tree: nested for programs, drawn on a terminal, typed in a pipe', async () => {
    const [root, ...more] = await json('processes', '--pod', 'shop/web', '--tree');
    expect(more).toEqual([]);
    expect([root.pid, root.children.map((c: { pid: number }) => c.pid)]).toEqual([100, [4242]]);
    expect(root.children[0].children).toEqual([]);
    const typed = await ask(['processes', '--container', 'c0ffee', '--tree']);
    expect(typed.out).toMatch(
      /^2026-11-23 13:00:01 100 {2}httpd -f {2}\(shop\/web, runtime 100 %\)\n.*`- 4242 0\/1000 cat/,
    );
    expect((await ask(['processes', '--container', 'c0ffee', '--tree'], { tty: true })).out).toContain('└─ 4242');
  });

  it('of one pid are its ancestors and descendants; of a pid that several had the candidates are listed', async () => {
    const [root] = await json('processes', '--pid', '4242', '--tree');
    expect([root.pid, root.children[0].pid]).toEqual([100, 4242]);
    const several = await ask(['processes', '--pid', '7', '--tree']);
    expect(several.code).toBe(EXIT.usage);
    expect(several.err).toMatch(/2026-11-23 13:06:00 .*\n.*2026-11-23 13:12:00/);
    expect(await json('processes', '--pid', '7', '--tree', '--since', '2026-11-23T13:11:00Z')).toHaveLength(1);
    expect((await ask(['processes', '--pid', '8', '--tree'])).code).toBe(EXIT.notFound);
    expect((await ask(['processes', '--pid', 'x'])).code).toBe(EXIT.usage);
  });
});

describe('gaps', () => {
  const kinds = async (...args: string[]) => (await json('gaps', ...args)).map((g: { kind: string }) => g.kind);
  beforeAll(async () => {
    for (const [kind, node, from, to, missing] of [
      ['serials-missing', 'worker-1', '13:11:00', '13:12:00', 7],
      ['audit-disabled', 'worker-1', '13:14:00', '13:20:00', -1],
      ['serials-missing', 'worker-2', '13:11:00', '13:12:00', 9],
      ['stages-missing', '', '13:30:00', '13:40:00', 1],
    ] as const)
      await store.run(
        `INSERT INTO gaps (cluster, source, node, first_seen, last_seen, kind, missing, detail, digests_hex, version)
         SELECT 'prod', '${kind === 'stages-missing' ? 'k8s-audit' : 'auditd'}', '${node}', '2026-11-23 ${from}', '2026-11-23 ${to}', '${kind}', ${missing}, 'why', ['${'ab'.repeat(32)}'], 1`,
      );
  });

  it.each([
    [[], ['stages-missing', 'audit-disabled', 'serials-missing', 'serials-missing']],
    [
      ['--node', 'worker-1'],
      ['audit-disabled', 'serials-missing'],
    ],
    [['--kind', 'audit*'], ['audit-disabled']],
    [['--source', 'k8s-audit'], ['stages-missing']],
    [['--since', '2026-11-23T13:15:00Z', '--until', '2026-11-23T13:30:00Z'], ['audit-disabled']],
  ])('are filtered by %j, the newest first', async (args, expected) => {
    expect(await kinds(...args)).toEqual(expected);
  });

  it('of its node and of the API server stand in the life of a container they overlap, unknown amounts as null', async () => {
    const { gaps } = await json('container', 'c0ffee');
    expect(gaps.map((g: { kind: string; missing: number }) => [g.kind, g.missing])).toEqual([
      ['serials-missing', 7],
      ['audit-disabled', null],
    ]);
    expect(gaps[0].digests).toEqual(['ab'.repeat(32)]);
    const { out } = await ask(['container', 'c0ffee']);
    expect(out).toMatch(
      /gaps in its lifetime \(2\)\n {2}13:11:00 to 13:12:00 {2}auditd serials-missing {2}7 missing {2}why/,
    );
  });
});
