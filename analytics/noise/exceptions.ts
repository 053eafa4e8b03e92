// Exceptions that users make of findings: suppressions hide, maintenance lowers. They are rows of the store, wherever they were written,
// so that what they do is a pure function of it. Whether one holds is a matter of the event's time alone: what it hid stays hidden when it
// has expired, and what comes after shows.
import { z } from 'zod';
import { refusedIn } from '../rules/compile/runnable.ts';
import { insertInParts, instant } from '../store/derived.ts';
import type { Store } from '../store/store.ts';
import { expressionOf } from './finding-fields.ts';

export type ExceptionKind = 'suppression' | 'maintenance';

export interface Exception {
  kind: ExceptionKind;
  name: string;
  owner: string;
  reason: string;
  /** Ids, titles and tags of rules, with * and ?; none: all rules. */
  rules: string[];
  /** A part of a Sigma detection over the fields of a finding, and what it does not mean. */
  selection: unknown;
  filter: unknown;
  /** ms since 1970 */
  validFrom: number;
  validUntil: number;
  /** The file it was read from; '' for one that was added by hand. */
  origin: string;
  addedAt: number;
}

/** An exception as it was written, before the store says since when it is known. */
export type Draft = Omit<Exception, 'addedAt'>;

const number = z.coerce.number();
const row = z.object({
  kind: z.enum(['suppression', 'maintenance']),
  name: z.string(),
  owner: z.string(),
  reason: z.string(),
  rules: z.array(z.string()),
  selection: z.string(),
  filter: z.string(),
  validFrom: number,
  validUntil: number,
  origin: z.string(),
  addedAt: number,
});

const READ = `
  SELECT kind, name, owner, reason, rules, selection, filter, toUnixTimestamp64Milli(valid_from) AS validFrom,
         toUnixTimestamp64Milli(valid_until) AS validUntil, origin, toUnixTimestamp64Milli(added_at) AS addedAt
  FROM exceptions FINAL ORDER BY kind, name`;

/** In order of their names. */
export async function readExceptions(store: Store, kind?: ExceptionKind): Promise<Exception[]> {
  const rows = z.array(row).parse(await store.rows(READ));
  return rows
    .map(({ selection, filter, ...rest }) => ({ ...rest, selection: fromJson(selection), filter: fromJson(filter) }))
    .filter((one) => kind === undefined || one.kind === kind);
}

const fromJson = (text: string): unknown => (text === '' ? undefined : JSON.parse(text));
const toJson = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));

/** Longer than this nobody remembers why: a suppression is renewed or goes. A leap year's days. */
const YEAR_MS = 366 * 86_400_000;
/** What lasts longer is no maintenance but the new usual, and its rules want a suppression with its reason. */
const MAINTENANCE_MS = 31 * 86_400_000;

/** What keeps a draft from being taken now; undefined when nothing does. */
export function refusal(draft: Draft, now: number): string | undefined {
  if (draft.validUntil <= draft.validFrom) return 'it ends before it begins';
  if (draft.kind === 'maintenance' && draft.validUntil - draft.validFrom > MAINTENANCE_MS)
    return 'maintenance lasts 31 days at most: what lasts longer is a suppression';
  if (draft.kind === 'suppression' && draft.validUntil > now + YEAR_MS)
    return 'a suppression expires within a year: renew it when it does';
  return undefined;
}

export interface Refused {
  name: string;
  detail: string;
}

/**
 * Takes drafts in. One that is stored already is left as it is; one that was changed counts as new. `origin`: all that were read from
 * files before and are not among the drafts go.
 */
export async function takeIn(
  store: Store,
  kind: ExceptionKind,
  drafts: readonly Draft[],
  now: number,
  from: 'files' | 'hand',
): Promise<Refused[]> {
  const known = new Map((await readExceptions(store, kind)).map((one) => [one.name, one]));
  const refused: Refused[] = [];
  const taken: Exception[] = [];
  for (const draft of drafts) {
    const old = known.get(draft.name);
    if (old && (old.origin === '') !== (draft.origin === '')) {
      const where = old.origin === '' ? 'was added by hand' : `stands in ${old.origin}`;
      refused.push({ name: draft.name, detail: `one of this name ${where}` });
    } else if (old && contentOf(old) === contentOf(draft)) continue;
    else {
      const detail = refusal(draft, now) ?? (await refusedIn(store, expressionOf(draft)))[0]?.detail;
      if (detail === undefined) taken.push({ ...draft, addedAt: now });
      else refused.push({ name: draft.name, detail });
    }
  }
  const names = new Set(drafts.map(({ name }) => name));
  const gone = from === 'hand' ? [] : [...known.values()].filter((one) => one.origin !== '' && !names.has(one.name));
  await write(store, taken, gone);
  return refused;
}

/** True when there was one. */
export async function remove(store: Store, kind: ExceptionKind, name: string): Promise<boolean> {
  const gone = (await readExceptions(store, kind)).filter((one) => one.name === name);
  await write(store, [], gone);
  return gone.length > 0;
}

const contentOf = ({ owner, reason, rules, selection, filter, validFrom, validUntil, origin }: Draft): string =>
  JSON.stringify([owner, reason, rules, toJson(selection), toJson(filter), validFrom, validUntil, origin]);

async function write(store: Store, taken: readonly Exception[], gone: readonly Exception[]): Promise<void> {
  if (taken.length + gone.length === 0) return;
  const [last] = await store.rows('SELECT max(version) AS version FROM exceptions');
  const version = Number(last?.['version'] ?? 0) + 1;
  const rowOf = (one: Exception, is_deleted: number) => ({
    kind: one.kind,
    name: one.name,
    owner: one.owner,
    reason: one.reason,
    rules: one.rules,
    selection: toJson(one.selection),
    filter: toJson(one.filter),
    valid_from: instant(one.validFrom),
    valid_until: instant(one.validUntil),
    origin: one.origin,
    added_at: instant(one.addedAt),
    version,
    is_deleted,
  });
  await insertInParts(store, 'exceptions', [...taken.map((one) => rowOf(one, 0)), ...gone.map((one) => rowOf(one, 1))]);
}
