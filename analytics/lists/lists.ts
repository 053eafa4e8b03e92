// The lists of the store: read from files, kept by their content. A list of the same name replaces the one before, and a file that has not
// changed changes nothing.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { insertInParts, instant } from '../store/derived.ts';
import type { Row, Store } from '../store/store.ts';
import type { Indicator } from './indicator.ts';
import { type AllowedImage, readAllowedImages } from './read-allowed-images.ts';
import { readIndicators } from './read-indicators.ts';

export type ListKind = 'indicators' | 'allowed-images';

const TABLES: Record<ListKind, 'indicators' | 'allowed_images'> = {
  indicators: 'indicators',
  'allowed-images': 'allowed_images',
};

const ListRow = z.object({
  list: z.string(),
  origin: z.string(),
  by_hand: z.coerce.boolean(),
  content: z.string(),
  entries: z.coerce.number(),
  skipped: z.coerce.number(),
  loaded_at: z.string(),
});
export type List = z.infer<typeof ListRow>;

export async function readLists(store: Store, kind: ListKind): Promise<List[]> {
  const sql = `SELECT list, origin, by_hand, content, entries, skipped, loaded_at FROM lists FINAL WHERE kind = {kind:String} ORDER BY list`;
  return z.array(ListRow).parse(await store.rows(sql, { kind }));
}

/** What of a list could not be understood; the rest of it stands. */
export interface ListComplaint {
  path: string;
  at: string;
  detail: string;
}

interface LoadOptions {
  kind: ListKind;
  /** Files, or directories of files. */
  paths: readonly string[];
  /** 'files': lists that were read from other files before go. */
  from: 'files' | 'hand';
  now: Date;
  /** Clusters it is about; '' for all. */
  cluster?: string;
}

export async function loadLists(
  store: Store,
  { kind, paths, from, now, cluster = '' }: LoadOptions,
): Promise<ListComplaint[]> {
  const known = new Map((await readLists(store, kind)).map((one) => [one.list, one]));
  const complaints: ListComplaint[] = [];
  const seen = new Map<string, string>();
  for (const path of paths.flatMap(filesOf)) {
    const list = basename(path).replace(/\.[^.]+$/, '');
    const other = seen.get(list);
    if (other !== undefined) {
      complaints.push({ path, at: 'name', detail: `${other} is of the same name` });
      continue;
    }
    seen.set(list, path);
    const text = readFileSync(path, 'utf8');
    const content = createHash('sha256').update(`${cluster}\0${text}`).digest('hex');
    const read = readRows(kind, text);
    complaints.push(...read.problems.map(({ line, detail }) => ({ path, at: `line ${line}`, detail })));
    const old = known.get(list);
    if (old?.content === content && old.by_hand === (from === 'hand')) continue;
    const version = await nextVersion(store);
    await replaceRows(
      store,
      kind,
      list,
      read.rows.map((row) => ({ ...row, list, cluster, version })),
      version,
    );
    await store.insert('lists', [
      {
        ...{ kind, list, origin: path, by_hand: from === 'hand', content, loaded_at: instant(now.getTime()), version },
        ...{ entries: read.rows.length, skipped: read.problems.length },
      },
    ]);
  }
  const gone = from === 'hand' ? [] : [...known.values()].filter((one) => !one.by_hand && !seen.has(one.list));
  for (const { list } of gone) await removeList(store, kind, list);
  return complaints;
}

/** True when there was one. */
export async function removeList(store: Store, kind: ListKind, list: string): Promise<boolean> {
  if (!(await readLists(store, kind)).some((one) => one.list === list)) return false;
  const version = await nextVersion(store);
  await replaceRows(store, kind, list, [], version);
  await store.run(
    `INSERT INTO lists SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
     FROM (SELECT * FROM lists FINAL WHERE kind = {kind:String} AND list = {list:String})`,
    { kind, list, version },
  );
  return true;
}

async function nextVersion(store: Store): Promise<number> {
  const [row] = await store.rows('SELECT max(version) AS version FROM lists');
  return Number(row?.['version'] ?? 0) + 1;
}

async function replaceRows(
  store: Store,
  kind: ListKind,
  list: string,
  rows: readonly Row[],
  version: number,
): Promise<void> {
  const table = TABLES[kind];
  await insertInParts(store, table, rows);
  await store.run(
    `INSERT INTO ${table} SELECT * REPLACE ({version:UInt64} AS version, 1 AS is_deleted)
     FROM (SELECT * FROM ${table} FINAL WHERE list = {list:String} AND version < {version:UInt64})`,
    { list, version },
  );
}

function readRows(kind: ListKind, text: string): { rows: Row[]; problems: { line: number; detail: string }[] } {
  if (kind === 'indicators') {
    const { indicators, problems } = readIndicators(text);
    return { rows: indicators.map(indicatorRow), problems };
  }
  const { allowed, problems } = readAllowedImages(text);
  return { rows: allowed.map(({ namespace, pattern }: AllowedImage) => ({ namespace, pattern })), problems };
}

/** Columns of indicators. */
export const indicatorRow = ({
  type,
  value,
  written,
  address,
  prefix,
  note,
  sourceId,
  validFrom,
  validUntil,
}: Indicator): Row => ({
  ...{ type, value, written, prefix, note, source_id: sourceId },
  network: address === '' ? '::' : address.includes(':') ? address : `::ffff:${address}`,
  valid_from: instant(validFrom),
  valid_until: instant(validUntil),
});

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(path, entry.name))
    .sort();
}
