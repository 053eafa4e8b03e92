// The store goes away, by all three ways to it: behind Kafka, behind a receiver, and beside the collector. Collectors read on meanwhile; once it is
// back every record is in it once. VESTIGE_FAULTS=full: away for a minute.
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../../ingest/transport/https/test-support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { readTopics } from '../support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { createRandom } from '../support/random.ts';
import { createGround, digestOf, following, isFull, lookIntoSpool, makeRecords, saying } from './ground.ts';
import type { Program } from './pipeline/programs.ts';
import { createAuditLog, createK8sLog, createWebhookClient, type MadeSource } from './pipeline/sources.ts';
import { allThere, gapsOf, reckon, type StoreUnderTest, storeAt, typedRows } from './reckoning.ts';

const AWAY_MS = isFull ? 60_000 : 8_000;
const TOKEN = 'a-token-of-the-test-0123456789';
// From a line in a log to the disk under the spool, or to Kafka: a fraction of a second, on a busy machine more.
const BEHIND_MS_MAX = 3_000;
const without = (all: ReadonlySet<string>, some: ReadonlySet<string>) =>
  new Set([...all].filter((one) => !some.has(one)));
const TOPICS = ['vestige.k8s-audit', 'vestige.auditd'];
const random = createRandom();

describe.skipIf(!isAvailable() && !process.env['CI'])(
  `a store that is away for ${AWAY_MS / 1000} s (seed ${random.seed})`,
  () => {
    const ground = createGround('away');
    const { at, program } = ground;
    const stores = Object.fromEntries(
      ['kafka', 'https', 'embedded'].map((way) => [way, storeAt(`embedded:${at(`store-${way}`)}`)]),
    ) as Record<'kafka' | 'https' | 'embedded', StoreUnderTest>;
    const upOf = (way: keyof typeof stores, ...args: string[]) =>
      program(`up (${way})`, '--store', stores[way].location, 'up', '--port', '0', ...args);
    const sources: Record<string, MadeSource> = {};
    const made = (...names: string[]) => new Set(names.flatMap((name) => [...(sources[name]?.digests ?? [])]));
    const ups: Program[] = [];
    let broker: Broker;
    /** What was made while the store was away, by way; and what of it was then in the topics, or in the spool. */
    const meanwhile: Record<string, { made: Set<string>; safe: Set<string> }> = {};
    const madePerSecond: number[] = [];

    beforeAll(async () => {
      broker = await startBroker();
      const authority = createAuthority(ground.directory);
      const { cert, key } = authority.issue('here', ['IP:127.0.0.1']);
      writeFileSync(at('token'), `${TOKEN}\n`);
      mkdirSync(at('logs'));
      const [hookPort, receivePort] = [await freePort(), await freePort()];
      const tls = ['--tls-cert', cert, '--tls-key', key, '--token-file', at('token')];
      const kafka = `kafka://${broker.brokers[0]}`;
      const collect = (spool: string, kind: string, to: string, ...args: string[]) =>
        program(
          `${kind} (${spool})`,
          ...['collect', kind, '--to', to, '--spool', at(spool), '--cluster', 'c', '--node', spool, ...args],
        );
      ups.push(upOf('kafka'), upOf('https', '--receive', `127.0.0.1:${receivePort}`, ...tls), upOf('embedded'));
      const all = [
        ...ups,
        program('load', '--store', stores.kafka.location, 'load', '--from', kafka),
        collect('k-log', 'k8s-audit', kafka, '--log', at('logs/kafka.log')),
        collect('k-auditd', 'auditd', kafka, '--log', at('auditd-k/audit.log')),
        collect('k-hook', 'k8s-audit', kafka, '--listen', `127.0.0.1:${hookPort}`, ...tls),
        collect(
          ...(['h-log', 'k8s-audit', `https://127.0.0.1:${receivePort}?ca=${authority.ca}`] as const),
          ...['--secret-file', at('token'), '--log', at('logs-h/audit.log')],
        ),
        collect('e-auditd', 'auditd', stores.embedded.location, '--log', at('auditd-e/audit.log')),
      ];
      let isFollowed = false;
      const followed = () => isFollowed;
      sources['k-log'] = createK8sLog(at('logs/kafka.log'), random, followed);
      sources['k-auditd'] = createAuditLog(at('auditd-k/audit.log'), random, followed);
      sources['k-hook'] = createWebhookClient({ port: hookPort, ca: authority.ca, token: TOKEN }, random);
      sources['h-log'] = createK8sLog(at('logs-h/audit.log'), random, followed);
      sources['e-auditd'] = createAuditLog(at('auditd-e/audit.log'), random, followed);
      // a directory has one owner: the first to come, which is to be the one that is killed
      for (const up of ups) up.start();
      await saying(ups, 'Vestige is at');
      for (const one of all.slice(ups.length)) one.start();

      const making = makeRecords(Object.values(sources));
      await following([
        ...['k-log/k8s-audit', 'k-auditd/auditd', 'k-hook/k8s-audit', 'h-log/k8s-audit', 'e-auditd/auditd'].map(at),
      ]);
      isFollowed = true;
      await sleep(2_000);
      await goAway();
      await sleep(1_000);
      await making.end();
      await stores.kafka.arrival(made('k-log', 'k-auditd', 'k-hook'));
      await stores.https.arrival(made('h-log'));
      await stores.embedded.arrival(made('e-auditd'));
      await ground.stopAll();
    }, AWAY_MS + 300_000);
    afterAll(async () => {
      for (const source of Object.values(sources)) source.close();
      await ground.remove();
      await broker?.remove();
    });

    /** Two are held by who does not answer, and is killed in the end; the receiver is killed at once. */
    async function goAway(): Promise<void> {
      const [kafka, https, embedded] = ups as [Program, Program, Program];
      kafka.signal('SIGSTOP');
      embedded.signal('SIGSTOP');
      await https.kill();
      const before = made(...Object.keys(sources));
      let last = before.size;
      for (const until = Date.now() + AWAY_MS - BEHIND_MS_MAX; Date.now() < until; ) {
        await sleep(1_000);
        const now = made(...Object.keys(sources)).size;
        madePerSecond.push(now - last);
        last = now;
      }
      const since = (...names: string[]) => without(made(...names), before);
      const [ofKafka, ofHttps, ofEmbedded] = [since('k-log', 'k-auditd', 'k-hook'), since('h-log'), since('e-auditd')];
      await sleep(BEHIND_MS_MAX);
      const spooled = async (spool: string) => new Set((await lookIntoSpool(at(spool))).map(({ digest }) => digest));
      const inTopics = (await readTopics(broker.brokers, TOPICS)).map(({ message }) => digestOf(message.value ?? ''));
      meanwhile['kafka'] = { made: ofKafka, safe: new Set(inTopics) };
      meanwhile['https'] = { made: ofHttps, safe: await spooled('h-log/k8s-audit') };
      meanwhile['embedded'] = { made: ofEmbedded, safe: await spooled('e-auditd/auditd') };
      await kafka.kill();
      await embedded.kill();
      for (const up of ups) up.start();
    }

    const expectAll = async (way: keyof typeof stores, ...names: string[]) => {
      const { made: of, safe } = meanwhile[way] as { made: Set<string>; safe: Set<string> };
      expect(of.size).toBeGreaterThan(AWAY_MS / 100);
      expect(without(of, safe).size, 'read while the store was away').toBe(0);
      const all = made(...names);
      expect(await reckon(stores[way], all), ground.told()).toEqual(allThere(all));
      expect(await gapsOf(stores[way]), 'nothing is said to be missing').toEqual([]);
      console.info(`${way}: ${all.size} records compared, ${of.size} made while it was away; 0 lost, 0 doubled`);
    };

    it('behind Kafka: collectors and Kafka go on, and the loader brings all once it is back', async () => {
      expect(Math.min(...madePerSecond), 'the webhook and the logs were never waited for').toBeGreaterThan(0);
      const auditd = sources['k-auditd']?.digests.size ?? 0;
      await expectAll('kafka', 'k-log', 'k-auditd', 'k-hook');
      const k8s = made('k-log', 'k-hook').size;
      expect(await typedRows(stores.kafka)).toEqual({ k8s, auditd, united: 0 });
    });
    it('behind a receiver that is killed: the spool keeps all until it is back', () => expectAll('https', 'h-log'));
    it('held by a process that does not answer, and is killed: the collector takes it over', () =>
      expectAll('embedded', 'e-auditd'));
  },
);
