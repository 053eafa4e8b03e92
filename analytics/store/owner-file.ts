// The owner file of an embedded store: only one process may hold the directory, so it says who that is and where it
// answers. Lives at DIR/owner.json, readable by its user only, for it holds the token of the endpoint.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Owner = z.object({
  pid: z.number().int(),
  host: z.string(),
  command: z.string(),
  since: z.string(),
  address: z.string(),
  token: z.string(),
});
export type Owner = z.infer<typeof Owner>;

const fileOf = (directory: string) => join(directory, 'owner.json');

/** The owner file's content; undefined when there is none or it is unreadable (a half-written one is not possible). */
export function readOwner(directory: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(fileOf(directory), 'utf8')));
  } catch {
    return undefined;
  }
}

export function writeOwner(directory: string, owner: Owner): void {
  const draft = `${fileOf(directory)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  renameSync(draft, fileOf(directory));
}

/** Removes the file if it is still this process's own. */
export function removeOwner(directory: string): void {
  if (readOwner(directory)?.pid === process.pid) rmSync(fileOf(directory), { force: true });
}

export function describeOwner(owner: Owner): string {
  return `process ${owner.pid} on ${owner.host} (${owner.command}, since ${owner.since})`;
}
