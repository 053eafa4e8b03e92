// What a collector says of the node it runs on: which boot, for how long, and how good its clock is.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { promisify } from 'node:util';
import type { ClockState } from './notices.ts';

/** The kernel's id of this boot; empty where there is none. */
export function readBootId(procRoot = '/proc'): string {
  try {
    return readFileSync(`${procRoot}/sys/kernel/random/boot_id`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Seconds since the boot, by a clock that nobody sets. */
export const uptimeS = (): number => uptime();

const ANSWER_MS_MAX = 1_000;
const run = promisify(execFile);
// Where distributions put it. Looked for first: to start a program that is not there holds up this process as long as one that is, some ten
// milliseconds on a busy node, and an API server may be waiting.
const CHRONYC = ['/usr/bin/chronyc', '/usr/sbin/chronyc', '/usr/local/bin/chronyc'];
// Reference ID, address, stratum, reference time, system time offset, ..., root delay, root dispersion, ..., leap status.
const CHRONY = { rootDelay: 10, rootDispersion: 11, leap: 13 } as const;

/** As chrony or systemd-timesyncd tell; `unknown` where neither does (in a container, mostly). */
export async function readClockState(): Promise<ClockState> {
  const chronyc = CHRONYC.find((path) => existsSync(path));
  try {
    if (chronyc !== undefined)
      return chronyState((await run(chronyc, ['-c', 'tracking'], { timeout: ANSWER_MS_MAX })).stdout);
  } catch {
    // it does not run
  }
  if (!existsSync('/run/systemd/timesync')) return { clock: 'unknown', clock_error_us: -1 };
  const isSynchronised = existsSync('/run/systemd/timesync/synchronized');
  return { clock: isSynchronised ? 'synchronised' : 'unsynchronised', clock_error_us: -1 };
}

/** Of the line `chronyc -c tracking` prints. The error is its bound: root dispersion and half the root delay. */
export function chronyState(line: string): ClockState {
  const fields = line.trim().split(',');
  const [delayS, dispersionS] = [Number(fields[CHRONY.rootDelay]), Number(fields[CHRONY.rootDispersion])];
  const errorUs = Math.round((delayS / 2 + dispersionS) * 1e6);
  return {
    clock: fields[CHRONY.leap] === 'Not synchronised' ? 'unsynchronised' : 'synchronised',
    clock_error_us: Number.isFinite(errorUs) ? errorUs : -1,
  };
}
