// An expression to SQL over the columns of its log source. Values of a rule enter as literals made by sqlString alone.
//
// A field may be one value or many (argv, addresses, containers of a pod): a test of many holds when any value passes.
// Strings are compared without case unless the rule says |cased; |re is with case, as Sigma has it.
// What only the record's bytes can answer (`from: 'raw'`) makes a rule need them: `bound` is the same condition
// with such tests taken as possible, for finding the rows whose bytes must be read.
import { sqlString } from '../../store/store.ts';
import { type Expression, type FieldTest, type Match, testsOf } from '../language/expression.ts';
import { type Pattern, plainText } from '../language/pattern.ts';
import { containedText, isAnything, textsOfRegex } from './held-texts.ts';
import { isEscaped, wordsInJson } from './json-words.ts';

export interface Field {
  /** String, or Array(String) when `many`. */
  readonly sql: string;
  readonly many: boolean;
  readonly from: 'columns' | 'raw';
  /** Whether the record has the field at all; presence is never read from a column's default. */
  readonly present: { readonly sql: string; readonly from: 'columns' | 'raw' };
  /** Whether the record says null for it, where that can be known; a field that is not there is null without it. */
  readonly isNull?: { readonly sql: string; readonly from: 'columns' | 'raw' } | undefined;
  /** A join of the log source that the columns come from. */
  readonly join?: string | undefined;
  /** JSON (SQL) that its values are read out of. */
  readonly json?: string | undefined;
  /** It reads columns of few values only (Events.few): what is asked of it is asked of each once. */
  readonly few?: true;
}

export type FieldLookup = (name: string | undefined) => Field | undefined;

/** What is seen of a field from afar: where its own test passes, that of one of these fields does. */
export interface Sighted {
  readonly fields: readonly Field[];
  /** And where one of them passes, its own does: a test of it may stand under a not. */
  readonly whole: boolean;
  /** Its value is a part of the bytes of one of the event's records; nothing else is told of it. */
  readonly inBytes?: true;
  /** SQL: where it does not hold the field has no value; nothing else is told of it. */
  readonly onlyIf?: string;
}

/** Undefined: nothing is seen of it from there, any test of it may pass. */
export type Sight = (name: string | undefined) => Sighted | undefined;

export interface Compiled {
  readonly exact: string;
  readonly bound: string;
  readonly needsRaw: boolean;
  readonly joins: ReadonlySet<string>;
}

/** @throws TypeError for a field that the source does not know: check.ts reports those before. */
export function compile(expression: Expression, lookup: FieldLookup): Compiled {
  const joins = new Set<string>();
  let needsRaw = false;
  for (const test of testsOf(expression)) {
    const field = resolve(test, lookup);
    const other = otherField(test, lookup);
    for (const { join } of other ? [field, other] : [field]) if (join !== undefined) joins.add(join);
    needsRaw ||= isReadFrom(test, field, other) === 'raw';
  }
  const sql = (mode: Mode) => toSql(expression, lookup, mode);
  return { exact: sql('exact'), bound: sql('above'), needsRaw, joins };
}

const TRUE = '1';
const FALSE = '0';

// `above`: true wherever the exact condition may be true; `below`: only where it must be.
type Mode = 'exact' | 'above' | 'below';
const opposite = { exact: 'exact', above: 'below', below: 'above' } as const;

type PatternMatch = Extract<Match, { kind: 'pattern' }>;

function toSql(expression: Expression, lookup: FieldLookup, mode: Mode): string {
  switch (expression.kind) {
    case 'not':
      return not(toSql(expression.of, lookup, opposite[mode]));
    case 'and':
      return joined(
        expression.of.map((part) => toSql(part, lookup, mode)),
        'AND',
      );
    case 'or': {
      const { merged, rest } = mergeValues(expression.of, lookup);
      return joined([...merged, ...rest.map((part) => toSql(part, lookup, mode))], 'OR');
    }
    case 'test': {
      const field = resolve(expression, lookup);
      const other = otherField(expression, lookup);
      if (mode !== 'exact' && isReadFrom(expression, field, other) === 'raw') return mode === 'above' ? TRUE : FALSE;
      return other ? sameValueSql(expression.match, field, other) : testSql(expression.match, field);
    }
  }
}

const not = (sql: string) => ({ [TRUE]: FALSE, [FALSE]: TRUE })[sql] ?? `NOT (${sql})`;

function joined(parts: readonly string[], word: 'AND' | 'OR'): string {
  const [deciding, neutral] = word === 'AND' ? [FALSE, TRUE] : [TRUE, FALSE];
  if (parts.includes(deciding)) return deciding;
  const telling = parts.filter((part) => part !== neutral);
  return telling.length === 0 ? neutral : `(${telling.join(` ${word} `)})`;
}

