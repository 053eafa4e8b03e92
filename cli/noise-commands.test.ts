// findings in groups, suppress and maintenance, as a person and a program see them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLists } from '../analytics/lists/lists.ts';
import { markEvents } from '../analytics/lists/mark-events.ts';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-noise-cli-'));
let store: Store;
const ask = (...args: string[]) => run(`embedded:${directory}`, args);
const json = async (...args: string[]) => JSON.parse((await ask('--json', ...args)).out);

const DAY = '2026-11-23T';
const finding = (id: string, time: string, more: Record<string, unknown> = {}) => ({
  cluster: 'c',
  id,
  rule_id: 'r1',
  title: 'Secret read',
  severity: 'medium',
  signal: 'access',
  techniques: ['T1552'],
  time: `${DAY}${time}`,
  source: 'auditd',
  event_key: id,
  node: 'worker-1',
  namespace: 'shop',
  pod: 'web-1',
  pod_uid: 'uid-1',
  workload_kind: 'Deployment',
  workload_name: 'web',
  container_id: 'c1',
  principal: '',
  digests_hex: ['ab'.repeat(32)],
  summary: `${id} was read.`,
  version: 1,
  ...more,
});
const ASKED = { source: 'k8s-audit', pod: '', pod_uid: '', workload_kind: '', workload_name: '', container_id: '' };

beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
  await store.insert('pods', [
    {
      cluster: 'c',
      pod_uid: 'uid-1',
      namespace: 'shop',
      pod: 'web-1',
      workload_kind: 'Deployment',
      workload_name: 'web',
      version: 1,
    },
    {
      cluster: 'c',
      pod_uid: 'uid-2',
      namespace: 'shop',
      pod: 'web-2',
      workload_kind: 'Deployment',
      workload_name: 'web',
      version: 1,
    },
  ]);
  await store.insert('findings', [
    finding('a', '10:00:00'),
    finding('b', '11:59:00', { pod: 'web-2', pod_uid: 'uid-2', container_id: 'c2' }), // another pod of the workload
    finding('c', '12:30:00'),
    finding('d', '12:30:00'),
    finding('e', '15:00:00'), // more than two hours after
    finding('other-rule', '10:00:00', { rule_id: 'r2', title: 'Shell', severity: 'high', signal: 'intrusion' }),
    finding('alice', '10:00:00', { ...ASKED, principal: 'alice' }),
    finding('bob', '10:00:01', { ...ASKED, principal: 'bob' }),
    finding('alice-again', '10:00:02', { ...ASKED, principal: 'alice' }),
    finding('alice-elsewhere', '10:00:02', { ...ASKED, principal: 'alice', namespace: 'pay' }),
    finding('node', '10:00:03', { ...ASKED, source: 'auditd', namespace: '' }),
  ]);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('findings', () => {
  it('of one rule about one subject are one line while no more than two hours lie between', async () => {
    const groups = await json('findings', '--grouped');
    const told = groups.map(
      (g: { subject_kind: string; subject: string; principal: string; count: number; examples: { id: string }[] }) =>
        [g.subject_kind, g.subject, g.principal, g.count, g.examples.map(({ id }) => id).join(' ')].join(' '),
    );
    expect(told).toEqual([
      'Deployment shop/web  1 other-rule',
      'Deployment shop/web  4 a b c',
      'principal alice alice 2 alice alice-again',
      'principal bob bob 1 bob',
      'principal alice alice 1 alice-elsewhere',
      'node worker-1  1 node',
      'Deployment shop/web  1 e',
    ]);
    expect(groups[1]).toMatchObject({
      rule_id: 'r1',
      first: `${DAY}10:00:00.000000000Z`,
      last: `${DAY}12:30:00.000000000Z`,
      severity: 'medium',
      examples: [{ summary: 'a was read.', digests: ['ab'.repeat(32)] }, { pod: 'web-2' }, {}],
    });
  });

  it('are lines of groups for people, of findings with --all, and a list as agreed for programs', async () => {
    expect((await ask('findings')).out.trim().split('\n')).toHaveLength(7);
    expect((await ask('findings', '--all')).out.trim().split('\n')).toHaveLength(11);
    expect(await json('findings')).toHaveLength(11);
    const cut = await ask('findings', '--limit', '2');
    expect(cut.out.trim().split('\n')).toHaveLength(2);
    expect(cut.err).toMatch(/cut at 2/);
    expect(await json('findings', '--grouped', '--severity', 'high')).toHaveLength(1);
  });
});

