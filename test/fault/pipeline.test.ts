// The whole way of a record, from logs and webhook over spools and Kafka into the store, while each part of it is killed at random moments:
// what a collector acknowledged or read is in the store once, and nothing else is. VESTIGE_FAULTS=full: long; VESTIGE_SEED: the same again.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import { createAuthority } from '../../ingest/transport/https/test-support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { createRandom } from '../support/random.ts';
import { vestige } from '../support/vestige.ts';
import { following } from './ground.ts';
import { createProgram, type Program } from './pipeline/programs.ts';
import { createAuditLog, createK8sLog, createWebhookClient, type MadeSource } from './pipeline/sources.ts';

const isFull = process.env['VESTIGE_FAULTS'] === 'full';
const KILLS = isFull ? 60 : 9;
const BROKER_KILLS = isFull ? 6 : 1;
const TICK_MS = 25;
const TOKEN = 'a-token-of-the-test-0123456789';
const random = createRandom();

describe.skipIf(!isAvailable() && !process.env['CI'])(
  `the way of records, killed ${KILLS} times (seed ${random.seed})`,
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'vestige-pipeline-'));
    const at = (name: string) => join(directory, name);
    const store = `embedded:${at('store')}`;
    let broker: Broker;
    const programs: Program[] = [];
    const sources: Record<string, MadeSource> = {};
    let isFollowed = false;
    const program = (name: string, ...args: string[]): Program => {
      const made = createProgram(name, args);
      programs.push(made);
      return made;
    };

    beforeAll(async () => {
      broker = await startBroker();
      const authority = createAuthority(directory);
      const { cert, key } = authority.issue('webhook', ['IP:127.0.0.1']);
      writeFileSync(at('token'), `${TOKEN}\n`);
      mkdirSync(at('logs'));
      const port = await freePort();
      const to = ['--to', `kafka://${broker.brokers[0]}`, '--spool', at('spool'), '--cluster', 'c'];
      program('store', '--store', store, 'up', '--port', '0');
      program('loader', '--store', store, 'load', '--from', `kafka://${broker.brokers[0]}`);
      const ofLog = ['collect', 'k8s-audit', '--log', at('logs/audit.log'), ...to, '--node', 'log'];
      program('k8s-audit log', ...ofLog.map((arg) => (arg === at('spool') ? at('spool-of-log') : arg)));
      program('auditd', 'collect', 'auditd', '--log', at('auditd/audit.log'), ...to, '--node', 'worker-1');
      const tls = ['--tls-cert', cert, '--tls-key', key, '--token-file', at('token')];
      program('webhook', 'collect', 'k8s-audit', '--listen', `127.0.0.1:${port}`, ...tls, ...to, '--node', 'hook');
      sources['k8s-audit log'] = createK8sLog(at('logs/audit.log'), random, () => isFollowed);
      sources['auditd'] = createAuditLog(at('auditd/audit.log'), random, () => isFollowed);
      sources['webhook'] = createWebhookClient({ port, ca: authority.ca, token: TOKEN }, random);
    }, 180_000);
    afterAll(async () => {
      for (const one of programs) await one.stop().catch(() => undefined);
      await broker?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    const expected = () => new Set(Object.values(sources).flatMap(({ digests }) => [...digests]));
    const ask = async (sql: string) => {
      const opened = await connect(store, 'test');
      try {
        return await opened.rows(sql);
      } finally {
        await opened.close();
      }
    };
    const stored = async (): Promise<string[]> =>
      (await ask("SELECT lower(hex(digest)) AS d FROM records FINAL WHERE source != 'collector'")).map((row) =>
        String(row['d']),
      );

    it(
      'loses nothing and doubles nothing',
      async () => {
        for (const one of programs) one.start();
        const ended = new AbortController();
        const making = Object.values(sources).map(async (source) => {
          while (!ended.signal.aborted) {
            await source.tick();
            await sleep(TICK_MS);
          }
        });
        await following([at('spool-of-log/k8s-audit'), at('spool/auditd'), at('spool/k8s-audit')]);
        isFollowed = true;
        await sleep(1_000);
        const killing: string[] = [];
        for (let n = 0; n < KILLS; n++) {
          await sleep(random.between(200, 1_500));
          const victim = random.pick(programs);
          killing.push(victim.name);
          await victim.killAndRestart(random.between(0, 1_000));
          if (n % Math.ceil(KILLS / BROKER_KILLS) !== 2) continue;
          killing.push('broker');
          await broker.kill();
          await sleep(random.between(0, 2_000));
          await broker.restart();
        }
        ended.abort();
        await Promise.all(making);
        const all = expected();
        const told = () => `${killing.join(', ')}\n${programs.map((one) => `${one.name}: ${one.said()}`).join('\n')}`;

        let found: string[] = [];
        for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(1_000)) {
          found = await stored().catch(() => found);
          const there = new Set(found);
          if ([...all].every((digest) => there.has(digest))) break;
        }
        for (const one of programs.toReversed()) await one.stop();
        found = await stored();
        const there = new Set(found);
        const lost = Object.entries(sources).map(([name, { digests }]) => [
          name,
          [...digests].filter((d) => !there.has(d)).length,
        ]);
        expect(Object.fromEntries(lost), told()).toEqual({ 'k8s-audit log': 0, auditd: 0, webhook: 0 });
        // a batch the API server was not answered for may be there too: it was sent again, the same bytes
        expect(found.length, 'once each, and nothing else').toBe(new Set(found).size);
        const webhookMore = found.filter((digest) => !all.has(digest)).length;
        expect(webhookMore).toBeLessThanOrEqual(30);

        const [typed] =
          await ask(`SELECT (SELECT count() FROM k8s_audit FINAL) AS k8s, (SELECT count() FROM auditd FINAL) AS auditd,
      (SELECT count() FROM dead_letters FINAL) AS dead, (SELECT countIf(length(digests) != 1) FROM auditd FINAL) AS united`);
        const { length: records } = found;
        const events = sources['auditd']?.digests.size ?? 0;
        expect(typed).toEqual({ k8s: records - events, auditd: events, dead: 0, united: 0 });

        expect((await vestige('--store', store, 'correlate')).code).toBe(0);
        const gaps = JSON.parse((await vestige('--store', store, '--json', 'gaps', '--limit', '1000')).out) as {
          missing: number;
          kind: string;
        }[];
        expect(
          gaps.filter(({ missing: n }) => n !== 0),
          'nothing is said to be missing',
        ).toEqual([]);
        const { out } = await vestige('--store', store, '--json', 'doctor');
        expect((JSON.parse(out) as { status: string }[]).filter(({ status }) => status === 'problem')).toEqual([]);
        const kills = programs.map((one) => `${one.name} ${one.kills}`).join(', ');
        console.info(
          `seed ${random.seed}: ${all.size} records compared, 0 lost, 0 doubled; killed: ${kills}, broker ${killing.filter((k) => k === 'broker').length}; gaps ${gaps.length}`,
        );
      },
      isFull ? 900_000 : 300_000,
    );
  },
);