function resolve(test: FieldTest, lookup: FieldLookup): Field {
  const field = lookup(test.field);
  if (!field) throw new TypeError(`${test.at}: no such field`);
  return field;
}

/** The field that a test compares its own with. */
function otherField({ match, at }: FieldTest, lookup: FieldLookup): Field | undefined {
  return match.kind === 'field' ? resolve({ kind: 'test', field: match.field, match, at }, lookup) : undefined;
}

/** Whether a test of a field needs the record's bytes. */
export function isReadFrom({ match }: FieldTest, field: Field, other?: Field): Field['from'] {
  if (other?.from === 'raw') return 'raw';
  const asksPresence = ['exists', 'null', 'empty'].includes(match.kind) || isAnything(match);
  if (!asksPresence) return field.from;
  if (match.kind === 'null' && field.isNull?.from === 'raw') return 'raw';
  return isAnything(match) && field.many ? field.from : field.present.from;
}

// A list of values of one field is one pass over it: `x IN (...)` instead of forty comparisons.
function mergeValues(parts: readonly Expression[], lookup: FieldLookup): { merged: string[]; rest: Expression[] } {
  const groups = new Map<string, { field: Field; values: string[] }>();
  const rest: Expression[] = [];
  for (const part of parts) {
    const value = part.kind === 'test' ? plainValue(part.match) : undefined;
    const field = part.kind === 'test' && value !== undefined ? resolve(part, lookup) : undefined;
    if (value === undefined || field === undefined || field.from === 'raw') {
      rest.push(part);
      continue;
    }
    const group = groups.get(field.sql) ?? { field, values: [] };
    group.values.push(value);
    groups.set(field.sql, group);
  }
  const merged = [...groups.values()].map(({ field, values }) =>
    anyOf(field, (v) => `lowerUTF8(${v}) IN (${values.map((text) => sqlString(text.toLowerCase())).join(', ')})`),
  );
  return { merged, rest };
}

const plainValue = (match: Match) => (match.kind === 'pattern' && !match.cased ? plainText(match.pattern) : undefined);

export const anyOf = (field: Field, test: (value: string) => string) =>
  field.many ? `arrayExists(v -> ${test('v')}, ${field.sql})` : test(field.sql);

/** A test of one field, exactly. */
export function testSql(match: Match, field: Field): string {
  switch (match.kind) {
    case 'exists':
      return match.wanted ? field.present.sql : `NOT (${field.present.sql})`;
    case 'null':
      return field.isNull ? `(NOT (${field.present.sql}) OR ${field.isNull.sql})` : `NOT (${field.present.sql})`;
    case 'empty':
      return `(${field.present.sql} AND ${field.many ? `has(${field.sql}, '')` : `${field.sql} = ''`})`;
    case 'regex':
      return regexSql(match.source, match.flags, field);
    case 'compare':
      return anyOf(field, (v) => `ifNull(toFloat64OrNull(${v}) ${match.operator} ${match.value}, 0)`);
    case 'time':
      return anyOf(field, (v) => `ifNull(${timePart(v, match.unit)} ${match.operator} ${match.value}, 0)`);
    case 'field':
      throw new TypeError('two fields are compared by sameValueSql');
    case 'cidr':
      return anyOf(field, (v) => inNetwork(v, match.network));
    case 'pattern':
      if (isAnything(match)) return field.many ? `notEmpty(${field.sql})` : field.present.sql;
      return containsSql(match, field) ?? anyOf(field, (v) => patternSql(v, match.pattern, match.cased));
  }
}

// An expression is tried on the rows that hold a text which every match of it holds.
function regexSql(source: string, flags: string, field: Field): string {
  const tried = anyOf(field, (v) => `match(${v}, ${sqlString(withFlags(source, flags))})`);
  const texts = textsOfRegex(source, flags);
  return texts === undefined ? tried : `(${inJson(field, texts) ?? searchSql(haystackOf(field), texts)} AND ${tried})`;
}

/** Of a text without a zero byte, anywhere in a value, all values are looked through at once. */
function containsSql(match: PatternMatch, field: Field): string | undefined {
  const text = containedText(match);
  if (text === undefined || !field.many) return undefined;
  const found = searchSql(haystackOf(field), [text]);
  const near = inJson(field, [text]);
  return near === undefined ? found : `(${near} AND ${found})`;
}

/** Whether the bytes that a field is read out of may hold one of the texts: they are looked through before they are taken apart. */
function inJson({ json }: Field, texts: readonly string[]): string | undefined {
  const words = json === undefined ? undefined : wordsInJson(texts);
  return words && `(${isEscaped(json ?? '')} OR ${searchSql(`lowerUTF8(${json})`, words)})`;
}

