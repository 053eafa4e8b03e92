// Suppressions and maintenance from a YAML file, or from every .yml and .yaml below a directory, into the store.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/store.ts';
import { type ExceptionKind, takeIn } from './exceptions.ts';
import { type ReadProblem, readExceptionsOf } from './read-exceptions.ts';

/** What was read before and is there no more goes. Entries that cannot be taken are told; the others stand. */
export async function loadExceptions(
  store: Store,
  kind: ExceptionKind,
  path: string,
  now: Date,
): Promise<ReadProblem[]> {
  const read = filesOf(path).map((file) => readExceptionsOf(kind, readFileSync(file, 'utf8'), file));
  const drafts = new Map(read.flatMap((file) => file.drafts).map((draft) => [draft.name, draft]));
  const twice = read
    .flatMap((file) => file.drafts)
    .filter((draft) => drafts.get(draft.name) !== draft)
    .map(({ name, origin }) => ({
      path: origin,
      at: name,
      detail: `${drafts.get(name)?.origin} has one of this name`,
    }));
  const refused = await takeIn(store, kind, [...drafts.values()], now.getTime(), 'files');
  return [
    ...read.flatMap((file) => file.problems),
    ...twice,
    ...refused.map(({ name, detail }) => ({ path: drafts.get(name)?.origin ?? path, at: name, detail })),
  ];
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
