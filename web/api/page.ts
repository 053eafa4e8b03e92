// The built page, read into memory once: a handful of files, and no path of a request ever touches the disk.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';

interface PageFile {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
  /** Files with a hash of their content in the name never change. */
  lasting: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Files by the path they are asked for, `/` being index.html. */
export function readPage(directory: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `/${relative(directory, path).split(sep).join('/')}`;
    files.set(name === '/index.html' ? '/' : name, {
      bytes: new Uint8Array(readFileSync(path)),
      type: types[extname(name)] ?? 'application/octet-stream',
      lasting: name.startsWith('/assets/'),
    });
  }
  return files;
}
