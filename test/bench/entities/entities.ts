// Entities made from nothing, from twice as much, and after ten thousand events more.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { generateFile } from '../generate/generate.ts';
import type { Kind } from '../generate/shapes.ts';
import { type Line, noteLine, ratioLine } from '../report.ts';

/** As in the recordings: what one auditd event comes with. */
const PER_AUDITD_EVENT: Record<Kind, number> = { auditd: 1, k8s: 0.16, runtime: 0.075 };
const MORE = 10_000;
const SECONDS_MAX = 60;
const DOUBLE_MOST = 2.2;
const INCREMENT_SECONDS_MAX = 1;

interface Made {
  seconds: number;
  processes: number;
  peakMB: number;
}

/** @param events of auditd; the others in proportion */
export function measureEntities(events: number, directory: string, program: string): Line[] {
  const store = join(directory, 'entities');
  const fill = (count: number) => fillStore(program, store, count, directory);
  const make = (): Made =>
    JSON.parse(
      runProgram(['test/bench/start.mjs', 'entities', `embedded:${store}`])
        .trim()
        .split('\n')
        .at(-1) ?? '',
    );
  const told = ({ seconds, processes, peakMB }: Made) =>
    `${seconds.toFixed(1)} s, ${processes} processes, peak ${peakMB} MB`;

  fill(events / 2);
  const half = make();
  rmSync(store, { recursive: true });
  fill(events);
  const whole = make();
  // what is there already is told by its digests: only the rest comes in
  fill(events + MORE);
  const more = make();
  rmSync(store, { recursive: true });
  return [
    noteLine(`entities: of ${events / 2} auditd events`, told(half)),
    ratioLine(
      `entities: seconds for ${events} auditd events`,
      whole.seconds,
      (SECONDS_MAX * events) / 1_000_000,
      told(whole),
    ),
    ratioLine('entities: twice the events', whole.seconds / half.seconds, DOUBLE_MOST),
    ratioLine(`entities: seconds for ${MORE} events more`, more.seconds, INCREMENT_SECONDS_MAX, told(more)),
  ];
}

/** Generated records of all three layers into a store, in proportion. @param events of auditd */
export function fillStore(program: string, store: string, events: number, directory: string): void {
  for (const kind of ['runtime', 'k8s', 'auditd'] as const) {
    const path = join(directory, `${kind}.log`);
    const options = { kind, events: Math.round(events * PER_AUDITD_EVENT[kind]), seed: 1 };
    generateFile(path, { ...options, fixtures: 'test/fixtures/recordings' });
    runProgram([program, '--store', `embedded:${store}`, 'ingest', path]);
    rmSync(path);
  }
}

export function runProgram(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr.slice(-2000)}`);
  return stdout;
}