/** All that a field holds, in lower case; a text without a zero byte that is in it is in one of its values. */
const haystackOf = (field: Field) => `lowerUTF8(${field.many ? `arrayStringConcat(${field.sql}, '\\0')` : field.sql})`;

function searchSql(haystack: string, texts: readonly string[]): string {
  const [only, ...others] = texts.map(sqlString);
  return others.length === 0
    ? `position(${haystack}, ${only}) > 0`
    : `multiSearchAny(${haystack}, [${[only, ...others].join(', ')}])`;
}

// The engine lets a dot be a line's end unless it is told not to; in Sigma |s says so.
function withFlags(source: string, flags: string): string {
  const off = source.includes('.') && !flags.includes('s') ? '-s' : '';
  return `${flags}${off}` === '' ? source : `(?${flags}${off})${source}`;
}

const TIME_PARTS = {
  minute: 'toMinute',
  hour: 'toHour',
  day: 'toDayOfMonth',
  week: 'toISOWeek',
  month: 'toMonth',
  year: 'toYear',
} as const;

// The engine reads a date into nearly anything, and fills in today's: a time has a year of four digits, or at least eight digits
// (a second since 1970 or finer, or a date). Commas before a fraction are of Python's logs, a colon after the year of web servers'.
const TIME = '^\\d{8,}(\\.\\d+)?$|(^|[^\\d.,+])\\d{4}\\D|[^\\d.,+]\\d{4}$';
const timePart = (v: string, unit: keyof typeof TIME_PARTS) => {
  const point = `replaceRegexpOne(${v}, ${sqlString('(:\\d\\d),(\\d)')}, ${sqlString('\\1.\\2')})`;
  const written = `replaceRegexpOne(${point}, ${sqlString('(\\d/[A-Z][a-z]{2}/\\d{4}):')}, ${sqlString('\\1 ')})`;
  return `${TIME_PARTS[unit]}(if(match(${v}, ${sqlString(TIME)}), parseDateTime64BestEffortOrNull(${written}, 3, 'UTC'), NULL))`;
};

/**
 * |fieldref: any value of one field against any of the other. What is empty is contained in nothing, and a column of one value that
 * is empty has none.
 */
export function sameValueSql(match: Match, field: Field, other: Field): string {
  if (match.kind !== 'field') throw new TypeError('no other field to compare with');
  const asked = (sql: string) => (match.cased ? sql : `lowerUTF8(${sql})`);
  const compared = (v: string, w: string) => {
    const [a, b] = [asked(v), asked(w)];
    const same = {
      equals: `${a} = ${b}`,
      contains: `position(${a}, ${b}) > 0`,
      startswith: `startsWith(${a}, ${b})`,
      endswith: `endsWith(${a}, ${b})`,
    }[match.anchor];
    return match.anchor === 'equals' && other.many ? same : `(${w} != '' AND ${same})`;
  };
  const ofOther = (v: string) =>
    other.many ? `arrayExists(w -> ${compared(v, 'w')}, ${other.sql})` : compared(v, other.sql);
  return anyOf(field, ofOther);
}

// isIPAddressInRange throws for what is no address
const inNetwork = (v: string, network: string) =>
  `((isIPv4String(${v}) OR isIPv6String(${v})) AND isIPAddressInRange(if(isIPv4String(${v}) OR isIPv6String(${v}), ${v}, '::'), ${sqlString(network)}))`;

function patternSql(v: string, pattern: Pattern, cased: boolean): string {
  const value = cased ? v : `lowerUTF8(${v})`;
  const literal = (text: string) => sqlString(cased ? text : text.toLowerCase());
  const whole = plainText(pattern);
  if (whole !== undefined) return `${value} = ${literal(whole)}`;
  const [first, second, third] = pattern;
  const text = (piece: Pattern[number] | undefined) => (typeof piece === 'object' ? piece.text : undefined);
  if (pattern.length === 2 && first === 'any' && text(second) !== undefined)
    return `endsWith(${value}, ${literal(text(second) ?? '')})`;
  if (pattern.length === 2 && second === 'any' && text(first) !== undefined)
    return `startsWith(${value}, ${literal(text(first) ?? '')})`;
  if (pattern.length === 3 && first === 'any' && third === 'any' && text(second) !== undefined)
    return `position(${value}, ${literal(text(second) ?? '')}) > 0`;
  return `match(${v}, ${sqlString(patternRegex(pattern, cased))})`;
}

// \C is one byte whatever it is: records hold text in any encoding, and `*` must pass over it
function patternRegex(pattern: Pattern, cased: boolean): string {
  const body = pattern.map((piece) => {
    if (piece === 'any') return '\\C*';
    if (piece === 'one') return '.';
    return piece.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return `(?s${cased ? '' : 'i'})^${body.join('')}$`;
}
