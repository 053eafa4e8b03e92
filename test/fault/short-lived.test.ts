// Containers that live for a moment, one after the other, in a real containerd; its collector is killed in between. What `ctr events` prints
// beside it is the truth: each event is in the store once, or lies in a gap that is told. VESTIGE_FAULTS=full: a thousand containers.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Containerd,
  IMAGE,
  isAvailable as isContainerdAvailable,
  runContainer,
  startContainerd,
} from '../../ingest/collect/test-support/containerd.ts';
import { type Broker, isAvailable, startBroker } from '../support/kafka.ts';
import { createRandom } from '../support/random.ts';
import { createGround, isFull, lookIntoSpool } from './ground.ts';
import { type Gap, gapsOf, storeAt } from './reckoning.ts';

const CONTAINERS = isFull ? 1_000 : 40;
const KILLS = isFull ? 8 : 1;
const DOWN_MS_MAX = isFull ? 4_000 : 1_500;
const LIFE = ['/containers/create', '/tasks/create', '/tasks/start', '/tasks/exit', '/containers/delete'];
const random = createRandom();

interface Event {
  /** Nanoseconds since 1970, nineteen digits: they compare as they are. */
  at: string;
  namespace: string;
  topic: string;
  id: string;
}
const keyOf = ({ at, namespace, topic, id }: Event): string => [at, namespace, topic, id].join(' ');
const msOf = ({ at }: Event): number => Number(BigInt(at) / 1_000_000n);

