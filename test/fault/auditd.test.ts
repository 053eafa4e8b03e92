// A real auditd under a storm of execve, its log rotated all the while, over `vestige collect auditd`, Kafka and `vestige load` into the store, each
// killed at random: the store has the records that framing auditd's own files gives, once each. VESTIGE_FAULTS=full: 20,000 programs.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Auditd,
  isAvailable as isAuditdAvailable,
  startAuditd,
} from '../../ingest/collect/test-support/auditd.ts';
import { framedLog } from '../../ingest/collect/test-support/framed-log.ts';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { createRandom } from '../support/random.ts';
import { createGround, following, isFull } from './ground.ts';
import { allThere, type Gap, gapsOf, reckon, storeAt } from './reckoning.ts';

const PROGRAMS = isFull ? 20_000 : 2_000;
const PROGRAMS_PER_SECOND = 400;
const KILLS = isFull ? 40 : 6;
const BROKER_KILLS = isFull ? 4 : 0;
const random = createRandom();

describe.skipIf(!(isAvailable() && isAuditdAvailable()) && !process.env['CI'])(
  `auditd in a storm of ${PROGRAMS} programs, what follows it killed ${KILLS} times (seed ${random.seed})`,
  () => {
    const ground = createGround('auditd');
    const { at, program } = ground;
    const store = storeAt(`embedded:${at('store')}`);
    let auditd: Auditd | undefined;
    let broker: Broker | undefined;
    let gaps: Gap[] = [];
    let log = Buffer.alloc(0);
    let files = 0;
    const killed: string[] = [];

    const wholeLog = ({ files: listed }: Auditd) => Buffer.concat(listed().map((path) => readFileSync(path)));
    beforeAll(async () => {
      auditd = await startAuditd({ maxLogMiB: 1, numLogs: 99 });
      broker = await startBroker();
      await runAll(auditd, broker);
      gaps = await gapsOf(store);
    }, 900_000);
    afterAll(async () => {
      await ground.remove();
      await auditd?.stop();
      await broker?.remove();
    });

    async function runAll(daemon: Auditd, kafka: Broker): Promise<void> {
      const address = `kafka://${kafka.brokers[0]}`;
      const to = ['--to', address, '--spool', at('spool'), '--node', 'worker-1', '--cluster', 'c'];
      const up = program('up', '--store', store.location, 'up', '--port', '0');
      const load = program('load', '--store', store.location, 'load', '--from', address);
      const collector = program('auditd', 'collect', 'auditd', '--log', daemon.logFile, ...to);
      for (const one of [up, load, collector]) one.start();
      await following([at('spool/auditd')]);
      // the sources of loss are the collector's place in a log that is rotated, and what was not yet committed: it is killed most
      const victims = [collector, collector, load, up];

      daemon.audit('execve');
      const msOfStorm = (PROGRAMS / PROGRAMS_PER_SECOND) * 1000;
      const storm = daemon.storm(PROGRAMS, PROGRAMS_PER_SECOND);
      for (let n = 1; n <= KILLS; n++) {
        await sleep(random.between(0, (2 * msOfStorm) / KILLS));
        const victim = random.pick(victims);
        killed.push(victim.name);
        await victim.killAndRestart(random.between(0, 1_000));
        if (BROKER_KILLS === 0 || n % Math.ceil(KILLS / BROKER_KILLS) !== 0) continue;
        killed.push('broker');
        await kafka.kill();
        await sleep(random.between(0, 2_000));
        await kafka.restart();
      }
      await storm;
      await daemon.flushed();
      await store.arrival(new Set(framedLog(wholeLog(daemon))), 180_000);
      await ground.stopAll();
      log = wholeLog(daemon);
      files = daemon.files().length;
    }

    it('is in the store, record for record', async () => {
      const records = new Set(framedLog(log));
      expect(files).toBeGreaterThan(2);
      expect(records.size).toBeGreaterThan(PROGRAMS);
      expect(await reckon(store, records), `${killed.join(', ')}\n${ground.told()}`).toEqual(allThere(records));
      const events = new Set(log.toString('latin1').match(/(?<=^type=(?!EOE)\w+ msg=audit\()\d+\.\d+:\d+/gm));
      const [typed] = await store.ask('SELECT count() AS n, uniqExact(serial) AS serials FROM auditd FINAL');
      expect(typed).toEqual({ n: events.size, serials: events.size });
      console.info(
        `seed ${random.seed}: ${files} files of log, ${records.size} records compared, 0 lost, 0 doubled; killed: ${killed.join(', ')}`,
      );
    });

    it('is missing nowhere', () => {
      expect(gaps.filter(({ missing }) => missing !== 0)).toEqual([]);
      expect(gaps.filter(({ kind }) => kind !== 'collector-restarted')).toEqual([]);
      // one that was killed again before it could say that it is there leaves no gap of its own
      expect(gaps.length).toBeLessThanOrEqual(killed.filter((name) => name === 'auditd').length);
    });
  },
);
