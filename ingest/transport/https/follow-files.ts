// Certificates, keys and tokens are files that others replace while we run: cert-manager, a Kubernetes secret, an operator. They are read
// again and again and compared. Watching would be cheaper, but sees neither the links that a mounted secret swaps nor network disks.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { HttpsSetupError } from './setup-error.ts';

/** A rotated secret holds the old value for minutes, never for seconds; a few kilobytes every ten seconds cost nothing. */
const EVERY_MS = 10_000;

export interface Followed<T> {
  current(): T;
  stop(): void;
}

interface FollowOptions<T> {
  onChange?: (value: T) => void;
  say: (text: string) => void;
  everyMs?: number;
}

/**
 * What `parse` makes of the files, now and whenever they change. What cannot be read or parsed later leaves the former value in force, for
 * a certificate and its key are two files and never change at once.
 * @throws HttpsSetupError when they cannot be read or parsed now
 */
export function followFiles<T>(
  paths: readonly string[],
  parse: (contents: Buffer[]) => T,
  { onChange, say, everyMs = EVERY_MS }: FollowOptions<T>,
): Followed<T> {
  let contents = paths.map(readNow);
  let value = parseNow(paths, contents, parse);
  let trouble = '';
  const look = async () => {
    try {
      const read = await Promise.all(paths.map((path) => readFile(path)));
      if (read.every((bytes, i) => bytes.equals(contents[i] as Buffer))) return;
      value = parse(read);
      contents = read;
      trouble = '';
      onChange?.(value);
      say(`${paths.join(', ')}: read again`);
    } catch (error) {
      const now = `${paths.join(', ')}: ${(error as Error).message}; what was read before stays in force`;
      if (now !== trouble) say(now);
      trouble = now;
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return; // a disk that hangs
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, everyMs);
  timer.unref();
  return { current: () => value, stop: () => clearInterval(timer) };
}

function readNow(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new HttpsSetupError('file', `${path}: ${(cause as Error).message}`, { cause });
  }
}

function parseNow<T>(paths: readonly string[], contents: Buffer[], parse: (contents: Buffer[]) => T): T {
  try {
    return parse(contents);
  } catch (cause) {
    throw new HttpsSetupError('file', `${paths.join(', ')}: ${(cause as Error).message}`, { cause });
  }
}
