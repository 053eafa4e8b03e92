// The files of one log: the live one and those it was rotated to, in the order they were written.
// auditd and logrotate: audit.log.1, audit.log.2.gz (the higher, the older); logrotate's dateext: audit.log-20261126; kube-apiserver
// (lumberjack): audit-2026-11-26T10-00-00.000.log, .log.gz.
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { type Fingerprint, fingerprintOf, isOf, readHead, SURE_BYTES } from './fingerprint.ts';

export interface LogFile {
  path: string;
  /** `dev:inode` */
  id: string;
  size: number;
  compressed: boolean;
  live: boolean;
}

/** A file as it was known before. */
export interface KnownFile {
  id: string;
  head: Fingerprint;
}

/** Oldest first, the live one last. Rotations may go on meanwhile: `isSameFamily` tells whether it still holds. */
export function listFamily(path: string): LogFile[] {
  const directory = dirname(path);
  const names = namesIn(directory);
  const namedBy = rotationsOf(basename(path));
  const byAge = new Map<string, { name: string; compressed: boolean }>();
  for (const name of names) {
    const named = namedBy(name);
    // while it is compressed it is there twice: the uncompressed one is whole
    if (named && (!named.compressed || !byAge.has(named.order))) byAge.set(named.order, { name, ...named });
  }
  const rotated = [...byAge].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  const all = [...rotated, { name: basename(path), compressed: false }];
  return all.flatMap(({ name, compressed }, i) => {
    const file = fileAt(join(directory, name));
    return file ? [{ path: join(directory, name), ...file, compressed, live: i === rotated.length }] : [];
  });
}

// one that is not there, or may not be listed, has at most the live file
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

export const knownOf = ({ path, id, compressed }: LogFile): KnownFile => ({
  id,
  head: fingerprintOf(readHead(path, compressed)),
});

/** Undefined when there is none, or nothing that can be read as a file. @throws the file system's error otherwise */
export function fileAt(path: string): { id: string; size: number } | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isFile() ? { id: `${found.dev}:${found.ino}`, size: Number(found.size) } : undefined;
}

export const isSameFamily = (a: readonly LogFile[], b: readonly LogFile[]): boolean =>
  a.length === b.length && a.every(({ id, path }, i) => id === b[i]?.id && path === b[i]?.path);

/** Where a known file stands in its family: by inode and first bytes, else (copied, compressed) by first bytes alone; else -1. */
export function indexOf(family: readonly LogFile[], { id, head }: KnownFile): number {
  const isIt = (file: LogFile) => isOf(readHead(file.path, file.compressed), head);
  const same = family.findIndex((file) => file.id === id);
  if (same !== -1 && isIt(family[same] as LogFile)) return same;
  if (head.bytes < SURE_BYTES) return -1;
  return family.findLastIndex((file) => file.id !== id && isIt(file));
}

/**
 * What was written after a file that was read. When it is gone, what came after the one before it; when that is gone too, all there is:
 * rotation takes the oldest first.
 */
export function newerThan(
  family: readonly LogFile[],
  known: KnownFile,
  before: KnownFile | undefined,
): { files: readonly LogFile[]; after: 'known' | 'before' | 'unknown' } {
  const at = indexOf(family, known);
  if (at !== -1) return { files: family.slice(at + 1), after: 'known' };
  const atBefore = before === undefined ? -1 : indexOf(family, before);
  return { files: family.slice(atBefore + 1), after: atBefore === -1 ? 'unknown' : 'before' };
}

const COMPRESSED = /\.(?:gz|zst)$/;
// lower than any number of a rotated file
const DATED = '0';
const NUMBERED = '1';
const NUMBER_MAX = 99_999;

/** How names of rotated files sort by age: `order` grows with the time of rotation. */
function rotationsOf(live: string): (name: string) => { order: string; compressed: boolean } | undefined {
  const extension = extname(live);
  const stem = live.slice(0, live.length - extension.length);
  return (name) => {
    const compressed = COMPRESSED.test(name);
    const bare = name.replace(COMPRESSED, '');
    if (bare === live) return undefined;
    const order = bare.startsWith(live)
      ? suffixOrder(bare.slice(live.length))
      : bare.startsWith(`${stem}-`) && bare.endsWith(extension)
        ? dateOrder(bare.slice(stem.length + 1, bare.length - extension.length))
        : undefined;
    return order === undefined ? undefined : { order, compressed };
  };
}

function suffixOrder(suffix: string): string | undefined {
  const number = /^\.(\d{1,5})$/.exec(suffix)?.[1];
  if (number !== undefined) return NUMBERED + String(NUMBER_MAX - Number(number)).padStart(5, '0');
  return /^[-.]/.test(suffix) ? dateOrder(suffix.slice(1)) : undefined;
}

const dateOrder = (text: string): string | undefined =>
  /^\d{4}-?\d{2}-?\d{2}(?:[-T_.:]?\d+)*$/.test(text) ? DATED + text : undefined;
