// The commands that ask, on a small store made by hand: what a terminal sees, what a pipe and a program get.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';
import { auditdRaw, CONTAINER, fillSmallStore, k8sRaw, POD_UID, sha } from './test-support/small-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-cli-'));
const location = `embedded:${directory}`;
let store: Store;

const ask = (args: readonly string[], how: { tty?: boolean } = {}) => run(location, args, how);
const json = async (...args: string[]) => JSON.parse((await ask(['--json', ...args])).out);
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not reach a terminal
const steering = /[\u001b\u202e]/;

// The store is held open, as by a running `vestige up`: every command below goes through its endpoint.
beforeAll(async () => {
  store = await connect(location, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a store without anything', () => {
  it.each(['findings', 'chains', 'containers', 'processes', 'gaps', 'events', 'search'])(
    '%s is an empty list, and a terminal is told what to do',
    async (command) => {
      expect(await ask(['--json', command])).toMatchObject({ out: '[]\n', err: '', code: EXIT.done });
      expect(await ask([command])).toMatchObject({ out: '', err: '', code: EXIT.done });
      const told = await ask([command], { tty: true });
      expect(told.err).toMatch(/vestige ingest PATH/);
      expect(told.code).toBe(EXIT.done);
    },
  );
});

describe('a store with an intrusion', () => {
  beforeAll(() => fillSmallStore(store));

  describe('events', () => {
    it('have exactly the fields of the contract, unknown ones null, in order of time', async () => {
      const rows = await json('events');
      expect(rows.map((r: { time: string }) => r.time)).toEqual([
        null,
        '2026-11-23T13:11:09.500000000Z',
        '2026-11-23T13:11:10.632000000Z',
        '2026-11-23T13:11:11.000000000Z',
      ]);
      expect(rows[2]).toEqual({
        time: '2026-11-23T13:11:10.632000000Z',
        layer: 'auditd',
        cluster: 'prod',
        node: 'worker-1',
        namespace: 'shop',
        pod: 'web',
        pod_uid: POD_UID,
        container_id: CONTAINER,
        principal: '',
        action: 'execve',
        object: 'cat /etc/shadow',
        outcome: 'success',
        pid: 4242,
        exe: '/bin/busybox',
        digest: sha(auditdRaw),
        attribution: { method: 'descent', confidence: 0.9 },
      });
      expect(rows[1]).toMatchObject({ pid: null, attribution: null });
    });

    it.each([
      [['--pod', 'web'], 2],
      [['--pod', 'shop/w*'], 2],
      [['--pod', 'other-ns/web'], 0],
      [['--pod', POD_UID], 2],
      [['--container', 'c0ffee'], 1],
      [['--container', 'c0ff%'], 0],
      [['--layer', 'auditd'], 2],
      [['--principal', 'ali*'], 1],
      [['--node', 'worker_1'], 0],
      [['--cluster', 'prod', '--namespace', 'shop'], 2],
      [['--since', '2026-11-23T13:11:10Z'], 2],
      [['--since', '2026-11-23T13:11:10.632Z', '--until', '2026-11-23T13:11:11Z'], 1],
      [['--since', '-24h'], 3],
      [['--since', '-22h'], 0],
    ])('are filtered by %j', async (filter, count) => {
      expect(await json('events', ...filter)).toHaveLength(count);
    });

    it('say on stderr when the limit cut the list, and only then', async () => {
      const cut = await ask(['events', '--limit', '2', '--ndjson']);
      expect(cut.out.trim().split('\n')).toHaveLength(2);
      expect(cut.err).toMatch(/cut at 2; --limit/);
      expect((await ask(['events', '--limit', '4', '--ndjson'])).err).toBe('');
    });

    it.each([
      ['--limit', '0'],
      ['--limit', 'many'],
      ['--since', 'yesterday'],
      ['--layer', 'dns'],
    ])('refuse %s %s as wrong usage', async (...bad) => {
      const { code, err, out } = await ask(['events', ...bad]);
      expect(code).toBe(EXIT.usage);
      expect(err).not.toBe('');
      expect(out).toBe('');
    });

    it('never steer a terminal or a pipe with what a record says', async () => {
      for (const args of [
        ['events'],
        ['--json', 'events'],
        ['--csv', 'events'],
        ['findings'],
        ['chain', 'chain-aa'],
        ['container', 'c0ffee'],
        ['processes', '--tree'],
        ['processes'],
        ['--json', 'findings'],
      ]) {
        const { out } = await ask(args, { tty: true });
        expect(out.length).toBeGreaterThan(50);
        expect(out).not.toMatch(steering);
      }
      expect((await ask(['events'])).out).not.toMatch(steering);
    });

    it('are a table on a terminal and tab-separated in a pipe', async () => {
      const { out: table } = await ask(['events', '--layer', 'auditd'], { tty: true });
      expect(table.split('\n')[0]).toMatch(/^TIME +LAYER +POD/);
      const { out: pipe } = await ask(['events', '--layer', 'auditd']);
      expect(pipe.split('\n')[0]?.split('\t')).toHaveLength(10);
    });
  });

  describe('search', () => {
    it.each([
      [['alice'], ['a1']], // whatever the case
      [['ALICE', 'exec?command=sh'], ['a1']],
      [['alice', 'nobody'], []],
      [['/etc/shadow'], ['x7']], // hex in the bytes
      [['/etc/shadow', 'EXECVE'], ['x7']], // one word decoded, the other in the bytes
      [['"cat /etc/shadow"'], ['x7']],
      [['exe=*/busybox'], ['x7']],
      [['action=execve', 'pid=1'], ['host']],
      [['action=exec'], []],
      [['alice', '--layer', 'auditd'], []],
      [['alice', '--since', '2026-11-23T13:11:09Z'], ['a1']],
      [['100%'], []],
      [["it's"], []],
    ])('for %j finds %j', async (args, expected) => {
      const names: Record<string, string> = { [sha(k8sRaw)]: 'a1', [sha(auditdRaw)]: 'x7', [sha('host')]: 'host' };
      const rows = await json('search', ...args);
      expect(rows.map((r: { digest: string }) => names[r.digest])).toEqual(expected);
    });
  });

  describe('findings', () => {
    it('have exactly the fields of the contract, the worst first', async () => {
      const rows = await json('findings');
      expect(rows.map((r: { id: string }) => r.id)).toEqual(['f-high', 'f-low']);
      expect(Object.keys(rows[0])).toEqual([
        'id',
        'rule_id',
        'title',
        'severity',
        'rule_severity',
        'severity_reason',
        'techniques',
        'tactics',
        'time',
        'source',
        'cluster',
        'node',
        'namespace',
        'pod',
        'pod_uid',
        'workload',
        'container_id',
        'principal',
        'digests',
        'summary',
        'suppressed_by',
      ]);
      expect(rows[0].digests).toEqual([sha(auditdRaw)]);
    });

    it('are filtered by severity, technique and its sub-techniques, rule', async () => {
      expect(await json('findings', '--severity', 'medium')).toHaveLength(1);
      expect(await json('findings', '--technique', 't1059')).toHaveLength(1);
      expect(await json('findings', '--technique', 'T105')).toHaveLength(0);
      expect(await json('findings', '--rule', 'rule-f-*')).toHaveLength(2);
    });
  });

  describe('chains', () => {
    it('come by rank, without members', async () => {
      const rows = await json('chains');
      expect(rows.map((c: { id: string }) => c.id)).toEqual(['chain-aa1', 'chain-ab2']);
      expect(rows[0]).not.toHaveProperty('members');
      expect(rows[0].steps[1].finding_ids).toEqual(['f-high']);
    });

    it('one is given whole, by the beginning of its id', async () => {
      const chain = await json('chain', 'chain-aa');
      expect(chain.links[0]).toEqual({
        from: 'a1',
        to: 'f-high',
        kind: 'exec-session',
        confidence: 0.95,
        reason: 'the exec request started this process',
        digests: [sha(k8sRaw), sha(auditdRaw)],
      });
      expect(chain.members[1]).toEqual({
        id: 'x:7',
        digest: sha(auditdRaw),
        layer: 'auditd',
        time: '2026-11-23T13:11:10.000000000Z',
        step: 2,
        role: 'core',
      });
    });

    it('one tells people each step and why it is linked', async () => {
      const { out } = await ask(['chain', 'chain-aa']);
      expect(out).toMatch(/^1\. 13:11:09 Execution {2}step 1 happened .*\[T1059\]\n2\. /m);
      expect(out).toMatch(
        /^2\. 13:11:10 .*\n {5}<- step 1: the exec request started this process \(exec-session, 95 %\)/m,
      );
    });

    it('an ambiguous id is wrong usage that lists them, an unknown one is not found', async () => {
      const ambiguous = await ask(['chain', 'chain-a']);
      expect(ambiguous.code).toBe(EXIT.usage);
      expect(ambiguous.err).toMatch(/chain-aa[\s\S]*chain-ab/);
      expect((await ask(['chain', 'no-such'])).code).toBe(EXIT.notFound);
    });
  });

  describe('containers', () => {
    it('leave sandboxes out unless asked', async () => {
      expect((await json('containers')).map((c: { pod: string }) => c.pod).sort()).toEqual(['other', 'web']);
      expect(await json('containers', '--sandboxes')).toHaveLength(3);
    });

    it('are those that lived in the time asked for', async () => {
      const lived = async (...args: string[]) =>
        (await json('containers', ...args)).map((c: { pod: string }) => c.pod).sort();
      expect(await lived('--since', '2026-11-23T13:14:00Z')).toEqual(['other', 'web']);
      expect(await lived('--since', '2026-11-23T13:16:00Z')).toEqual(['other']); // one still runs
      expect(await lived('--until', '2026-11-23T13:00:00Z')).toEqual([]);
    });

    it('one life has its pod, processes, sessions, findings and chains', async () => {
      const life = await json('container', 'c0ffee');
      expect(life).toMatchObject({
        container_id: CONTAINER,
        exit_status: 137,
        mounts: [{ source: '/', target: '/host' }],
        pod_object: { created_by: 'alice' },
      });
      expect(life.processes).toHaveLength(2);
      expect(life.sessions).toHaveLength(1);
      expect(life.findings).toHaveLength(2);
      expect(life.chains.map((c: { id: string }) => c.id)).toEqual(['chain-aa1']);
      const { out } = await ask(['container', 'c0ffee']);
      expect(out).toContain(
        '  13:00:01 100 httpd -f\n  13:11:10 `- 4242 cat /etc/shadow  [left its container: setns]\n',
      );
      const drawn = await ask(['container', 'c0ffee'], { tty: true });
      expect(drawn.out).toContain('  13:11:10 └─ 4242 cat /etc/shadow ');
      expect(out).toMatch(/ended: {3}2026-11-23 13:15:00 UTC, lived 15 min, by signal, status 137/);
    });

    it('an ambiguous id is wrong usage that lists them, an unknown one is not found', async () => {
      const ambiguous = await ask(['container', 'c0ff']);
      expect(ambiguous.code).toBe(EXIT.usage);
      expect(ambiguous.err).toMatch(/c0ffee[\s\S]*shop\/web/);
      expect((await ask(['container', 'dddd'])).code).toBe(EXIT.notFound);
    });
  });

  describe('help', () => {
    it.each([
      'findings',
      'chains',
      'chain',
      'containers',
      'container',
      'processes',
      'gaps',
      'record',
      'search',
      'events',
    ])('of %s ends with examples to paste', async (command) => {
      const { out } = await ask([command, '--help']);
      expect(out).toMatch(/Examples:\n( {2}vestige .*\n?)+$/);
      expect(out).toContain(`vestige ${command}`);
    });
  });
});
