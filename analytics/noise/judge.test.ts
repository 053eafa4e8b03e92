// What exceptions and labels make of findings, on the engine: findings written as detection writes them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFindings } from '../chains/findings.ts';
import { parseRules } from '../rules/language/parse.ts';
import { type Finding, writeFindings } from '../rules/run/findings.ts';
import { connect } from '../store/connect.ts';
import type { Store } from '../store/store.ts';
import { remove, takeIn } from './exceptions.ts';
import { judgeAgain } from './judge.ts';
import { readExceptionsOf } from './read-exceptions.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-noise-'));
let store: Store;
const NOW = Date.UTC(2026, 10, 24);

const rule = (n: number, title: string, level: string, signal: string) =>
  parseRules(
    `{title: ${title}, id: 00000000-0000-4000-8000-00000000000${n}, level: ${level}, tags: [attack.t1552.007, attack.credential-access],
      logsource: {product: kubernetes, service: audit}, detection: {a: {verb: get}, condition: a}, x-vestige: {signal: ${signal}}}`,
    'test.yml',
  ).rules[0] as Finding['rule'];
const READ = rule(1, 'Secret read', 'medium', 'access');
const EXEC = rule(2, 'Exec into pod', 'high', 'intrusion');
const LOOK = rule(3, 'Look around', 'low', 'discovery');
const NOTE = rule(4, 'A note', 'informational', 'change');
const WORST = rule(5, 'The worst', 'critical', 'change');

const finding = (of: Finding['rule'], event_key: string, more: Partial<Finding> = {}): Finding => ({
  rule: of,
  cluster: 'c',
  node: 'worker-1',
  time: '2026-11-23 13:00:00.000000000',
  source: 'auditd',
  event_key,
  digests: ['ab'.repeat(32)],
  principal: 'alice',
  namespace: 'shop',
  pod: 'web-1',
  pod_uid: 'uid-web',
  container_id: 'c0ffee',
  process_key: '7@1',
  summary: 'alice read secret shop/db.',
  ...more,
});
const PAY = { namespace: 'pay', pod: 'till-1', pod_uid: 'uid-till' };

beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
  const pod = (namespace: string, name: string, uid: string, sensitivity: string) => ({
    ...{ cluster: 'c', namespace, pod: `${name}-1`, pod_uid: uid, sensitivity, version: 1 },
    ...{ workload_kind: 'Deployment', workload_name: name, team: 'tills' },
  });
  await store.insert('pods', [
    pod('shop', 'web', 'uid-web', ''),
    pod('pay', 'till', 'uid-till', 'Restricted'),
    pod('pay', 'docs', 'uid-docs', 'public'),
  ]);
  await store.run("INSERT INTO namespaces (cluster, namespace, sensitivity, version) SELECT 'c', 'pay', 'high', 1");
  await store.insert('k8s_audit', [
    {
      cluster: 'c',
      audit_id: 'asked',
      stage: 'ResponseComplete',
      namespace: 'pay',
      name: 'keys',
      resource: 'secrets',
      verb: 'get',
    },
  ]);
  await store.insert('processes', [
    { cluster: 'c', node: 'worker-1', process_key: '7@1', exe: '/usr/bin/restic', version: 1 },
  ]);
  await store.insert('containers', [
    {
      cluster: 'c',
      node: 'worker-1',
      container_id: 'c0ffee',
      container_name: 'app',
      image: 'registry.example/web:1',
      version: 1,
    },
  ]);
  await writeFindings(store, 1, async (writer) => {
    for (const one of [
      finding(READ, 'read'),
      finding(READ, 'read-later', { time: '2026-12-01 00:00:00.000000000' }),
      finding(EXEC, 'exec'),
      finding(LOOK, 'look'),
      finding(NOTE, 'note', PAY),
      finding(READ, 'pay-read', PAY),
      finding(EXEC, 'pay-exec', PAY),
      finding(WORST, 'pay-worst', PAY),
      finding(READ, 'docs-read', { ...PAY, pod: 'docs-1', pod_uid: 'uid-docs' }),
      finding(READ, 'asked', {
        source: 'k8s-audit',
        namespace: 'ci',
        pod: '',
        pod_uid: '',
        container_id: '',
        process_key: '',
      }),
    ])
      await writer.add(one);
  });
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const read = async (column: string): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    (await store.rows(`SELECT event_key, ${column} AS v FROM findings FINAL`)).map((r) => [r['event_key'], r['v']]),
  );

