// Programs that run while they are measured, and the machine beside them: processor time as the kernel counts it, in ticks of 10 ms.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  readonly process: ChildProcess;
  /** So far, of all its threads. */
  cpuSeconds(): number;
  /** The most memory it has held. */
  peakBytes(): number;
  said(): string;
  /** @throws Error when it fails */
  ended(): Promise<void>;
  /** Asks it to end, and waits. @returns all the processor time it took */
  stop(): Promise<number>;
}

// USER_HZ is 100 on every architecture of Linux
const TICKS_PER_SECOND = 100;
const STOP_MS_MAX = 30_000;
const LOOK_MS = 20;
const SAID_CHARACTERS = 4_000;

export const startVestige = (args: readonly string[], input?: number): Running =>
  startProcess(process.execPath, [resolve('dist/vestige.js'), ...args], input);

/** @param input the open file it reads by standard input */
export function startProcess(program: string, args: readonly string[], input?: number): Running {
  const child = spawn(program, args, { stdio: [input ?? 'ignore', 'pipe', 'pipe'] });
  let said = '';
  const hear = (text: string) => {
    said = (said + text).slice(-SAID_CHARACTERS);
  };
  child.stdout?.setEncoding('utf8').on('data', hear);
  child.stderr?.setEncoding('utf8').on('data', hear);
  const ended = new Promise((done, failed) => child.once('error', failed).once('close', done));
  ended.catch(() => undefined); // of a program that is not there: what is read of it says so
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const read = (file: string) => {
    if (isOver()) throw new Error(`${program} ${args.join(' ')} ended: ${said}`);
    return readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  };
  const cpuSeconds = () => cpuSecondsIn(read('stat'));
  return {
    process: child,
    cpuSeconds,
    peakBytes: () => 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(read('status'))?.[1]),
    said: () => said,
    ended: async () => {
      await ended;
      if (child.exitCode !== 0) throw new Error(`${program} failed: ${said}`);
    },
    stop: async () => {
      let last = 0;
      child.kill('SIGTERM');
      for (const deadline = performance.now() + STOP_MS_MAX; !isOver(); await sleep(LOOK_MS)) {
        last = lastOf(last, cpuSeconds);
        if (performance.now() > deadline) child.kill('SIGKILL');
      }
      await ended;
      return last;
    },
  };
}

function lastOf(before: number, cpuSeconds: () => number): number {
  try {
    return cpuSeconds();
  } catch {
    return before; // it has just ended
  }
}

/** @param stat of /proc/PID/stat; the name in it may hold blanks and brackets */
function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) / TICKS_PER_SECOND;
}

/** What all processors of the machine have worked since it started. */
export function busySeconds(): number {
  const [, user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(
    /\s+/,
  );
  return (Number(user) + Number(nice) + Number(system) + Number(irq) + Number(softirq)) / TICKS_PER_SECOND;
}

/** Asks again and again until it is so. @throws Error after `msMax` */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  { everyMs = 50, msMax = 120_000 } = {},
): Promise<void> {
  for (const deadline = performance.now() + msMax; !(await isSo()); await sleep(everyMs))
    if (performance.now() > deadline) throw new Error(`not within ${msMax / 1000} s: ${what}`);
}
