// npm run fuzz [-- --lines N] [-- --seed S]: a million mutated lines; exit code 1 when anything is wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: { lines: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '4' } },
});
const [lines, seed] = [Number(values.lines), Number(values.seed)];
const directory = mkdtempSync(join(tmpdir(), 'vestige-fuzz-'));
const start = Date.now();
process.stdout.write(`seed ${seed}, ${lines} lines, in ${directory}\n`);
const { problems, ...figures } = await fuzz({
  lines,
  seed,
  directory,
  recordings: ['web-to-cluster', 'poisoned-image', 'quiet-day'].map((name) => `test/fixtures/recordings/${name}`),
  onFile: (done) => process.stderr.isTTY && process.stderr.write(`\r${done} lines`),
});
const told = Object.entries(figures).map(([name, n]) => `${n} ${name.replace('_', ' ')}`);
const peak = Math.round(process.resourceUsage().maxRSS / 1000);
process.stdout.write(`${told.join(', ')} in ${Math.round((Date.now() - start) / 1000)} s, peak ${peak} MB\n`);
for (const problem of problems) process.stdout.write(`problem: ${problem}\n`);
if (problems.length === 0) {
  rmSync(directory, { recursive: true, force: true });
  process.stdout.write('the books balance, the store is whole\n');
} else process.exitCode = 1;
