// When a collector of a log has read all of it.
import { statSync } from 'node:fs';
import type { Program } from '../../transport/https/test-support/start-program.ts';

const MS_MAX = 60_000;

/** Resolves once a collector process (collector-process.ts) has a checkpoint at the end of a log's live file. */
export async function readUpToEnd(program: Program, path: string): Promise<void> {
  const deadline = Date.now() + MS_MAX;
  while (Date.now() < deadline) {
    // ignored until it listens
    const asking = setInterval(() => program.process.kill('SIGWINCH'), 200);
    const { position } = (await program.line()) as { position?: { known: { id: string }; offset: number } };
    clearInterval(asking);
    const { dev, ino, size } = statSync(path, { bigint: true });
    if (position?.known.id === `${dev}:${ino}` && BigInt(position.offset) === size) return;
  }
  throw new Error(`${path} was not read to its end within ${MS_MAX} ms`);
}
