// Other programs that read auditd logs, where they are installed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cost, measure, median } from './measure.ts';

export const isLaurelHere = (): boolean => spawnSync('laurel', ['--version']).error === undefined;

/** Path of a configuration: lines in at stdin, JSON out to a file in the directory, which is made. */
export function writeLaurelConfig(directory: string): string {
  const out = join(directory, 'laurel');
  const config = join(directory, 'laurel.toml');
  // one file, never turned over
  writeFileSync(
    config,
    `directory = "${out}"\n[auditlog]\nfile = "audit.log"\nsize = 1000000000000\ngenerations = 1\n`,
  );
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  return config;
}

/** LAUREL for a whole log; undefined where it is not installed. */
export function measureLaurel(
  log: string,
  directory: string,
  repeat: number,
): { version: string; cost: Cost } | undefined {
  const asked = spawnSync('laurel', ['--version'], { encoding: 'utf8' });
  if (asked.error) return undefined;
  const once = () => measure(['laurel', '--config', writeLaurelConfig(directory)], log);
  const cost = median(Array.from({ length: repeat }, once));
  rmSync(join(directory, 'laurel'), { recursive: true, force: true });
  return { version: `LAUREL ${/\d[\d.]+/.exec(asked.stdout + asked.stderr)?.[0] ?? ''}`.trim(), cost };
}

/** ausearch --format csv, which prints some twenty fields of an event; undefined where it is not installed. */
export function measureAusearch(log: string, repeat: number): Cost | undefined {
  if (spawnSync('ausearch', ['--version']).error) return undefined;
  const once = () => measure(['sh', '-c', 'ausearch --format csv -if "$0" >/dev/null', log]);
  return median(Array.from({ length: repeat }, once));
}
