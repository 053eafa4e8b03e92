// vestige baselines: what is watched, what is normal, and decisions of analysts, on three days of made-up life.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { concludeLife, createLife, openLife } from '../analytics/baselines/test-support/life.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';

let store: Store;
let close: () => Promise<void>;
let location: string;

const WEB = 'shop/Deployment/web/main';
const BY = ['--by', 'ann@example.org', '--reason', 'looked at it'];
const baselines = (...args: string[]) => run(location, ['baselines', ...args], { tty: true });
const json = async (...args: string[]) => JSON.parse((await run(location, ['--json', 'baselines', ...args])).out);

beforeAll(async () => {
  ({ store, close, location } = await openLife());
  const life = createLife(store);
  const web = life.pod(0, { name: 'web-1', workload: ['Deployment', 'web'] });
  const young = life.pod(60, { name: 'young-1', workload: ['Deployment', 'young'], image: 'shop/young:1' });
  for (let hour = 0; hour < 72; hour += 2) {
    life.exec(hour, web, '/usr/bin/php');
    life.ask(hour, 'alice', 'get', 'pods');
  }
  life.exec(61, young, '/usr/bin/perl');
  life.exec(62, web, '/usr/bin/php-config');
  life.exec(70, web, '/usr/bin/nc');
  await life.tell();
  await concludeLife(store);
});
afterAll(() => close());

test('list says what is watched and whether it is learned, and that a young one is not', async () => {
  const told = await baselines('list', '--kind', 'workload');
  expect(told.out).toMatch(/shop\/Deployment\/web\/main .* since 2026-03-03 00:00:00/);
  expect(told.out).toMatch(/shop\/Deployment\/young\/main .* not yet: what is new is told from 2026-03-05 12:00:00 on/);
  const rows = await json('list', 'shop');
  expect(rows.map((row: { subject: string; learned: boolean }) => [row.subject, row.learned])).toEqual([
    [WEB, true],
    ['shop/Deployment/young/main', false],
  ]);
});

test('show has every fact with its state, and what was new with how improbable it was', async () => {
  const web = await json('show', 'web', '--kind', 'exec');
  expect(web).toMatchObject({ subject: WEB, subject_kind: 'workload', learned: true, learning_hours: 24 });
  expect(web.facts.map((fact: { value: string; state: string }) => [fact.value, fact.state])).toEqual([
    ['/usr/bin/nc', 'learned'],
    ['/usr/bin/php', 'learned'],
    ['/usr/bin/php-config', 'learned'],
  ]);
  expect(web.facts[1]).toMatchObject({
    hours: 36,
    days: 3,
    first_seen: '2026-03-02T00:00:00.000000000Z',
    novel_at: null,
  });
  expect(web.novelties.map((one: { value: string }) => one.value)).toEqual(['/usr/bin/php-config', '/usr/bin/nc']);
  // 35 hours watched before, two of them with a new program: (2 + 1) / (35 + 2); of one other workload with programs none: (0 + 1) / (1 + 2)
  expect(web.novelties[1]).toMatchObject({ surprise: 3.6, rarity: 1.6, score: 5.2, shown_by: 0, subjects: 1 });
  const page = await baselines('show', WEB);
  expect(page.out).toContain(`${WEB} (workload)`);
  expect(page.out).toMatch(/was new \(\d+\)\n.*php-config/);
});

test('a person is found by name alone, what nobody has is not found, what several have is told', async () => {
  expect(await json('show', 'alice')).toMatchObject({ subject: 'principal/alice' });
  expect(await baselines('show', 'nobody')).toMatchObject({ code: EXIT.notFound, err: 'no baseline of nobody' });
  const several = await baselines('show', 'shop');
  expect(several.code).toBe(EXIT.usage);
  expect(several.err).toContain('shop/Deployment/young/main');
});

test('a decision names a fact that is there, says who and why, and holds when baselines are made again', async () => {
  expect(await baselines('pin', 'web', 'exec', '/usr/bin/ph', ...BY)).toMatchObject({ code: EXIT.usage });
  expect(await baselines('pin', 'web', 'exec', '/usr/bin/gcc', ...BY)).toMatchObject({ code: EXIT.notFound });
  expect(await baselines('pin', 'web', 'exec', '/usr/bin/nc')).toMatchObject({ code: EXIT.usage });
  expect(await baselines('pin', 'web', 'exec', '/usr/bin/php-', ...BY)).toMatchObject({
    out: `pin: ${WEB}  exec  /usr/bin/php-config\n`,
    code: EXIT.done,
  });
  await baselines('reject', 'web', 'exec', '/usr/bin/gcc', '--unseen', ...BY);
  await concludeLife(store);
  const web = await json('show', 'web', '--kind', 'exec');
  expect(web.novelties.map((one: { value: string }) => one.value)).toEqual(['/usr/bin/nc']);
  expect(web.counts).toMatchObject({ pinned: 1, rejected: 0 });
  expect(web.decisions.map((one: object) => one)).toMatchObject([
    { kind: 'exec', value: '/usr/bin/gcc', decision: 'reject', decided_by: 'ann@example.org', reason: 'looked at it' },
    { value: '/usr/bin/php-config', decision: 'pin' },
  ]);
});
