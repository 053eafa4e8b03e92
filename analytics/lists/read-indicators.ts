// Lists of indicators as users have them, to indicators. What cannot be understood is told by its line, and the rest stands.
// CSV: a single column, or columns named by a header line (value or indicator, type, description, valid_from, valid_until).
// STIX 2.1: a bundle of indicators, https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_muftrcpnf89v
import { z } from 'zod';
import { type Indicator, madeOf, typeOf } from './indicator.ts';
import { alternativesOf } from './stix-pattern.ts';

export interface ListProblem {
  line: number;
  detail: string;
}

export interface ReadIndicators {
  indicators: Indicator[];
  problems: ListProblem[];
}

export const readIndicators = (text: string): ReadIndicators =>
  /^\s*\{/.test(text) ? readBundle(text) : readTable(text);

// --- CSV -----------------------------------------------------------------------------------------------------------

const HEADERS: Record<string, 'value' | 'type' | 'note' | 'from' | 'until' | 'cluster'> = {
  ...{ value: 'value', indicator: 'value', ioc: 'value', 'indicator-value': 'value' },
  ...{ type: 'type', kind: 'type', 'indicator-type': 'type' },
  ...{ description: 'note', note: 'note', comment: 'note', name: 'note', threat: 'note' },
  ...{ 'valid-from': 'from', 'valid-until': 'until', expires: 'until', expiration: 'until' },
};

function readTable(text: string): ReadIndicators {
  const read: ReadIndicators = { indicators: [], problems: [] };
  let columns: string[] | undefined;
  for (const [i, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (raw.trim() === '' || raw.trimStart().startsWith('#')) continue;
    const cells = cellsOf(raw);
    if (columns === undefined) {
      columns = headerOf(cells);
      if (columns.length > 0) continue;
      columns = ['value'];
    }
    const cell = (name: string) => cells[columns?.indexOf(name) ?? -1]?.trim() ?? '';
    const outcome = rowOf(cell);
    if (typeof outcome === 'string') read.problems.push({ line: i + 1, detail: outcome });
    else read.indicators.push(outcome);
  }
  return read;
}

/** What each column is; empty when the line is no header. A column named for a type (ip, domain) holds values of it. */
function headerOf(cells: readonly string[]): string[] {
  const names = cells.map((cell) => HEADERS[cell.trim().toLowerCase().replaceAll(/[ _]/g, '-')] ?? '');
  if (names.includes('value')) return names;
  const typed = cells.findIndex((cell) => typeOf(cell) !== undefined);
  return typed < 0 ? [] : names.map((name, i) => (i === typed ? 'value' : name));
}

function rowOf(cell: (name: string) => string): Indicator | string {
  const written = cell('value');
  const type = cell('type') === '' ? undefined : typeOf(cell('type'));
  if (cell('type') !== '' && type === undefined) return `no type of indicator: ${cell('type')}`;
  const made = madeOf(written, type);
  if (!made) return `no ${type ?? 'address, domain, URL, digest or path'}: ${written.slice(0, 100)}`;
  const [validFrom, validUntil] = [timeOf(cell('from')), timeOf(cell('until'))];
  if (validFrom === undefined || validUntil === undefined) return `no time: ${cell('from')} ${cell('until')}`.trim();
  return { ...made, written, note: cell('note'), sourceId: '', validFrom, validUntil };
}

function timeOf(text: string): number | undefined {
  if (text === '') return 0;
  const ms = /^\d{4}-\d\d-\d\d/.test(text)
    ? Date.parse(/[Zz]$|[+-]\d\d:?\d\d$|^\S{10}$/.test(text) ? text : `${text}Z`)
    : Number.NaN;
  return ms > 0 && ms < YEAR_2262 ? ms : undefined;
}
// what the store's times can hold
const YEAR_2262 = Date.UTC(2262, 0, 1);

/** RFC 4180, a line at a time; with semicolons or tabs where the line has no comma. */
function cellsOf(line: string): string[] {
  const separator = line.includes(',') ? ',' : line.includes('\t') ? '\t' : ';';
  const cells: string[] = [];
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}]*))(${separator}|$)`, 'y');
  for (let match = cell.exec(line); match; match = cell.exec(line)) {
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') break;
  }
  return cells;
}

// --- STIX ----------------------------------------------------------------------------------------------------------

const Bundle = z.object({ objects: z.array(z.unknown()).default([]) });
const StixIndicator = z.object({
  type: z.literal('indicator'),
  id: z.string(),
  modified: z.string().optional(),
  name: z.string().optional(),
  pattern: z.string(),
  pattern_type: z.string().default('stix'),
  valid_from: z.string().optional(),
  valid_until: z.string().optional(),
  revoked: z.boolean().default(false),
});

function readBundle(text: string): ReadIndicators {
  const read: ReadIndicators = { indicators: [], problems: [] };
  const objects = objectsOf(text);
  if (objects === undefined) return { ...read, problems: [{ line: 1, detail: 'no JSON' }] };
  const latest = new Map<string, z.infer<typeof StixIndicator>>();
  for (const object of objects) {
    if ((object as { type?: unknown } | null)?.type !== 'indicator') continue;
    const parsed = StixIndicator.safeParse(object);
    if (!parsed.success) {
      const id = String((object as { id?: unknown }).id);
      read.problems.push({ line: lineOf(text, id), detail: `${id}: ${parsed.error.issues[0]?.path.join('.')}` });
    } else if ((latest.get(parsed.data.id)?.modified ?? '') <= (parsed.data.modified ?? ''))
      latest.set(parsed.data.id, parsed.data);
  }
  for (const one of latest.values()) {
    const outcome = one.revoked ? [] : indicatorsOf(one);
    if (typeof outcome === 'string')
      read.problems.push({ line: lineOf(text, one.id), detail: `${one.id}: ${outcome}` });
    else read.indicators.push(...outcome);
  }
  return read;
}

function objectsOf(text: string): unknown[] | undefined {
  try {
    const document: unknown = JSON.parse(text);
    const bundle = Bundle.safeParse(document);
    return (document as { type?: unknown }).type === 'indicator' ? [document] : bundle.data?.objects;
  } catch {
    return undefined;
  }
}

const lineOf = (text: string, id: string): number => text.slice(0, Math.max(0, text.indexOf(id))).split('\n').length;

function indicatorsOf(one: z.infer<typeof StixIndicator>): Indicator[] | string {
  if (one.pattern_type !== 'stix') return `a pattern of type ${one.pattern_type}`;
  const [validFrom, validUntil] = [timeOf(one.valid_from ?? ''), timeOf(one.valid_until ?? '')];
  if (validFrom === undefined || validUntil === undefined) return 'no time in valid_from or valid_until';
  const alternatives = alternativesOf(one.pattern);
  if (typeof alternatives === 'string') return alternatives;
  const made = alternatives.map(({ type, value }) => ({ written: value, of: madeOf(value, type) }));
  const odd = made.find(({ of }) => of === undefined);
  if (odd) return `not understood: ${odd.written.slice(0, 100)}`;
  return made.flatMap(({ written, of }) =>
    of ? [{ ...of, written, note: one.name ?? '', sourceId: one.id, validFrom, validUntil }] : [],
  );
}
