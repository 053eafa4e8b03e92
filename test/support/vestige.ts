// The built program as a process of its own, as users run it (npm test builds it first).
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

const PROGRAM = resolve(process.env['VESTIGE_PROGRAM'] ?? 'dist/vestige.js');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Starts the program; the promise ends with it. */
export function start(
  args: readonly string[],
  input: 'ignore' | 'pipe' = 'ignore',
): { process: ChildProcess; ended: Promise<Ended>; err: () => string } {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: [input, 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (err += text));
  const ended = new Promise<Ended>((done, failed) => {
    child.once('error', failed).once('close', (code, signal) => done({ code, signal, out, err }));
  });
  return { process: child, ended, err: () => err + out };
}

export const vestige = (...args: string[]): Promise<Ended> => start(args).ended;
