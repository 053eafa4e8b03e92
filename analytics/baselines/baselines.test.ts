// Several days of quiet life, ordinary changes, then an intrusion: what is told to be new, and what is not. On the real engine.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadRules } from '../rules/language/load.ts';
import { parseRules } from '../rules/language/parse.ts';
import type { Rule } from '../rules/language/rule.ts';
import type { Store } from '../store/store.ts';
import { concludeLife, createLife, type Life, openLife, type Pod } from './test-support/life.ts';

const MINER = `
title: Miner
id: 5b4aab5e-7a07-4bd1-9a55-1b7e0d1c5b4d
logsource: { product: linux, category: process_creation }
detection:
  selection: { Image|endswith: /xmrig }
  condition: selection
level: medium
`;
const DAYS = 3;
const WEB_ACCOUNT = 'system:serviceaccount:shop:web';
const WEB = 'shop/Deployment/web/main';

let store: Store;
let close: () => Promise<void>;
let pack: Rule[];
beforeAll(async () => {
  ({ store, close } = await openLife());
  const { rules } = await loadRules('analytics/rules/pack');
  pack = [...rules.filter(({ path }) => path.includes('baselines/')), ...parseRules(MINER, 'miner.yml').rules];
});
afterAll(() => close());

/** Web servers, their database, a nightly job, the node's cron; accounts of programs and of a person. */
function quietLife(life: Life): { web: Pod[] } {
  const web = ['web-1', 'web-2'].map((name) => life.pod(0, { name, workload: ['Deployment', 'web'] }));
  const db = life.pod(0, { name: 'db-0', workload: ['StatefulSet', 'db'], image: 'shop/db:9', digest: 'sha256:9' });
  for (let hour = 0; hour < DAYS * 24; hour++) {
    for (const pod of web) webHour(life, hour, pod);
    life.exec(hour + 0.2, db, '/usr/bin/pg_isready');
    life.write(hour + 0.3, db, '/usr/bin/postgres', '/var/lib/postgres/wal/000000010000');
    life.exec(hour + 0.4, undefined, '/usr/bin/run-parts', '/usr/sbin/cron');
    life.ask(hour + 0.1, WEB_ACCOUNT, 'list', 'services', { source_ips: ['10.1.0.5'], user_agent: 'web/1.0' });
    // people work by day
    if (hour % 24 >= 8 && hour % 24 < 18) life.ask(hour + 0.5, 'alice', 'get', 'pods');
    if (hour % 24 === 3) {
      const pod = life.pod(hour, { name: `night-${hour}`, workload: ['CronJob', 'night'], image: 'shop/night:1' });
      life.exec(hour, pod, '/usr/bin/tar');
    }
  }
  return { web };
}

function webHour(life: Life, hour: number, pod: Pod): void {
  life.exec(hour + 0.1, pod, '/usr/bin/php');
  life.connect(hour + 0.2, pod, '/usr/bin/php', '10.1.0.9', 5432);
  life.write(hour + 0.3, pod, '/usr/bin/php', '/var/log/web/access.log');
}

/** A quiet life, and in the hour after it an intruder in a web server's container and in one of a workload of the same image that is an hour old. */
function enteredLife(): Life {
  const last = DAYS * 24;
  const entered = createLife(store, 'entered');
  const { web } = quietLife(entered);
  const pod = web[0] as Pod;
  entered.exec(last + 0.01, pod, '/usr/bin/nc');
  entered.connect(last + 0.02, pod, '/usr/bin/nc', '203.0.113.9', 4444);
  entered.write(last + 0.03, pod, '/usr/bin/nc', '/etc/cron.d/x');
  entered.ask(last + 0.04, WEB_ACCOUNT, 'list', 'secrets', { source_ips: ['10.1.0.5'], user_agent: 'curl/8' });
  entered.ask(last + 0.05, 'alice', 'get', 'pods', { source_ips: ['203.0.113.9'] });
  const canary = entered.pod(last, { name: 'canary-1', workload: ['Deployment', 'canary'] });
  webHour(entered, last, canary);
  entered.exec(last + 0.06, canary, '/usr/bin/nc');
  return entered;
}

async function news(cluster: string): Promise<string[]> {
  const rows = await store.rows(
    "SELECT concat(subject, ' ', kind, ' ', value) AS told FROM novelties FINAL WHERE cluster = {cluster:String} ORDER BY time, kind, value",
    { cluster },
  );
  return rows.map((row) => String(row['told']));
}

