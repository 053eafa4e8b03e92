// A log as programs write and rotate it, for tests of what follows it: remembers all that was ever written.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface WrittenLog {
  readonly path: string;
  /** Everything, in order. */
  written(): Buffer;
  write(bytes: Buffer | string): void;
  /** audit.log -> audit.log.1 -> audit.log.2 ...; the writer may write to the old file a little longer. */
  rotateNumbered(late?: Buffer | string): void;
  /** As lumberjack does: audit-2026-11-26T10-00-00.001.log. */
  rotateDated(): void;
  copyTruncate(): void;
  truncate(): void;
  /** Compresses the oldest file that is not yet; false when there is none. */
  compressOldest(): boolean;
}

export function createWrittenLog(path: string): WrittenLog {
  const directory = dirname(path);
  const name = basename(path);
  const all: Buffer[] = [];
  let dated = 0;
  const write = (bytes: Buffer | string) => {
    appendFileSync(path, bytes);
    all.push(Buffer.from(bytes));
  };
  const numbered = () =>
    readdirSync(directory)
      .map((file) => /\.(\d+)(\.gz)?$/.exec(file))
      .filter((match) => match !== null)
      .map(([, n, gz = '']) => ({ n: Number(n), gz }))
      .sort((a, b) => b.n - a.n);
  const shift = () => {
    for (const { n, gz } of numbered()) renameSync(`${path}.${n}${gz}`, `${path}.${n + 1}${gz}`);
  };
  return {
    path,
    written: () => Buffer.concat(all),
    write,
    rotateNumbered: (late = '') => {
      shift();
      if (!existsSync(path)) return;
      const old = openSync(path, 'a');
      renameSync(path, `${path}.1`);
      writeSync(old, Buffer.from(late));
      all.push(Buffer.from(late));
      closeSync(old);
      writeFileSync(path, '', { flag: 'wx' });
    },
    rotateDated: () => {
      if (!existsSync(path)) return;
      const stem = name.slice(0, name.lastIndexOf('.'));
      const at = `2026-11-26T10-00-00.${String(++dated).padStart(3, '0')}`;
      renameSync(path, join(directory, `${stem}-${at}${name.slice(stem.length)}`));
      writeFileSync(path, '', { flag: 'wx' });
    },
    copyTruncate: () => {
      shift();
      if (!existsSync(path)) return;
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    },
    truncate: () => truncateSync(path),
    compressOldest: () => {
      const plain = readdirSync(directory)
        .filter((file) => file !== name && !file.endsWith('.gz'))
        .sort((a, b) => age(a) - age(b))[0];
      if (plain === undefined) return false;
      writeFileSync(join(directory, `${plain}.gz`), gzipSync(readFileSync(join(directory, plain))));
      rmSync(join(directory, plain));
      return true;
    },
  };
}

// the oldest first: dated ones by date, numbered ones by falling number
const age = (file: string): number =>
  Number(/\.(\d{3})\.log$/.exec(file)?.[1] ?? 1_000_000 - Number(/\.(\d+)$/.exec(file)?.[1] ?? 0));