describe('suppress', () => {
  const by = ['--owner', 'storage', '--reason', 'the backup', '--expires', '2027-02-01'];

  it('hides what it is about and says how much; findings say that there is more, and show it when asked', async () => {
    const added = await ask(
      '--json',
      'suppress',
      'add',
      'backup',
      '--rule',
      'secret*',
      '--workload',
      'Deployment/web',
      ...by,
    );
    expect(JSON.parse(added.out)).toMatchObject({
      name: 'backup',
      state: 'active',
      findings: 5,
      selection: { workload: ['Deployment/web'] },
    });
    const shown = await ask('--json', 'findings');
    expect(JSON.parse(shown.out)).toHaveLength(6);
    expect(shown.err).toMatch(/5 more, which suppressions hide; --suppressed/);
    const all = await ask('--json', 'findings', '--suppressed');
    expect(JSON.parse(all.out).filter((f: { suppressed_by: string }) => f.suppressed_by === 'backup')).toHaveLength(5);
    expect(all.err).toBe('');
    expect((await ask('findings', '--suppressed')).out).toMatch(/a was read\. \(suppressed by backup\)/);
  });

  it('tells those that have expired and those that hide nothing', async () => {
    await ask('suppress', 'add', 'idle', '--rule', 'nothing*', ...by);
    await ask(
      'suppress',
      'add',
      'past',
      '--rule',
      'nothing*',
      '--owner',
      'o',
      '--reason',
      'r',
      '--expires',
      '2026-11-01',
    );
    const rows = await json('suppress', 'list');
    expect(rows.map((r: { name: string; state: string }) => `${r.name} ${r.state}`)).toEqual([
      'backup active',
      'idle idle',
      'past expired',
    ]);
    expect((await ask('suppress', 'list')).out).toMatch(/idle\thides nothing/);
    expect((await ask('doctor')).out).toMatch(/suppressions\tdue\t.*past.*idle hides nothing/);
  });

  it.each([
    [['add', 'x', '--rule', 'a'], /--owner/],
    [['add', 'x', '--rule', 'a', '--owner', 'o', '--reason', 'r', '--expires', '2028-01-01'], /within a year/],
    [['add', 'two words', '--rule', 'a', ...by], /letters, digits/],
    [['add', 'x', ...by], /every finding/],
    [['add', 'x', '--selection', '{pud: 1}', ...by], /no field "pud"/],
    [['add', 'x', '--selection', '{', ...by], /--selection/],
  ])('%j is wrong usage', async (args, why) => {
    const ran = await ask('suppress', ...args);
    expect(ran.code).toBe(EXIT.usage);
    expect(ran.err).toMatch(why);
  });

  it('remove shows all again; what is not there is not found', async () => {
    for (const name of ['backup', 'idle', 'past']) expect((await ask('suppress', 'remove', name)).code).toBe(EXIT.done);
    expect((await ask('suppress', 'remove', 'backup')).code).toBe(EXIT.notFound);
    expect(await json('findings')).toHaveLength(11);
  });
});

describe('maintenance', () => {
  it('lowers what happens meanwhile, says why, and lists what it lowered', async () => {
    await ask(
      'maintenance',
      'add',
      'drain',
      '--node',
      'worker-*',
      '--from',
      `${DAY}09:00:00Z`,
      '--to',
      `${DAY}11:00:00Z`,
      '--owner',
      'o',
      '--reason',
      'r',
    );
    const found = await json('findings');
    const of = (id: string) => found.find((f: { id: string }) => f.id === id);
    expect(of('a')).toMatchObject({
      severity: 'low',
      rule_severity: 'medium',
      severity_reason: 'lowered: maintenance drain of o: r',
    });
    expect(of('b')).toMatchObject({ severity: 'medium', severity_reason: '' });
    expect(of('other-rule')).toMatchObject({ severity: 'high' });
    expect(await json('maintenance', 'list')).toMatchObject([{ name: 'drain', findings: 6, state: 'expired' }]);
  });
});

