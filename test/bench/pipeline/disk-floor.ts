// What the disk alone takes, in the same minutes: no answer that says a record is on disk can come sooner. A file is written to at the pace and
// in the sizes of the batches, each write followed by fdatasync; over zeros that are on disk already, as the spool does it, and as one that grows.
import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DiskFloor {
  over: { p50Ms: number; p99Ms: number };
  growing: { p50Ms: number; p99Ms: number };
}

const FILE_BYTES = 16 * 1024 * 1024;

/** @param writes of each way */
export async function measureDisk(
  parent: string,
  { bytes, everyMs, writes }: { bytes: number; everyMs: number; writes: number },
): Promise<DiskFloor> {
  const directory = join(parent, 'disk-floor');
  mkdirSync(directory);
  const [over, growing] = [await open(join(directory, 'over'), 'w'), await open(join(directory, 'growing'), 'w')];
  try {
    await over.write(Buffer.alloc(FILE_BYTES));
    await over.datasync();
    const raw = Buffer.alloc(bytes, 'x');
    const took = { over: [] as number[], growing: [] as number[] };
    // in turn, so that both meet the same moments
    for (let n = 0; n < writes; n++) {
      took.over.push(await timeOf(over, raw, (n * bytes) % Math.max(1, FILE_BYTES - bytes)));
      await sleep(everyMs / 2);
      took.growing.push(await timeOf(growing, raw, n * bytes));
      await sleep(everyMs / 2);
    }
    return { over: percentiles(took.over), growing: percentiles(took.growing) };
  } finally {
    await over.close();
    await growing.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timeOf(file: FileHandle, raw: Buffer, at: number): Promise<number> {
  const start = performance.now();
  await file.write(raw, 0, raw.length, at);
  await file.datasync();
  return performance.now() - start;
}

function percentiles(tookMs: number[]): { p50Ms: number; p99Ms: number } {
  tookMs.sort((a, b) => a - b);
  const at = (part: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(part * tookMs.length))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
