// How many auditd events find their container, by method, by lifetime of the container, and with a part of the records taken away.
// npm run bench:attribution [-- DIRECTORY...] [-- --mode MODE]: recordings with attribution.tsv; the samples where none is named.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mode, modes, openRecording } from './modes.ts';
import type { Score, Tally } from './score.ts';

const SAMPLES = 'test/fixtures/recordings';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { mode: { type: 'string' } } });
const hasTruth = (path: string) =>
  ['attribution.tsv', 'attribution.tsv.zst'].some((name) => existsSync(join(path, name)));
const within = (path: string) =>
  hasTruth(path)
    ? [path]
    : readdirSync(path)
        .map((n) => join(path, n))
        .filter(hasTruth);

const row = (name: string, { right, wrong, missing }: Tally) =>
  `  ${name.padEnd(44)} right ${String(right).padStart(6)}  wrong ${String(wrong).padStart(5)}  missing ${String(missing).padStart(5)}`;

function print(mode: string, seconds: number, s: Score): void {
  const percent = `${(s.share * 100).toFixed(3)} %`;
  process.stdout.write(`${row(mode, s)}  ${percent}  of the node ${s.hostFalse}/${s.host} `);
  if (s.absent > 0) process.stdout.write(` not in the store ${s.absent} `);
  process.stdout.write(` confidently wrong ${s.confidentlyWrong}  (${seconds.toFixed(1)} s)\n`);
  for (const [name, tallies] of [
    ['lifetime', s.byLifetime],
    ['method', s.byMethod],
  ] as const)
    for (const [key, tally] of [...tallies].sort()) process.stdout.write(`${row(`  ${name} ${key}`, tally)}\n`);
}

let failed = false;
for (const directory of (positionals.length > 0 ? positionals : [SAMPLES]).flatMap(within)) {
  process.stdout.write(`${basename(directory)}\n`);
  const recorded = await openRecording(directory);
  for (const mode of values.mode === undefined ? modes : [values.mode as Mode]) {
    const begun = performance.now();
    const s = await recorded.scoreIn(mode);
    print(mode, (performance.now() - begun) / 1000, s);
    failed ||= s.confidentlyWrong > 0 || s.hostFalse > 0 || (mode === 'whole' && (s.share < 0.995 || s.wrong > 0));
  }
  await recorded.close();
}
process.exitCode = failed ? 1 : 0;
