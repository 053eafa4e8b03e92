// Suppressions and maintenance as users write them: YAML, a list of entries a file, or a directory of such files.
//
//   - name: backup-reads-secrets
//     owner: storage@example.org
//     reason: The nightly backup reads the secrets of its namespace.
//     expires: 2027-03-01
//     rules: [Secrets read one by one, attack.t1552*]
//     selection: {namespace: backup, workload: CronJob/nightly, principal|startswith: 'system:serviceaccount:backup:'}
//     filter: {container: debug}
//
//   - name: kernel-update
//     owner: nodes@example.org
//     reason: Nodes are drained and started anew.
//     from: 2026-11-23T22:00:00Z
//     to: 2026-11-24T04:00:00Z
//     node: worker-*
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { DetectionError } from '../rules/language/detection.ts';
import type { Draft, ExceptionKind } from './exceptions.ts';
import { conditionOf, FIELD_NAMES, unknownFields } from './finding-fields.ts';

export interface ReadProblem {
  path: string;
  /** Number and name of the entry, from 1. */
  at: string;
  detail: string;
}

export interface ReadDrafts {
  drafts: Draft[];
  problems: ReadProblem[];
}

const word = z.string().trim().min(1);
const texts = z.union([word, z.array(word).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]));
// YAML reads an unquoted 2027-03-01 as text; with a time it may come as a date
const time = z.union([z.date(), z.string()]).transform((value, context) => {
  const text = value instanceof Date ? value.toISOString() : value.trim();
  const ms = /^\d{4}-\d\d-\d\d($|[T ]\d\d:\d\d)/.test(text) ? Date.parse(withZone(text)) : Number.NaN;
  if (Number.isNaN(ms) || ms < 0 || ms > YEAR_2262) {
    context.addIssue({ code: 'custom', message: 'not a date (2027-03-01) or an instant (2027-03-01T12:00:00Z)' });
    return z.NEVER;
  }
  return ms;
});
// what the store's times can hold
const YEAR_2262 = Date.UTC(2262, 0, 1);
const withZone = (text: string) => (/^\d{4}-\d\d-\d\d$|(Z|z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);

const part = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]);
/** Reasons of severities name it, and a command line does. */
const name = z.string().regex(/^[\w.-]{1,100}$/, 'letters, digits, dots, dashes and underscores, at most 100');
const common = { name, owner: word, reason: word, selection: part.optional(), filter: part.optional() };
const Suppression = z.strictObject({ ...common, expires: time, rules: texts.optional(), rule: texts.optional() });
const PLACES = ['cluster', 'namespace', 'node', 'principal', 'workload', 'pod'] as const;
const Maintenance = z.strictObject({
  ...common,
  from: time,
  to: time,
  rules: texts.optional(),
  ...Object.fromEntries(PLACES.map((place) => [place, texts.optional()])),
});

/** Entries of a YAML text; `origin` is kept with each and names it in problems. */
export function readExceptionsOf(kind: ExceptionKind, text: string, origin: string): ReadDrafts {
  const read: ReadDrafts = { drafts: [], problems: [] };
  const names = new Set<string>();
  entriesOf(text, origin, read.problems).forEach((entry, i) => {
    const name = typeof entry === 'object' && entry !== null && 'name' in entry ? ` (${String(entry.name)})` : '';
    const at = `entry ${i + 1}${name}`;
    const outcome = draftOf(kind, entry, origin);
    if ('details' in outcome) read.problems.push(...outcome.details.map((detail) => ({ path: origin, at, detail })));
    else if (names.has(outcome.draft.name))
      read.problems.push({ path: origin, at, detail: 'an entry before has this name' });
    else {
      names.add(outcome.draft.name);
      read.drafts.push(outcome.draft);
    }
  });
  return read;
}

function entriesOf(text: string, path: string, problems: ReadProblem[]): unknown[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      problems.push({ path, at: `line ${error.linePos?.[0].line ?? '?'}`, detail: error.message.split('\n')[0] ?? '' });
      return [];
    }
    const content = contentOf(document);
    if (content === null || content === undefined) return [];
    return Array.isArray(content) ? content : [content];
  });
}

// Aliases may name what is not there, or more than memory holds: yaml counts and throws.
function contentOf(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return [undefined];
    throw error;
  }
}

/** One entry, from a file or from options of a command. */
export function draftOf(kind: ExceptionKind, entry: unknown, origin: string): { draft: Draft } | { details: string[] } {
  const parsed = kind === 'suppression' ? Suppression.safeParse(entry) : Maintenance.safeParse(entry);
  if (!parsed.success)
    return { details: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'entry'}: ${message}`) };
  const given: Record<string, unknown> = parsed.data;
  const { owner, reason, filter } = parsed.data;
  const places = Object.fromEntries(
    PLACES.flatMap((place) => (given[place] === undefined ? [] : [[place, given[place]]])),
  );
  const selection = withPlaces(parsed.data.selection, places);
  const rules = [...(parsed.data.rules ?? []), ...((given['rule'] as string[] | undefined) ?? [])];
  const draft: Draft = {
    ...{ kind, name: parsed.data.name, owner, reason, rules, selection, filter, origin },
    validFrom: Number(given['from'] ?? 0),
    validUntil: Number(given['to'] ?? given['expires']),
  };
  const details = problemsOf(draft);
  return details.length > 0 ? { details } : { draft };
}

function withPlaces(selection: unknown, places: Record<string, unknown>): unknown {
  if (Object.keys(places).length === 0) return selection;
  if (selection === undefined) return places;
  return Array.isArray(selection)
    ? selection.map((one) => ({ ...(one as object), ...places }))
    : { ...(selection as object), ...places };
}

function problemsOf(draft: Draft): string[] {
  if (draft.selection === undefined && draft.rules.every((rule) => /^[*?]*$/.test(rule)))
    return [`selection: it would be about every finding; say which, by ${FIELD_NAMES.join(', ')}`];
  try {
    const unknown = [...unknownFields(draft.selection), ...unknownFields(draft.filter)];
    if (unknown.length > 0)
      return unknown.map((name) => `selection: a finding has no field "${name}"; it has ${FIELD_NAMES.join(', ')}`);
    conditionOf(draft);
    return [];
  } catch (error) {
    if (error instanceof DetectionError) return [`${error.at}: ${error.message}`];
    throw error;
  }
}
