// The imports of a source tree, read from the text of its files.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export interface Import {
  /** Paths below the root, with forward slashes. */
  from: string;
  to: string;
  typeOnly: boolean;
}

const statement = /\b(import|export)\s+(type\s)?(?:[^'";]*?\bfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

/** Source files of these folders below `root`. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .sort(),
  );
}

/** Imports of other files of the tree; packages and built-in modules are left out. */
export function readImports(root: string, files: readonly string[]): Import[] {
  return files.flatMap((from) => {
    const text = readFileSync(join(root, from), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    return [...text.matchAll(statement)]
      .map(([, , type, named, dynamic]) => ({ target: named ?? dynamic ?? '', typeOnly: type !== undefined }))
      .filter(({ target }) => target.startsWith('.'))
      .map(({ target, typeOnly }) => ({ from, to: relative(root, resolve(root, dirname(from), target)), typeOnly }));
  });
}