describe('after three quiet days', () => {
  const last = DAYS * 24;
  beforeAll(async () => {
    const quiet = createLife(store, 'quiet');
    quietLife(quiet);
    await quiet.tell();

    const changed = createLife(store, 'changed');
    quietLife(changed);
    // the next version, and more replicas of it
    for (const name of ['web-3', 'web-4', 'web-5', 'web-6']) {
      const pod = changed.pod(50, { name, workload: ['Deployment', 'web'], image: 'shop/web:2', digest: 'sha256:2' });
      for (let hour = 50; hour < last; hour++) webHour(changed, hour, pod);
    }
    // a deployment of an image that is known, one of an image that is not, a pod by itself
    webHour(changed, 60, changed.pod(60, { name: 'canary-1', workload: ['Deployment', 'canary'] }));
    const mail = changed.pod(60, {
      name: 'mail-1',
      workload: ['Deployment', 'mail'],
      image: 'shop/mail:1',
      digest: 'sha256:5',
    });
    changed.exec(61, mail, '/usr/bin/sendmail');
    changed.ask(61, 'bob', 'list', 'secrets');
    await changed.tell();

    const entered = enteredLife();
    await entered.tell();
    await concludeLife(store, pack);
  });

  test('nothing is new in a quiet life', async () => {
    expect(await news('quiet')).toEqual([]);
  });

  test('a new version, more replicas, a canary and what nobody knows yet are not called new behaviour', async () => {
    expect(await news('changed')).toEqual([`${WEB} image-version shop/web sha256:2`]);
    expect(await store.rows("SELECT rule_id FROM findings FINAL WHERE cluster = 'changed'")).toEqual([]);
  });

  test('what an intruder does is new, also in a workload too young to have habits of its own', async () => {
    expect(await news('entered')).toEqual([
      `${WEB} exec /usr/bin/nc`,
      `${WEB} spawn server > nc`,
      `${WEB} peer 203.0.113.0/24:4444`,
      `${WEB} write /etc/cron.d`,
      `principal/${WEB_ACCOUNT} agent curl`,
      `principal/${WEB_ACCOUNT} api list secrets`,
      'principal/alice address 203.0.113.9',
      'shop/Deployment/canary/main exec /usr/bin/nc',
      'shop/Deployment/canary/main spawn server > nc',
    ]);
    const rows = await store.rows(
      "SELECT severity, title FROM findings FINAL WHERE cluster = 'entered' ORDER BY time, title",
    );
    expect(rows.map((row) => `${row['severity']}: ${row['title']}`)).toContain(
      'medium: Several kinds of new behaviour in one container',
    );
    expect(rows.map((row) => row['title'])).toEqual(
      expect.arrayContaining([
        'Risky request that its maker never made',
        'Principal from a new address or with a new program',
      ]),
    );
    expect(rows.filter((row) => ['high', 'critical'].includes(String(row['severity'])))).toEqual([]);
  });

  test('the score is in bits: one chance in 37 by its own habits, one in two where no other workload has peers', async () => {
    const [row] = await store.rows(
      "SELECT surprise, rarity, score, shown_by, subjects FROM novelties FINAL WHERE cluster = 'entered' AND kind = 'peer' AND subject = {web:String}",
      { web: WEB },
    );
    // 72 hours watched, one of them, the first, with a new peer: (1 + 1) / (72 + 2); of other workloads with peers there is none: (0 + 1) / (0 + 2)
    expect(row).toEqual({ surprise: 5.21, rarity: 1, score: 6.21, shown_by: 0, subjects: 0 });
  });
});