async function suppress(yaml: string, kind: 'suppression' | 'maintenance' = 'suppression') {
  const { drafts, problems } = readExceptionsOf(kind, yaml, 'test.yml');
  expect(problems).toEqual([]);
  const refused = await takeIn(store, kind, drafts, NOW, 'files');
  await judgeAgain(store);
  return refused;
}
const hidden = async () =>
  Object.entries(await read('suppressed_by'))
    .flatMap(([key, by]) => (by === '' ? [] : [`${key} by ${by}`]))
    .sort();

describe('severity by context', () => {
  it('is one level more where the pod, or else its namespace, or the namespace asked about, is sensitive', async () => {
    expect(await read("concat(rule_severity, ' ', severity)")).toEqual({
      read: 'medium medium',
      'read-later': 'medium medium',
      exec: 'high high',
      look: 'low low',
      note: 'informational informational',
      'pay-read': 'medium high',
      'pay-exec': 'high critical',
      'pay-worst': 'critical critical',
      'docs-read': 'medium medium', // the pod's own label is nearer than its namespace's
      asked: 'medium high',
    });
    const reasons = await read('severity_reason');
    expect(reasons['pay-read']).toBe('raised: pod pay/till-1 is of sensitivity Restricted');
    expect(reasons['asked']).toBe('raised: namespace pay is of sensitivity high');
    expect(reasons['pay-worst']).toBe('');
  });

  it('is one level less in maintenance, never below low and never for an intrusion', async () => {
    await suppress(
      `- {name: drain, owner: nodes, reason: new kernel, from: 2026-11-23T12:00:00Z, to: 2026-11-24, node: worker-*}`,
      'maintenance',
    );
    expect(await read('severity')).toMatchObject({
      read: 'low',
      'read-later': 'medium', // after it
      exec: 'high',
      look: 'low',
      note: 'informational',
      'pay-read': 'medium', // raised and lowered
      'pay-exec': 'critical',
      'pay-worst': 'high',
    });
    const reasons = await read('severity_reason');
    expect(reasons['read']).toBe('lowered: maintenance drain of nodes: new kernel');
    expect(reasons['pay-read']).toMatch(/^raised: .*; lowered: /);
    await suppress('', 'maintenance');
    expect(await read('severity')).toMatchObject({ read: 'medium', 'pay-worst': 'critical' });
  });
});

