// A program run to its end as a process of its own, and what it took: processor time of the process with all its threads
// (the shell's `times`), elapsed time, and for node programs the most memory it held.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Cost {
  cpuSeconds: number;
  wallSeconds: number;
  /** 0 where it was not asked for. */
  peakBytes: number;
  out: string;
}

/** @throws Error when the program fails, with what it wrote */
export function measure(command: readonly string[], stdin?: string): Cost {
  // what the program writes goes to stderr, so that stdout holds the shell's figures alone
  const redirect = stdin === undefined ? '' : '<"$STDIN"';
  const start = performance.now();
  const run = spawnSync('sh', ['-c', `"$@" ${redirect} >&2 || exit 9; times`, 'sh', ...command], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, STDIN: stdin ?? '' },
  });
  const wallSeconds = (performance.now() - start) / 1000;
  if (run.status !== 0) throw new Error(`${command.join(' ')} failed: ${run.stderr.slice(-2000)}`);
  const ofChildren = run.stdout.trim().split('\n').at(-1) ?? '';
  const cpuSeconds = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (s, m) => s + Number(m[1]) * 60 + Number(m[2]),
    0,
  );
  return { cpuSeconds, wallSeconds, peakBytes: 0, out: run.stderr };
}

export function measureNode(program: string, args: readonly string[]): Cost {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-peak-'));
  const peak = join(directory, 'peak');
  process.env['VESTIGE_BENCH_PEAK'] = peak;
  try {
    const cost = measure([process.execPath, '--import', resolve('test/bench/peak.mjs'), program, ...args]);
    return { ...cost, peakBytes: Number(readFileSync(peak, 'utf8')) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const median = (costs: readonly Cost[]): Cost => {
  const sorted = [...costs].sort((a, b) => a.cpuSeconds - b.cpuSeconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return { ...middle, peakBytes: Math.max(...costs.map((c) => c.peakBytes)) };
};
