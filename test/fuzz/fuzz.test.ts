// A short form of `npm run fuzz`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { RECORDING } from '../support/recording.ts';
import { fuzz } from './fuzz.ts';
import { createChance, mutate } from './mutate.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-fuzz-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('twenty thousand mutated lines are imported, the books balance and the store is whole', async () => {
  const done = await fuzz({ lines: 20_000, seed: 1, directory, recordings: [RECORDING] });
  expect(done.problems).toEqual([]);
  expect(done.lines).toBeGreaterThanOrEqual(20_000);
  expect(done.dead_letters).toBeGreaterThan(1000);
  expect(done.records - done.dead_letters).toBeGreaterThan(3000);
});

it('the same seed gives the same lines', () => {
  const line = Buffer.from('type=SYSCALL msg=audit(1795439390.632:1): arch=c000003e');
  const some = (seed: number) => {
    const chance = createChance(seed);
    return Array.from({ length: 200 }, () => mutate(line, chance, line).toString('hex'));
  };
  expect(some(7)).toEqual(some(7));
  expect(some(7)).not.toEqual(some(8));
});