describe('correlate with files', () => {
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const correlate = (...args: string[]) =>
    ask('--json', 'correlate', '--no-pack', '--rules', 'analytics/rules/pack/indicators', ...args);
  const connection = (node: string, addr: string, serial: number) => ({
    ...{ cluster: 'c', node, time: `${DAY}13:00:00`, serial, syscall_name: 'connect', success: 'yes' },
    ...{
      addr_family: 'inet',
      addr,
      port: 443,
      exe: '/usr/bin/curl',
      comm: 'curl',
      record_types: ['SYSCALL', 'SOCKADDR'],
    },
  });
  const stix = (id: string, address: string, more: object) => ({
    ...{ type: 'indicator', id: `indicator--${id}`, pattern: `[ipv4-addr:value = '${address}']`, pattern_type: 'stix' },
    ...more,
  });
  const found = async () => (await json('findings')).map((f: { summary: string }) => f.summary);
  const versions = async () =>
    Object.fromEntries(
      (await store.rows('SELECT list, version FROM lists FINAL')).map((r) => [r['list'], r['version']]),
    );

  beforeAll(async () => {
    const connections = [connection('n1', '203.0.113.7', 1), connection('n1', '198.51.100.9', 2)];
    await store.insert('auditd', [...connections, connection('n2', '192.0.2.1', 3)]);
  });

  it('takes them into the store, and tells what it cannot read and what it hid', async () => {
    const feed = file('feed.csv', 'value,description\n203.0.113.0/24,"the ""C2"" net"\n203.0.113,\n');
    const still = file('still.csv', '192.0.2.77\n');
    const entry = 'owner: o, reason: r, rules: x';
    const hides = file('hide.yml', `- {name: ok, expires: 2027-01-01, ${entry}}\n- {name: bad, ${entry}}\n`);
    const ran = await correlate('--indicators', feed, still, '--suppressions', hides);
    expect(ran.err).toMatch(/feed\.csv, line 3: no address.*203\.0\.113/);
    expect(ran.err).toMatch(/hide\.yml, entry 2 \(bad\): expires/);
    expect(JSON.parse(ran.out)).toMatchObject({ findings: 1, suppressed: 0, raised: 0, lowered: 0 });
    expect(await json('suppress', 'list')).toMatchObject([{ name: 'ok', origin: hides }]);
    expect(await json('indicators', 'list')).toMatchObject([
      { list: 'feed', entries: 1, skipped: 1, origin: feed },
      {},
    ]);
    expect(await found()).toEqual([
      '/usr/bin/curl on node n1 connected to 203.0.113.7:443, which list feed has as 203.0.113.0/24 (the "C2" net).',
    ]);
    expect((await ask('correlate', '--suppressions', join(directory, 'nowhere.yml'))).code).toBe(EXIT.notFound);
  });

  it('keeps lists by their content; one that changed stands for itself as it is now', async () => {
    const before = await versions();
    const objects = [
      stix('1', '192.0.2.1', { valid_from: '2026-11-23T13:00:00Z' }), // since the very instant
      stix('2', '203.0.113.7', { valid_until: '2026-11-23T13:00:00Z' }), // over by then
    ];
    await ask('indicators', 'add', file('mine.json', JSON.stringify({ type: 'bundle', objects })));
    await correlate('--indicators', file('feed.csv', '198.51.100.9\n'), join(directory, 'still.csv'));
    expect(await found()).toEqual([
      expect.stringMatching(/198\.51\.100\.9:443, which list feed/),
      expect.stringMatching(/192\.0\.2\.1:443, which list mine/),
    ]);
    const after = await versions();
    expect(after['still']).toBe(before['still']);
    expect(after['feed']).not.toBe(before['feed']);
  });

  it('forgets lists with their files or by hand; one of another cluster says nothing here', async () => {
    expect((await ask('indicators', 'remove', 'mine')).code).toBe(EXIT.done);
    expect((await ask('indicators', 'remove', 'mine')).code).toBe(EXIT.notFound);
    await ask('indicators', 'add', '--cluster', 'elsewhere', file('theirs.csv', '203.0.113.7'));
    const paths = [file('other.csv', '# nothing yet\n')];
    await loadLists(store, { kind: 'indicators', paths, from: 'files', now: new Date() });
    await markEvents(store, Date.now());
    expect(await store.rows('SELECT * FROM event_marks FINAL')).toEqual([]);
    expect((await json('indicators', 'list')).map((l: { list: string }) => l.list)).toEqual(['other', 'theirs']);
  });
});
