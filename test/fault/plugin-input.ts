// Events as auditd hands them to its plugin, by standard input.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { digestOf } from './ground.ts';

export interface PluginInput {
  /** In the order they were made. */
  readonly digests: readonly string[];
  /** About so many were written. */
  bytes(): number;
  write(to: Writable): Promise<void>;
}

// Others that write a log of the same node count from one.
const FIRST_SERIAL = 1_000_000;

/** @param bytes about so long is an event */
export function createPluginInput(bytes: number, now: () => number = Date.now): PluginInput {
  const digests: string[] = [];
  const filler = 'x'.repeat(bytes);
  return {
    digests,
    bytes: () => digests.length * bytes,
    write: async (to) => {
      const id = `audit(${(now() / 1000).toFixed(3)}:${FIRST_SERIAL + digests.length})`;
      const lines = [`type=SYSCALL msg=${id}: syscall=59 exe="${filler}"`, `type=PROCTITLE msg=${id}: proctitle="sh"`];
      digests.push(digestOf(lines.join('\n')));
      if (!to.write(lines.map((line) => `${line}\n`).join(''))) await once(to, 'drain');
    },
  };
}
