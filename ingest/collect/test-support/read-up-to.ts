// How far a collector process (collector-process.ts) is.
import { statSync } from 'node:fs';
import type { Program } from '../../transport/https/test-support/start-program.ts';

const MS_MAX = 60_000;

/** Its latest committed checkpoint; empty before the first. */
export async function checkpointOf(program: Program): Promise<Record<string, unknown>> {
  // ignored until it listens
  const asking = setInterval(() => program.process.kill('SIGWINCH'), 200);
  try {
    return await program.line();
  } finally {
    clearInterval(asking);
  }
}

/** Resolves once it has a checkpoint at the end of a log's live file. */
export async function readUpToEnd(program: Program, path: string): Promise<void> {
  const deadline = Date.now() + MS_MAX;
  while (Date.now() < deadline) {
    const { position } = (await checkpointOf(program)) as { position?: { known: { id: string }; offset: number } };
    const { dev, ino, size } = statSync(path, { bigint: true });
    if (position?.known.id === `${dev}:${ino}` && BigInt(position.offset) === size) return;
  }
  throw new Error(`${path} was not read to its end within ${MS_MAX} ms`);
}
