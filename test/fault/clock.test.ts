// The clock of a node is set by hours, forward and back, while its collectors run and their sink is away: nothing is dropped for its age, records
// keep their order, each step is told, and no silence that was none. VESTIGE_FAULTS=full: more steps, by days too.
import { writeFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../../ingest/transport/https/test-support/certificates.ts';
import { type Program, startProgram } from '../../ingest/transport/https/test-support/start-program.ts';
import { freePort } from '../support/free-port.ts';
import { createRandom } from '../support/random.ts';
import type { ClockedCollectorOptions } from './clock/clocked-collector.ts';
import { createGround, following, isFull, makeRecords, saying } from './ground.ts';
import { createAuditLog, createK8sLog } from './pipeline/sources.ts';
import { createPluginInput } from './plugin-input.ts';
import { allThere, type Gap, gapsOf, reckon, storeAt, typedRows } from './reckoning.ts';

const HOUR_MS = 3_600_000;
const PROGRAM = new URL('./clock/clocked-collector.ts', import.meta.url);
const TOKEN = 'a-token-of-the-test-0123456789';
// A step is seen at the next heartbeat, ten seconds later at most; on a busy machine a little more.
const SEEN_MS = 11_000;
// It is measured between two readings of two clocks.
const STEP_ERROR_MS = 500;
const HEARTBEAT_MS = 10_000;
const random = createRandom();
const STEPS_MS = isFull
  ? [3, -5, 24 * 30, -24 * 30, -9, 1, -1, 11].map((hours) => hours * HOUR_MS)
  : [3 * HOUR_MS, -5 * HOUR_MS];

describe(`a clock that is set ${STEPS_MS.length} times (seed ${random.seed})`, () => {
  const ground = createGround('clock');
  const { at } = ground;
  const store = storeAt(`embedded:${at('store')}`);
  let isFollowed = false;
  let wrongMs = 0;
  const now = () => Date.now() + wrongMs;
  const setBy = (ms: number) => {
    wrongMs += ms;
    writeFileSync(at('clock'), String(wrongMs));
  };
  const k8s = createK8sLog(at('logs/audit.log'), random, () => isFollowed);
  const auditd = createAuditLog(at('auditd/audit.log'), random, () => isFollowed, now);
  const input = createPluginInput(300, now);
  const collectors: Record<string, Program> = {};
  let up: ReturnType<typeof ground.program>;
  /** By the clock that is set: before the first step, and after each. */
  const steps: { beforeMs: number; afterMs: number }[] = [];
  let ranMs = 0;
  let gaps: Gap[] = [];

  beforeAll(
    async () => {
      const authority = createAuthority(ground.directory);
      const { cert, key } = authority.issue('here', ['IP:127.0.0.1']);
      writeFileSync(at('token'), `${TOKEN}\n`);
      setBy(0);
      const port = await freePort();
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
      const start = async (name: string, kind: ClockedCollectorOptions['kind'], log?: string) => {
        const options: ClockedCollectorOptions = {
          ...{
            kind,
            ...(log === undefined ? {} : { log }),
            to: `https://127.0.0.1:${port}?ca=${authority.ca}`,
            token: TOKEN,
          },
          // by a clock on the wall all of it would soon be too old
          ...{ spool: at(name), name: `${name}@worker-1`, ageMsMax: HOUR_MS, clock: at('clock') },
        };
        collectors[name] = await startProgram(PROGRAM, options, ground.directory);
      };
      const startedMs = Date.now();
      await start('k8s-audit', 'k8s-audit', at('logs/audit.log'));
      await start('auditd', 'auditd', at('auditd/audit.log'));
      await start('audisp', 'auditd');
      const plugin = {
        digests: new Set<string>(),
        tick: async () => input.write(collectors['audisp']?.process.stdin as Writable),
        close: () => {},
      };
      const making = makeRecords([k8s, auditd, plugin]);
      await following(['k8s-audit', 'auditd', 'audisp'].map(at));
      isFollowed = true;
      await sleep(1_000);
      for (const step of STEPS_MS) {
        const beforeMs = now();
        setBy(step);
        steps.push({ beforeMs, afterMs: now() });
        await sleep(SEEN_MS);
      }
      await making.end();
      ranMs = Date.now() - startedMs;
      up.start();
      await saying([up], 'Collectors send to');
      await store.arrival(new Set([...k8s.digests, ...auditd.digests, ...input.digests]));
      for (const one of Object.values(collectors)) {
        one.process.kill('SIGTERM');
        await one.ended;
      }
      await ground.stopAll();
      gaps = await gapsOf(store);
    },
    STEPS_MS.length * SEEN_MS + 200_000,
  );
  afterAll(async () => {
    for (const one of Object.values(collectors)) one.process.kill('SIGKILL');
    await ground.remove();
  });

  it('loses and doubles nothing, and no record changes its place', async () => {
    const made = new Set([...k8s.digests, ...auditd.digests, ...input.digests]);
    expect(await reckon(store, made)).toEqual(allThere(made));
    const { size } = auditd.digests;
    expect(await typedRows(store)).toEqual({ k8s: k8s.digests.size, auditd: size + input.digests.length, united: 0 });
    const inOrder = async (collector: string) => {
      const rows = await store.ask(`SELECT lower(hex(digest)) AS d FROM records FINAL
        WHERE source != 'collector' AND collector = '${collector}@worker-1' ORDER BY seq`);
      return rows.map(({ d }) => String(d));
    };
    expect(await inOrder('k8s-audit')).toEqual([...k8s.digests]);
    expect(await inOrder('auditd')).toEqual([...auditd.digests]);
    expect(await inOrder('audisp')).toEqual(input.digests);
    console.info(
      `seed ${random.seed}: ${made.size} records compared, ${STEPS_MS.length} steps; 0 lost, 0 doubled, 0 displaced`,
    );
  });

  it.each(['k8s-audit', 'auditd', 'audisp'])(
    'is told by %s with its size and interval, and nothing else is',
    (name) => {
      const told = gaps.filter(({ collector }) => collector === `${name}@worker-1`);
      expect(told.filter(({ kind, missing }) => kind !== 'clock-stepped' || missing !== 0)).toEqual([]);
      expect(told).toHaveLength(steps.length);
      const sizes = told.map(({ detail }) => Number(/ by (-?\d+) ms/.exec(detail)?.[1]));
      for (const [i, step] of STEPS_MS.entries()) {
        const n = sizes.findIndex((size) => Math.abs(size - step) < STEP_ERROR_MS);
        expect(n, `${step} among ${sizes}`).not.toBe(-1);
        const { first_seen, last_seen } = told[n] as Gap;
        const { beforeMs, afterMs } = steps[i] as (typeof steps)[number];
        const [from, to] = [Date.parse(first_seen), Date.parse(last_seen)];
        // from the heartbeat before it to the one after it
        const [least, most] = [Math.min(beforeMs, afterMs), Math.max(beforeMs, afterMs)];
        expect(Math.abs(from - least)).toBeLessThan(SEEN_MS + HEARTBEAT_MS);
        expect(Math.abs(to - most)).toBeLessThan(SEEN_MS + HEARTBEAT_MS);
        sizes[n] = Number.NaN;
      }
    },
  );

  it('stops no heartbeat', async () => {
    const rows = await store.ask(
      `SELECT collector, count() AS n FROM collector_notices FINAL WHERE kind = 'heartbeat' GROUP BY collector`,
    );
    expect(rows).toHaveLength(3);
    for (const { n } of rows) expect(Number(n)).toBeGreaterThanOrEqual(Math.floor(ranMs / HEARTBEAT_MS) - 1);
  });
});
