// What rules find when events, entities, lists and rules come one after the other and rules run after each: what one run over everything finds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Row, Store } from '../../store/store.ts';
import { parseRules } from '../language/parse.ts';
import type { Rule } from '../language/rule.ts';
import { detect } from './detect.ts';
import type { Arguments } from './detect-killed.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vestige-increments-'));
let store: Store;
let version = 0;
beforeAll(async () => {
  store = await connect(`embedded:${join(scratch, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(scratch, { recursive: true, force: true });
});

// --- a cluster's records and what is known of them --------------------------------------------------------------------

const at = (second: number) =>
  new Date(Date.UTC(2026, 4, 1, 10) + second * 1000).toISOString().slice(0, -1).replace('T', ' ');
const digest = (name: string) => name.padEnd(32, '.');

function started(second: number, exe: string, process: string, cluster = 'prod'): [string, Row][] {
  const key = { cluster, node: 'n1', time: at(second), serial: second };
  return [
    [
      'auditd',
      {
        ...key,
        syscall_name: 'execve',
        success: 'yes',
        exe,
        comm: exe,
        argv: [exe],
        record_types: ['SYSCALL'],
        version: 1,
        ...{ digests: [digest(`${exe}${second}`)] },
      },
    ],
    ['attributions', { ...key, process_key: process, container_id: '', version: 1 }],
  ];
}
const asked = (second: number, verb: string, id = `request-${second}`): [string, Row][] => [
  [
    'k8s_audit',
    {
      cluster: 'prod',
      time: at(second),
      audit_id: id,
      stage: 'ResponseComplete',
      verb,
      username: 'alice',
      version: 1,
      digest: digest(id),
    },
  ],
];
const known = (key: string, parent: string, exe: string): [string, Row][] => [
  [
    'processes',
    { cluster: 'prod', node: 'n1', process_key: key, parent_key: parent, exe, comm: exe, version: ++version },
  ],
];
const indicator = (value: string): [string, Row][] => [
  ['indicators', { list: 'feed', type: 'path', value, written: value, network: '::', version: ++version }],
];

async function tell(...rows: [string, Row][][]): Promise<void> {
  for (const [table, row] of rows.flat()) await store.insert(table, [row]);
}

// --- rules -------------------------------------------------------------------------------------------------------------

const rule = (n: number, name: string, rest: string) =>
  `title: ${name}\nid: 00000000-0000-4000-8000-00000000000${n}\nname: ${name}\nlevel: low\n${rest}\n`;
const PROCESS = 'logsource: { product: linux, category: process_creation }';
const REQUEST = 'logsource: { product: kubernetes, service: audit }';
const SHELL = rule(1, 'shell', `${PROCESS}\ndetection: { s: { Image|endswith: /sh }, condition: s }`);
const OF_SERVER = rule(2, 'of-server', `${PROCESS}\ndetection: { s: { ParentImage: /usr/sbin/nginx }, condition: s }`);
const SECRETS = rule(3, 'secrets', `${REQUEST}\ndetection: { s: { verb: list }, condition: s }`);
const THRICE = rule(
  4,
  'thrice',
  'correlation: { type: event_count, rules: [secrets], group-by: [user.username], timespan: 10m, condition: { gte: 3 }, generate: true }',
);
const LISTED = rule(5, 'listed', `${PROCESS}\ndetection: { s: { vestige.indicator|exists: true }, condition: s }`);
const ALL = [SHELL, OF_SERVER, SECRETS, THRICE, LISTED];
const parsed = (texts: readonly string[]): Rule[] => {
  const { rules, problems } = parseRules(texts.join('---\n'), 'test.yml');
  expect(problems).toEqual([]);
  return rules;
};

// --- what is found -----------------------------------------------------------------------------------------------------

async function findings(of: Store): Promise<string[]> {
  const rows = await of.rows('SELECT title, toString(time) AS time FROM findings FINAL');
  return rows.map((row) => `${row['title']} ${String(row['time']).slice(14, 19)}`).sort();
}
/** Statements that test rules, by log source. */
const tested: string[] = [];
const watched = (): Store => ({
  ...store,
  run: (sql, ...rest) => {
    const [, source] = /INSERT INTO scratch_hits\w+ [\s\S]*?SELECT '([^']+)'/.exec(sql) ?? [];
    if (source !== undefined && !['vestige gaps'].includes(source)) tested.push(source);
    return store.run(sql, ...rest);
  },
});

/** Findings after a run like any other, which are those of a run over everything. */
async function found(texts: readonly string[] = ALL): Promise<string[]> {
  tested.length = 0;
  const rules = parsed(texts);
  const { refused } = await detect(watched(), rules, { version: ++version });
  expect(refused).toEqual([]);
  return findings(store);
}
const anew = async (texts: readonly string[] = ALL) => {
  await detect(store, parsed(texts), { version: ++version, anew: true });
  return findings(store);
};

it('finds in what comes first what a run over everything does', async () => {
  await tell(
    known('server', '', '/usr/sbin/nginx'),
    started(10, '/bin/sh', 'p1'),
    started(70, '/bin/ls', 'p2'),
    asked(10, 'list'),
    asked(200, 'list'),
  );
  expect(await found()).toEqual(['secrets 00:10', 'secrets 03:20', 'shell 00:10']);
});

it('tests nothing where nothing changed, and nothing is found twice', async () => {
  const rows = await store.rows('SELECT max(version) AS last FROM findings');
  expect(await found()).toEqual(['secrets 00:10', 'secrets 03:20', 'shell 00:10']);
  expect(tested).toEqual([]);
  expect(await store.rows('SELECT max(version) AS last FROM findings')).toEqual(rows);
});

it('a late request completes a correlation that began before it and ended after', async () => {
  await tell(asked(100, 'list'));
  expect(await found()).toEqual(['secrets 00:10', 'secrets 01:40', 'secrets 03:20', 'shell 00:10', 'thrice 00:10']);
  expect(tested).toEqual(['kubernetes audit']);
});

it('an event whose parent is known later is found then, and no more when the parent turns out to be another', async () => {
  await tell(known('p2', 'server', '/bin/ls'));
  expect(await found()).toContain('of-server 01:10');
  expect(tested).toEqual(['linux process_creation']);
  await tell(known('server', '', '/usr/sbin/cron'));
  expect(await found()).not.toContain('of-server 01:10');
  await tell(known('server', '', '/usr/sbin/nginx'));
  expect(await found()).toContain('of-server 01:10');
});

it('a list that changes says something else of events that came before', async () => {
  await tell(indicator('/bin/ls'));
  expect(await found()).toContain('listed 01:10');
  await tell([
    [
      'indicators',
      {
        list: 'feed',
        type: 'path',
        value: '/bin/ls',
        written: '/bin/ls',
        network: '::',
        version: ++version,
        is_deleted: 1,
      },
    ],
  ]);
  expect(await found()).not.toContain('listed 01:10');
});

it('a rule that is new or changed is tested on everything, and it alone; what a removed one found goes', async () => {
  const before = await found();
  const ls = SHELL.replace('/sh', '/ls');
  expect(await found([ls, ...ALL.slice(1)])).toEqual(
    before.map((one) => one.replace('shell 00:10', 'shell 01:10')).sort(),
  );
  expect(tested).toEqual(['linux process_creation']);
  const other = SECRETS.replace('level: low', 'level: high');
  await found([SHELL, OF_SERVER, other, THRICE]);
  expect(tested).toEqual(['linux process_creation']);
  expect(await store.rows("SELECT DISTINCT severity FROM findings FINAL WHERE title = 'secrets'")).toEqual([
    { severity: 'high' },
  ]);
  expect(await found([SHELL, OF_SERVER, THRICE, SECRETS.replace('list', 'get')])).toEqual([
    'of-server 01:10',
    'shell 00:10',
  ]);
  expect(await found()).toEqual(before);
  expect(await anew()).toEqual(before);
});

it('what is gone of the records goes with its findings', async () => {
  await store.run("ALTER TABLE k8s_audit DELETE WHERE audit_id = 'request-100' SETTINGS mutations_sync = 2");
  expect(await found()).toEqual(['of-server 01:10', 'secrets 00:10', 'secrets 03:20', 'shell 00:10']);
});

it.each(['tested_minutes', 'findings'])(
  'killed before it writes to %s, the next run finds what it would have',
  async (table) => {
    const second = 300 + version;
    await tell(asked(second, 'list'), asked(second + 1, 'list'), started(second, '/bin/sh', `p${second}`));
    await store.close();
    expect(await killed([join(scratch, 'store'), rules, String(++version), table])).toBe('SIGKILL');
    store = await connect(`embedded:${join(scratch, 'store')}`, 'test');
    const then = await found();
    expect(then.filter((one) => one.startsWith('shell')).length).toBeGreaterThan(1);
    expect(await anew()).toEqual(then);
  },
);

// inside node_modules' reach: the bundle loads the engine from there
const worker = resolve(import.meta.dirname, '../../../node_modules', `.detect-killed-${process.pid}.mjs`);
const rules = join(scratch, 'rules');
beforeAll(async () => {
  mkdirSync(rules);
  for (const [n, text] of ALL.entries()) writeFileSync(join(rules, `${n}.yml`), text);
  await build({
    ...{
      entryPoints: [join(import.meta.dirname, 'detect-killed.ts')],
      outfile: worker,
      bundle: true,
      platform: 'node',
    },
    ...{ format: 'esm', loader: { '.sql': 'text' }, packages: 'external', logLevel: 'silent' },
  });
});
afterAll(() => rmSync(worker, { force: true }));

async function killed(args: Arguments): Promise<string | null> {
  const child = spawn(process.execPath, [worker, ...args], { stdio: 'ignore' });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal;
}