function nanoseconds(date: string, time: string): string {
  const [seconds = '', fraction = ''] = time.split('.');
  return `${Date.parse(`${date}T${seconds}Z`) / 1000}${fraction.padEnd(9, '0')}`;
}
/** A line of `ctr events`. */
function eventOfLine(line: string): Event {
  const [, date = '', time = '', namespace = '', topic = '', json = ''] =
    /^(\S+) (\S+) \+0000 UTC (\S+) (\S+) (\{.*)$/.exec(line) ?? [];
  const body = JSON.parse(json) as Record<string, string>;
  // what the table calls container_id
  const id = body['container_id'] ?? body['id'] ?? body['key'] ?? '';
  return { at: nanoseconds(date, time), namespace, topic, id };
}

describe.skipIf(!(isAvailable() && isContainerdAvailable()) && !process.env['CI'])(
  `${CONTAINERS} containers one after the other, their collector killed ${KILLS} times (seed ${random.seed})`,
  () => {
    const ground = createGround('short-lived');
    const { at, program } = ground;
    const store = storeAt(`embedded:${at('store')}`);
    let broker: Broker | undefined;
    let containerd: Containerd | undefined;
    const printed: string[] = [];
    const ran: string[] = [];
    let stored: Event[] = [];
    let gaps: Gap[] = [];

    beforeAll(
      async () => {
        [broker, containerd] = await Promise.all([startBroker(), startContainerd()]);
        await runAll(broker, containerd);
        const rows = await store.ask(
          `SELECT toString(toUnixTimestamp64Nano(time)) AS at, runtime_namespace AS namespace, topic, container_id AS id
         FROM runtime FINAL WHERE startsWith(topic, '/') ORDER BY time`,
        );
        stored = rows as unknown as Event[];
        gaps = await gapsOf(store);
      },
      CONTAINERS * 3_000 + 300_000,
    );
    afterAll(async () => {
      await ground.remove();
      await containerd?.stop();
      await broker?.remove();
    });

    const inSpool = () => lookIntoSpool(at('spool/containerd'));
    async function runAll({ brokers }: Broker, daemon: Containerd): Promise<void> {
      const kafka = `kafka://${brokers[0]}`;
      const up = program('up', '--store', store.location, 'up', '--port', '0');
      const load = program('load', '--store', store.location, 'load', '--from', kafka);
      const to = ['--to', kafka, '--spool', at('spool'), '--node', 'worker-1', '--cluster', 'c'];
      const collector = program('containerd', 'collect', 'containerd', '--socket', daemon.socket, ...to);
      for (const one of [up, load, collector]) one.start();
      const ctr = daemon.startCtr(['events']);
      createInterface({ input: ctr.stdout as NonNullable<typeof ctr.stdout> }).on('line', (line) => printed.push(line));
      const probe = () => daemon.ctr(['namespaces', 'label', 'default', `probe=${Date.now()}`]);
      await ground.until(async () => {
        await probe();
        return printed.length > 0 && (await inSpool()).some(({ meta }) => meta.source === 'runtime');
      }, 'events are printed, and collected');

      const every = Math.floor(CONTAINERS / (KILLS + 1));
      let restarting: Promise<void> | undefined;
      for (let n = 1; n <= CONTAINERS; n++) {
        ran.push((await runContainer(daemon)).id);
        if (n % every !== 0 || n / every > KILLS) continue;
        await restarting;
        restarting = collector.killAndRestart(random.between(0, DOWN_MS_MAX));
      }
      await restarting;
      // it is there again before the last one
      const latest = `probe-${Date.now()}`;
      await ground.until(async () => {
        await daemon.ctr(['namespaces', 'label', 'default', `probe=${latest}`]);
        return (await inSpool()).some(
          ({ meta }) => meta.source === 'runtime' && meta.received_at > Date.now() * 1000 - 1e6,
        );
      }, 'events are collected again');
      const { id } = await runContainer(daemon);
      ran.push(id);
      await sleep(500);
      ctr.kill();
      await once(ctr, 'exit');
      const last = `SELECT 1 FROM runtime WHERE container_id = '${id}' AND topic = '/containers/delete'`;
      await ground.until(async () => (await store.ask(last)).length > 0, 'the last container is in the store', 180_000);
      await collector.stop();
      await sleep(1_000);
      await load.stop();
      await up.stop();
    }
    const truth = () => printed.map(eventOfLine);
    const isInGap = (event: Event) =>
      gaps.some(
        ({ kind, first_seen, last_seen }) =>
          kind === 'stream-interrupted' &&
          Date.parse(first_seen) <= msOf(event) &&
          msOf(event) <= Date.parse(last_seen),
      );

    it('every event that was printed is in the store once, or in a gap', async () => {
      // from when on both listen
      const from = [truth()[0]?.at ?? '', stored[0]?.at ?? ''].sort().at(-1) ?? '';
      const all = truth().filter(({ at: when }) => when >= from);
      const keys = stored.filter(({ at: when }) => when >= from).map(keyOf);
      expect(keys.length, 'once each').toBe(new Set(keys).size);
      const there = new Set(keys);
      const printedKeys = new Set(all.map(keyOf));
      expect(
        keys.filter((key) => !printedKeys.has(key)),
        'nothing but what was printed',
      ).toEqual([]);
      const missing = all.filter((event) => !there.has(keyOf(event)));
      expect(
        missing.filter((event) => !isInGap(event)),
        ground.told(),
      ).toEqual([]);
      expect(await store.ask('SELECT count() AS n FROM dead_letters FINAL')).toEqual([{ n: 0 }]);
      console.info(
        `seed ${random.seed}: ${ran.length} containers, ${all.length} events compared, ${missing.length} of them in gaps of ${KILLS} kills; 0 lost elsewhere, 0 doubled`,
      );
    });

    it('every container that lived while the collector ran is known, with its times', async () => {
      const times = new Map(truth().map((event) => [`${event.id} ${event.topic}`, event]));
      const there = new Set(stored.map(keyOf));
      const eventsOf = (id: string) => LIFE.map((topic) => times.get(`${id} ${topic}`) as Event);
      const lived = ran.filter((id) => eventsOf(id).every((event) => there.has(keyOf(event))));
      expect(lived.length).toBeGreaterThan(CONTAINERS / 2);
      const columns = ['created_at', 'started_at', 'ended_at', 'removed_at'];
      const ns = columns.map((column) => `toString(toUnixTimestamp64Nano(${column})) AS ${column}`);
      const rows = await store.ask(
        `SELECT container_id, image, args, exit_status, ${ns.join(', ')} FROM containers FINAL`,
      );
      const known = new Map(rows.map((row) => [String(row['container_id']), row]));
      const undescribed = gaps.filter(({ kind }) => kind === 'container-undescribed').map(({ detail }) => detail);
      for (const id of lived) {
        const [created, , started, ended, removed] = eventsOf(id).map((event) => event.at);
        const isDescribed = !undescribed.join(' ').includes(id);
        // a document that one collector was not given another, before it was killed, may have been
        expect(isDescribed ? [['true']] : [['true'], []], id).toContainEqual(known.get(id)?.['args']);
        expect(known.get(id), id).toMatchObject({
          ...{ created_at: created, started_at: started, ended_at: ended, removed_at: removed },
          ...{ exit_status: 0, image: IMAGE },
        });
      }
      const others = ran.filter((id) => !lived.includes(id));
      for (const id of others) expect(eventsOf(id).some(isInGap), id).toBe(true);
      console.info(`${lived.length} of ${ran.length} lived while the collector ran, the others in gaps`);
    });

    it('gaps are told for the kills, and for nothing else', () => {
      const down = gaps.filter(({ kind }) => kind === 'stream-interrupted');
      // events of a container that lived on across a kill are missed by name as well
      const isOfKill = (gap: (typeof gaps)[number]) =>
        gap.kind === 'events-missing' &&
        down.some((d) => gap.first_seen <= d.last_seen && d.first_seen <= gap.last_seen);
      const told = gaps.filter((gap) => gap.kind !== 'container-undescribed' && !isOfKill(gap));
      const ofKills = Array.from({ length: KILLS }, () => ['collector-restarted', 'stream-interrupted']).flat();
      expect(told.map(({ kind }) => kind).sort(), JSON.stringify(told)).toEqual(ofKills.sort());
      for (const { missing } of told) expect(missing).toBeNull();
    });
  },
);
