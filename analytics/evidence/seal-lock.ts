// One sealer at a time: two would give the same number to different segments. On a directory of this host a lock file
// tells them apart, by the process that holds it; a server has no such place, there the operator runs one sealer.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/store.ts';

/** Another process seals this store now. */
export class SealBusyError extends Error {
  override readonly name = 'SealBusyError';
}

export async function withSealLock<T>(store: Store, work: () => Promise<T>): Promise<T> {
  if (store.directory === undefined) return work();
  const path = takeLock(store.directory);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function takeLock(directory: string): string {
  mkdirSync(join(directory, 'keys'), { recursive: true, mode: 0o700 });
  const path = join(directory, 'keys', 'seal.lock');
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${process.pid} ${startOf(process.pid)}`, { mode: 0o600 });
  try {
    if (!place(draft, path)) {
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new SealBusyError(`process ${holder.pid} is sealing this store; try again when it is done`);
      }
      rmSync(path, { force: true }); // a killed sealer's
      if (!place(draft, path)) throw new SealBusyError('another process is sealing this store; try again later');
    }
    return path;
  } finally {
    rmSync(draft, { force: true });
  }
}

// A link is made whole or not at all, so a lock always names its holder.
function place(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

interface Holder {
  pid: number;
  /** When it started, in the kernel's ticks; '' where the system does not tell. */
  started: string;
}

function readHolder(path: string): Holder | undefined {
  try {
    const [pid = '', started = ''] = readFileSync(path, 'utf8').split(' ');
    return { pid: Number(pid), started };
  } catch {
    return undefined;
  }
}

// A number alone says nothing: in a container every process that seals may have the number of the one killed before.
function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(pid) === started;
}

/** Field 22 of /proc/PID/stat; the name of the program before it may hold spaces and brackets. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