describe('a suppression', () => {
  const entry = (more: string, expires = '2027-02-01') =>
    `- {name: known, owner: alice, reason: it is known, expires: ${expires}, ${more}}`;
  beforeEach(() => suppress(''));

  it.each([
    ['rules: [00000000-0000-4000-8000-000000000002]', ['exec', 'pay-exec']],
    ['rules: look*', ['look']],
    ['rules: attack.t1552*, selection: {workload: Deployment/till}', ['note', 'pay-exec', 'pay-read', 'pay-worst']],
    ['rules: secret read, selection: {namespace: [pay, ci]}', ['asked', 'docs-read', 'pay-read']],
    ['rules: secret read, selection: {principal|startswith: ali, pod: web-*}', ['read', 'read-later']],
    ['selection: {image: registry.example/web:*, container: app, exe|endswith: /restic, severity: low}', ['look']],
    ['selection: {resource: secrets, name: keys}', ['asked']],
    ['rules: exec*, selection: [shop/db], filter: {namespace: pay}', ['exec']],
    ['rules: secret read, selection: {team: tills, sensitivity|exists: true}', undefined],
    ['rules: nothing of the kind', []],
  ])('about %s hides those findings', async (more, keys) => {
    if (keys === undefined) {
      const { problems } = readExceptionsOf('suppression', entry(more), 'x.yml');
      expect(problems[0]?.detail).toMatch(/no field "sensitivity"; it has .*workload/);
      return;
    }
    await suppress(entry(more));
    expect(await hidden()).toEqual(keys.map((key) => `${key} by known`));
  });

  it('hides what happened before it expires, and shows what comes after', async () => {
    await suppress(entry('rules: secret read, selection: {pod: web-*}', '2026-12-01'));
    expect(await hidden()).toEqual(['read by known']);
  });

  it('that was not changed keeps its time when it is read again, so that it stands when its year is over', async () => {
    const once = entry('rules: look*', '2027-11-20');
    await suppress(once);
    const { drafts } = readExceptionsOf('suppression', once, 'test.yml');
    expect(await takeIn(store, 'suppression', drafts, NOW + 200 * 86_400_000, 'files')).toEqual([]);
    expect(await suppress(entry('rules: look*', '2028-01-01'))).toMatchObject([
      { name: 'known', detail: expect.stringMatching(/within a year/) },
    ]);
    expect(await hidden()).toEqual(['look by known']); // as it was before
  });

  it('that the engine cannot run is refused before it stops everything', async () => {
    expect(await suppress(entry('selection: {pod|re: "(?=x)"}'))).toEqual([
      { name: 'known', detail: expect.stringMatching(/look-around/) },
    ]);
  });

  it('goes with its file or by hand, and what it hid shows again', async () => {
    const { drafts } = readExceptionsOf('suppression', entry('rules: look*'), '');
    await takeIn(store, 'suppression', drafts, NOW, 'hand');
    await judgeAgain(store);
    expect(await suppress(entry('rules: exec*'))).toMatchObject([{ detail: 'one of this name was added by hand' }]);
    expect(await hidden()).toEqual(['look by known']);
    expect(await remove(store, 'suppression', 'known')).toBe(true);
    expect(await remove(store, 'suppression', 'known')).toBe(false);
    await judgeAgain(store);
    expect(await hidden()).toEqual([]);
  });
});

describe('chains', () => {
  const told = async (key: string) => {
    const f = (await readFindings(store)).find(({ event_key }) => event_key === key);
    return f && { begins: f.seed, weighs: f.severity, says: f.summary };
  };

  it('are begun by no suppressed finding, but one that others lead to is told with who hid it', async () => {
    await suppress('- {name: known, owner: o, reason: r, expires: 2027-01-01, rules: exec*}');
    expect(await told('exec')).toEqual({
      begins: 'informational',
      weighs: 'informational',
      says: 'alice read secret shop/db (suppressed by known).',
    });
    await suppress('');
    expect(await told('exec')).toMatchObject({ begins: 'high', weighs: 'high' });
  });

  it('are graver, but not longer, for the sensitivity of what they touch; and shorter in maintenance', async () => {
    expect(await told('pay-read')).toMatchObject({ begins: 'medium', weighs: 'high' });
    const entry = '- {name: m, owner: o, reason: r, from: 2026-11-23, to: 2026-11-24, node: "*"}';
    await suppress(entry, 'maintenance');
    expect(await told('read')).toMatchObject({ begins: 'low', weighs: 'low' });
    await suppress('', 'maintenance');
  });
});

it.each([
  ['suppression', '- {name: a, reason: b, expires: 2027-01-01, rules: x}', /owner/],
  ['suppression', '- {name: a, owner: o, reason: b, rules: x}', /expires/],
  ['suppression', '- {name: a, owner: o, reason: b, rules: x, expires: soon}', /expires: not a date/],
  ['suppression', '- {name: a, owner: o, reason: b, expires: 2027-01-01}', /every finding/],
  ['suppression', "- {name: a, owner: o, reason: b, expires: 2027-01-01, rules: '*'}", /every finding/],
  ['suppression', '- {name: a, owner: o, reason: b, expires: 2027-01-01, selection: {pud: x}}', /no field "pud"/],
  ['suppression', '- name: a\n  owner: [', /./],
  ['maintenance', '- {name: a, owner: o, reason: b, from: 2026-01-01, to: 2026-01-02}', /every finding/],
] as const)('a %s is refused with place and reason: %s', (kind, yaml, why) => {
  const { drafts, problems } = readExceptionsOf(kind, yaml, 'x.yml');
  expect(drafts).toEqual([]);
  expect(problems.map((p) => p.detail).join(' ')).toMatch(why);
  expect(problems[0]).toMatchObject({ path: 'x.yml', at: expect.stringMatching(/entry 1|line \d/) });
});
