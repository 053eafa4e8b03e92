// Programs that are killed and started again, as a supervisor does.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ended, start } from '../../support/vestige.ts';

export interface Program {
  readonly name: string;
  kills: number;
  start(): void;
  /** kill -9, and again after `ms`. */
  killAndRestart(ms: number): Promise<void>;
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
    killAndRestart: async (ms) => {
      const was = running;
      if (was === undefined) return;
      was.process.kill('SIGKILL');
      const { err } = await was.ended;
      before += err;
      program.kills++;
      await sleep(ms);
      program.start();
    },
    stop: async () => {
      if (running === undefined) throw new Error(`${name} does not run`);
      running.process.kill('SIGTERM');
      return running.ended;
    },
    said: () => before + (running?.err() ?? ''),
  };
  return program;
}
