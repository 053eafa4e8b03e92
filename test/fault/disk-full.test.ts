// The disk under the spool is full. With the sink away the spool fills it: oldest records go, each of them told, and nothing else. Filled by others,
// so that nothing can be written: a log is read later, and of standard input what was lost is counted. VESTIGE_FAULTS=full: six times as much.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../../ingest/transport/https/test-support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { createRandom } from '../support/random.ts';
import { isAvailable, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { createGround, type Ground, isFull, lookIntoSpool, saying } from './ground.ts';
import type { Program } from './pipeline/programs.ts';
import { createK8sLog } from './pipeline/sources.ts';
import { createPluginInput } from './plugin-input.ts';
import { type Gap, gapsOf, type StoreUnderTest, storeAt } from './reckoning.ts';

const MADE_BYTES = (isFull ? 96 : 12) * 1024 * 1024;
// What waits in memory for a disk that does not answer (ingest/spool/spool.ts), and as much again.
const BEYOND_MEMORY_BYTES = 32 * 1024 * 1024;
// Until a sink that was away is tried again, and has taken all: 15 s, on a busy machine much more.
const ARRIVAL_MS_MAX = 240_000;
// 154 MB measured, 16 MiB of them records that wait.
const RSS_KIB_MAX = 192 * 1024;
const TOKEN = 'a-token-of-the-test-0123456789';
const random = createRandom();

const peakKib = (program: Program): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid()}/status`, 'utf8'))?.[1]);

describe.skipIf(!isAvailable() && !process.env['CI'])(`a full disk under the spool (seed ${random.seed})`, () => {
  let ground: Ground;
  let store: StoreUnderTest;
  let disks: SmallDisk[] = [];
  let sink: string[];
  let up: Program;

  afterEach(async () => {
    await ground.stopAll().catch(() => undefined);
    for (const disk of disks) disk.unmount();
    disks = [];
    await ground.remove();
  });
  async function begin(): Promise<void> {
    ground = createGround('disk');
    const { at } = ground;
    store = storeAt(`embedded:${at('store')}`);
    const authority = createAuthority(ground.directory);
    const { cert, key } = authority.issue('here', ['IP:127.0.0.1']);
    writeFileSync(at('token'), `${TOKEN}\n`);
    const port = await freePort();
    sink = ['--to', `https://127.0.0.1:${port}?ca=${authority.ca}`, '--secret-file', at('token'), '--cluster', 'c'];
    const receive = [
      '--receive',
      `127.0.0.1:${port}`,
      '--tls-cert',
      cert,
      '--tls-key',
      key,
      '--token-file',
      at('token'),
    ];
    up = ground.program('up', '--store', store.location, 'up', '--port', '0', ...receive);
  }
  /** A spool on a disk of its own. */
  function spoolOn(name: string, mebibytes: number): { spool: string; disk: SmallDisk } {
    const disk = mountSmallDisk(ground.at(`disk-${name}`), mebibytes);
    disks.push(disk);
    return { spool: disk.directory, disk };
  }
  const hasInSpool = (spool: string, digest: string | undefined) => async () =>
    (await lookIntoSpool(spool)).some((record) => record.digest === digest);
  const storedOf = async (node: string) => store.digests(`collector LIKE '%@${node}'`);

  /** What is in the store and what gaps tell to be missing are together what was made; what is missing was made one after the other. */
  async function balance(node: string, made: readonly string[], gaps: readonly Gap[], kind: string) {
    const stored = await storedOf(node);
    expect(stored.length, 'once each').toBe(new Set(stored).size);
    expect(await store.ask('SELECT count() AS n FROM dead_letters FINAL')).toEqual([{ n: 0 }]);
    const there = new Set(stored);
    const lost = made.flatMap((digest, i) => (there.has(digest) ? [] : [i]));
    const told = gaps.filter((gap) => gap.collector.endsWith(`@${node}`));
    expect(told.map((gap) => gap.kind).filter((one) => one !== kind)).toEqual([]);
    const missing = told.reduce((sum, gap) => sum + (gap.missing ?? Number.NaN), 0);
    expect({ strange: stored.length + lost.length - made.length, missing }, node).toEqual({
      strange: 0,
      missing: lost.length,
    });
    expect(lost.length, 'one after the other').toBe(lost.length === 0 ? 0 : (lost.at(-1) ?? 0) - (lost[0] ?? 0) + 1);
    expect(there.has(made.at(-1) ?? ''), 'the newest is there').toBe(true);
    return { made: made.length, stored: stored.length, lost: lost.length, gaps: told.length };
  }

  it(
    'drops the oldest records, whether the bound of the spool or the disk ends first, and tells each',
    async () => {
      await begin();
      // the least a spool may be given: 8 MiB
      const places = {
        bounded: spoolOn('bounded', 16),
        'bounded-in': spoolOn('bounded-in', 16),
        small: spoolOn('small', 4),
        'small-in': spoolOn('small-in', 4),
      };
      const logs = ['bounded', 'small'] as const;
      const inputs = ['bounded-in', 'small-in'] as const;
      const collect = (kind: string, node: keyof typeof places, ...args: string[]) =>
        ground.program(
          node,
          'collect',
          kind,
          ...sink,
          '--spool',
          places[node].spool,
          '--spool-max',
          '8MiB',
          '--node',
          node,
          ...args,
        );
      const made: Record<string, string[]> = {};
      for (const node of logs) {
        const path = ground.at(`${node}/audit.log`);
        const log = createK8sLog(path, random, () => false, node);
        do await log.tick();
        while (statSync(path).size < MADE_BYTES);
        made[node] = [...log.digests];
        collect('k8s-audit', node, '--log', path).start();
      }
      await Promise.all(
        inputs.map(async (node) => {
          const plugin = ground.withInput(
            node,
            'collect',
            'auditd',
            '--stdin',
            ...sink,
            '--spool',
            places[node].spool,
            '--spool-max',
            '8MiB',
            '--node',
            node,
          );
          plugin.start();
          const input = createPluginInput(1_000);
          while (input.bytes() < MADE_BYTES) await input.write(plugin.input());
          made[node] = [...input.digests];
        }),
      );
      for (const node of logs)
        await ground.until(hasInSpool(`${places[node].spool}/k8s-audit`, made[node]?.at(-1)), `${node} is read`);
      for (const node of inputs)
        await ground.until(hasInSpool(`${places[node].spool}/auditd`, made[node]?.at(-1)), `${node} is read`);

      up.start();
      await saying([up], 'Collectors send to');
      for (const node of [...logs, ...inputs])
        await ground.until(
          async () => (await storedOf(node)).includes(made[node]?.at(-1) ?? ''),
          `the newest of ${node} is in the store`,
          ARRIVAL_MS_MAX,
        );
      await ground.stopAll();
      const gaps = await gapsOf(store);
      for (const node of [...logs, ...inputs]) {
        const balanced = await balance(node, made[node] ?? [], gaps, 'spool-full');
        expect(balanced.lost, ground.told()).toBeGreaterThan(0);
        console.info(node, balanced);
      }
    },
    isFull ? 900_000 : 300_000,
  );

  it(
    'that others filled: a log waits and loses nothing, and of standard input every lost record is counted',
    async () => {
      await begin();
      // room for all that memory holds: nothing is to be dropped
      const [log, plugin] = [spoolOn('log', 16), spoolOn('in', 48)];
      const path = ground.at('logs/audit.log');
      const k8s = createK8sLog(path, random, () => false);
      const input = createPluginInput(8_000);
      const follower = ground.program(
        'log',
        'collect',
        'k8s-audit',
        ...sink,
        '--log',
        path,
        '--spool',
        log.spool,
        '--spool-max',
        '8MiB',
        '--node',
        'log',
      );
      const reader = ground.withInput(
        'in',
        'collect',
        'auditd',
        '--stdin',
        ...sink,
        '--spool',
        plugin.spool,
        '--spool-max',
        '40MiB',
        '--node',
        'in',
      );
      for (const one of [up, follower, reader]) one.start();
      await saying([up], 'Collectors send to');
      await k8s.tick();
      for (let i = 0; i < 10; i++) await input.write(reader.input());
      const newest = async (node: string, digest = '') =>
        ground.until(
          async () => (await storedOf(node)).includes(digest),
          `the newest of ${node} is in the store`,
          ARRIVAL_MS_MAX,
        );
      await newest('log', [...k8s.digests].at(-1));
      await newest('in', input.digests.at(-1));

      for (const { disk } of [log, plugin]) disk.fill();
      for (let i = 0; i < 500; i++) await k8s.tick();
      const beforeBytes = input.bytes();
      while (input.bytes() - beforeBytes < BEYOND_MEMORY_BYTES) await input.write(reader.input());
      await sleep(isFull ? 45_000 : 3_000);
      for (const { disk } of [log, plugin]) disk.clear();
      await saying([follower, reader], 'can be written again');
      await k8s.tick();
      for (let i = 0; i < 10; i++) await input.write(reader.input());
      await newest('log', [...k8s.digests].at(-1));
      await newest('in', input.digests.at(-1));
      const peaks = [follower, reader].map(peakKib);
      await ground.stopAll();

      const gaps = await gapsOf(store);
      const ofLog = await balance('log', [...k8s.digests], gaps, 'none');
      const ofInput = await balance('in', input.digests, gaps, 'spool-unwritable');
      expect(ofLog.lost).toBe(0);
      expect(ofInput.lost).toBeGreaterThan(0);
      console.info(
        'log',
        ofLog,
        'in',
        ofInput,
        `memory at most ${peaks.map((kib) => Math.round(kib / 1024)).join(' and ')} MiB`,
      );
      for (const kib of peaks) expect(kib).toBeLessThan(RSS_KIB_MAX);
    },
    isFull ? 900_000 : 300_000,
  );
});