describe('what is learned', () => {
  beforeAll(async () => {
    const life = createLife(store, 'learned');
    const [web] = [life.pod(0, { name: 'web-1', workload: ['Deployment', 'web'] })];
    for (let hour = 0; hour < 24 * 45; hour += 6) life.exec(hour, web, '/usr/bin/php');
    // a rule calls it bad, and its child began because of it
    life.exec(1, web, '/usr/bin/id', life.exec(1, web, '/tmp/xmrig'));
    life.exec(1.5, web, '/usr/bin/id', life.exec(1.5, web, '/tmp/xmrig'));
    life.exec(50, web, '/usr/bin/id', life.exec(50, web, '/tmp/xmrig'));
    // once, and on ten days: after thirty days without either
    life.exec(2, web, '/usr/bin/once');
    for (let day = 0; day < 10; day++) life.exec(day * 24 + 3, web, '/usr/bin/daily');
    life.exec(24 * 40 + 2, web, '/usr/bin/once');
    life.exec(24 * 40 + 3, web, '/usr/bin/daily');
    await life.tell();

    const decided = createLife(store, 'decided');
    quietLife(decided);
    const pod = decided.pod(DAYS * 24, { name: 'web-9', workload: ['Deployment', 'web'] });
    for (const hour of [73, 74]) for (const tool of ['nc', 'curl', 'php']) decided.exec(hour, pod, `/usr/bin/${tool}`);
    decided.decide(200, { subject: WEB, kind: 'exec', value: '/usr/bin/nc' }, 'pin');
    decided.decide(200, { subject: WEB, kind: 'exec', value: '/usr/bin/php' }, 'reject');
    decided.decide(200, { subject: WEB, kind: 'exec', value: '/usr/bin/curl' }, 'reject');
    decided.decide(201, { subject: WEB, kind: 'exec', value: '/usr/bin/curl' }, 'unpin');
    await decided.tell();
    await concludeLife(store, pack);
  });
  const execs = async (cluster: string) =>
    (await news(cluster)).filter((told) => told.includes(' exec ')).map((told) => told.split(' ')[2]);

  test('what a rule calls bad and what it starts are not learned: they are new when the learning is over', async () => {
    expect((await execs('learned')).slice(0, 2).sort()).toEqual(['/tmp/xmrig', '/usr/bin/id']);
    const states = await store.rows(
      "SELECT value, state FROM baselines FINAL WHERE cluster = 'learned' AND kind = 'exec' ORDER BY value",
    );
    expect(states.map((row) => `${row['value']} ${row['state']}`)).toEqual([
      '/tmp/xmrig kept-out',
      '/usr/bin/daily learned',
      '/usr/bin/id kept-out',
      '/usr/bin/once learned',
      '/usr/bin/php learned',
    ]);
  });

  test('a habit of one day is forgotten after a month, a habit of ten days is not', async () => {
    expect((await execs('learned')).slice(2)).toEqual(['/usr/bin/once']);
  });

  test('pinned is never new, rejected is new in every hour, and a decision can be taken back', async () => {
    const told = await execs('decided');
    expect(told.filter((value) => value === '/usr/bin/nc')).toEqual([]);
    expect(told.filter((value) => value === '/usr/bin/curl')).toHaveLength(1);
    expect(told.filter((value) => value === '/usr/bin/php')).toHaveLength(DAYS * 24 + 2);
    const rows = await store.rows(
      "SELECT title, count() AS n FROM findings FINAL WHERE cluster = 'decided' AND severity = 'medium' GROUP BY title",
    );
    expect(rows).toEqual([{ title: 'Behaviour that an analyst rejected (activity)', n: DAYS * 24 + 2 }]);
  });
});

describe('equal results', () => {
  const TABLES = ['process_facts', 'behaviours', 'novelties', 'baselines'];
  const contents = async () => {
    const sql = TABLES.map(
      (table) =>
        `SELECT '${table}' AS t, count() AS n, groupBitXor(cityHash64(toString(tuple(* EXCEPT (version, is_deleted))))) AS hash FROM ${table} FINAL WHERE cluster = 'entered'`,
    );
    return store.rows(`SELECT * FROM (${sql.join(' UNION ALL ')}) ORDER BY t`);
  };

  test('told in two parts, backwards, and concluded upon in between, it comes to the same', async () => {
    const once = await contents();
    expect(once.map((row) => Number(row['n']) > 1)).toEqual([true, true, true, true]);
    for (const table of ['auditd', 'attributions', 'processes', 'containers', 'pods', 'runtime', 'k8s_audit'])
      await store.run(`TRUNCATE TABLE ${table}`);
    const parts = enteredLife();
    await parts.tell((rows) => rows.filter((_, n) => n % 2 === 0).reverse());
    await concludeLife(store);
    expect(await contents()).not.toEqual(once);
    await parts.tell((rows) => [...rows].reverse());
    await concludeLife(store);
    expect(await contents()).toEqual(once);
  });
});
