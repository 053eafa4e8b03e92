// A small disk of its own (tmpfs), to be filled. Needs root, and a machine that lets it mount.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly directory: string;
  /** A file takes all that is left: nothing can be written any more. */
  fill(): void;
  /** That file goes. */
  clear(): void;
  unmount(): void;
}

const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' });

/** Says on the console why none can be had. Where CI=true, suites do not skip: they fail. */
export function isAvailable(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-disk-'));
  try {
    mountSmallDisk(directory, 1).unmount();
    return true;
  } catch (error) {
    console.warn(`no small disk for tests: ${(error as Error).message}`);
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @throws Error when it cannot be mounted */
export function mountSmallDisk(directory: string, mebibytes: number): SmallDisk {
  mkdirSync(directory, { recursive: true });
  const { status, stderr, error } = mount('-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory);
  if (status !== 0) throw new Error(`mount: ${stderr || error?.message}`);
  const hog = join(directory, 'hog');
  return {
    directory,
    fill: () => {
      const file = openSync(hog, 'w');
      for (const bytes of [64 * 1024, 4096, 1]) while (wrote(file, bytes));
      closeSync(file);
    },
    clear: () => rmSync(hog, { force: true }),
    // lazily: whoever still has a file open there keeps it until he ends
    unmount: () => void spawnSync('umount', ['--lazy', directory]),
  };
}

function wrote(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes, 1)) > 0;
  } catch {
    return false;
  }
}
