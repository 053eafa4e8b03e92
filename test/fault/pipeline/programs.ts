// Programs that are killed and started again, as a supervisor does.
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
  /** Asks it to end. */
  stop(): Promise<Ended>;
  said(): string;
}

export function createProgram(name: string, args: readonly string[]): Program {
  let running: ReturnType<typeof start> | undefined;
  let before = '';
  const program: Program = {
    name,
    kills: 0,
    start: () => {
      running = start(args);
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
