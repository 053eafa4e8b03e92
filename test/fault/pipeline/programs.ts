// Programs that are killed and started again, as a supervisor does.
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ended, start } from '../../support/vestige.ts';

export interface Program {
  readonly name: string;
  kills: number;
  start(): void;
  /** kill -9, and again after `ms`. */
  killAndRestart(ms: number): Promise<void>;
  /** kill -9, and nothing more. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  pid(): number;
  /** Its standard input. */
  input(): Writable;
  /** Asks it to end. */
  stop(): Promise<Ended>;
  said(): string;
}

/** @param input whether its standard input is a pipe that the test writes to */
export function createProgram(name: string, args: readonly string[], input: 'ignore' | 'pipe' = 'ignore'): Program {
  let running: ReturnType<typeof start> | undefined;
  let before = '';
  const program: Program = {
    name,
    kills: 0,
    start: () => {
      running = start(args, input);
    },
    kill: async () => {
      const was = running;
      if (was === undefined) return;
      running = undefined;
      was.process.kill('SIGKILL');
      await was.ended;
      before += was.err();
      program.kills++;
    },
    killAndRestart: async (ms) => {
      if (running === undefined) return;
      await program.kill();
      await sleep(ms);
      program.start();
    },
    signal: (signal) => void running?.process.kill(signal),
    input: () => {
      if (!running?.process.stdin) throw new Error(`${name} has no input`);
      return running.process.stdin;
    },
    pid: () => running?.process.pid ?? 0,
    stop: async () => {
      if (running === undefined) throw new Error(`${name} does not run`);
      const was = running;
      running = undefined;
      was.process.kill('SIGTERM');
      const ended = await was.ended;
      before += was.err();
      return ended;
    },
    said: () => before + (running?.err() ?? ''),
  };
  return program;
}
