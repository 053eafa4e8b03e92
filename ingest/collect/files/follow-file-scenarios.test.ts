// A followed log, whatever is done to it in whatever order: what was written is delivered once, in order.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createReader } from '../test-support/follow-reader.ts';
import { createWrittenLog, type WrittenLog } from '../test-support/written-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-follow-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let logs = 0;
function newLog(): WrittenLog {
  const place = join(directory, String(++logs));
  mkdirSync(place);
  return createWrittenLog(join(place, 'audit.log'));
}

type Step =
  | { do: 'write'; bytes: number; newline: boolean }
  | { do: 'rotate'; late: boolean }
  | { do: 'copy-truncate' | 'truncate' | 'compress' | 'kill' | 'look' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      bytes: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 3_000 }) }, fc.constant(300_000)),
      newline: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rotate' as const), late: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'look' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('copy-truncate' as const, 'truncate' as const, 'compress' as const) }),
  },
);
interface Scenario {
  steps: readonly Step[];
  dated: boolean;
  commitEvery: number;
}
const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(step, { minLength: 4, maxLength: 25 }),
  dated: fc.boolean(),
  commitEvery: fc.integer({ min: 1, max: 3 }),
});

async function play({ steps, dated, commitEvery }: Scenario): Promise<void> {
  const log = newLog();
  let n = 0;
  const some = (bytes: number, newline = true) =>
    Buffer.from(`${++n} of log ${logs} ${String(n).repeat(bytes).slice(0, bytes)}${newline ? '\n' : ''}`);
  // never empty when it is rotated or read first: an empty file is known by nothing
  log.write(some(80));
  const reader = createReader(log.path, commitEvery);
  await reader.caughtUp(log);
  let running = true;
  const ensureCaughtUp = async () => {
    if (!running) reader.start();
    running = true;
    await reader.caughtUp(log);
  };
  for (const at of steps) {
    if (at.do === 'write') log.write(some(at.bytes, at.newline));
    else if (at.do === 'rotate') {
      if (dated) log.rotateDated();
      else log.rotateNumbered(at.late ? some(50) : '');
      log.write(some(80));
    } else if (at.do === 'compress') log.compressOldest();
    else if (at.do === 'kill') {
      if (running) await reader.kill();
      else reader.start();
      running = !running;
    } else if (at.do === 'look') await sleep(30);
    else {
      // what was not read before is lost: that is no fault of the follower
      if (at.do === 'truncate' || dated) {
        await ensureCaughtUp();
        await reader.allCommitted();
      }
      if (at.do === 'truncate' || dated) log.truncate();
      else log.copyTruncate();
      log.write(some(80));
    }
  }
  await ensureCaughtUp();
  const truncated = steps.some((at) => at.do === 'truncate' || at.do === 'copy-truncate');
  if (!truncated) expect(reader.gaps).toEqual([]);
  await reader.kill();
}

// run with VESTIGE_SCENARIOS=2000 for longer
const SCENARIOS = Number(process.env['VESTIGE_SCENARIOS'] ?? 60);

describe('whatever is done to a log', () => {
  const seed = Number(process.env['VESTIGE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  it(`what was written is delivered, once and in order (seed ${seed})`, async () => {
    const scenarios = fc.sample(scenario, { seed, numRuns: SCENARIOS });
    const failures: unknown[] = [];
    const next = scenarios.values();
    const work = async () => {
      for (const one of next)
        await play(one).catch((error: Error) => failures.push({ ...one, error: error.message.slice(0, 1500) }));
    };
    await Promise.all(Array.from({ length: 12 }, work));
    expect(JSON.stringify(failures[0]), `${failures.length} of ${scenarios.length}`).toBeUndefined();
  });
});
