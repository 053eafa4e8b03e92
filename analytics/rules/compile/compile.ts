// An expression to SQL over the columns of its log source. Values of a rule enter as literals made by sqlString alone.
//
// A field may be one value or many (argv, addresses, containers of a pod): a test of many holds when any value passes.
// Strings are compared without case unless the rule says |cased; |re is with case, as Sigma has it.
// What only the record's bytes can answer (`from: 'raw'`) makes a rule need them: `bound` is the same condition
// with such tests taken as possible, for finding the rows whose bytes must be read. What the event alone tells of a rule,
// before its records are fanned out and anything is joined, `mayPass` says in the same way.
import { sqlString } from '../../store/store.ts';
import { type Expression, type FieldTest, type Match, testsOf } from '../language/expression.ts';
import { type Pattern, plainText } from '../language/pattern.ts';
import { containedText, heldTexts, isAnything, textsOfRegex } from './held-texts.ts';

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
  /** Its values are few: the engine tries each once (LowCardinality), which is less than looking for texts together. */
  readonly few?: true;
}

export type FieldLookup = (name: string | undefined) => Field | undefined;

/** What is seen of a field from afar: where its own test passes, that of one of these fields does. */
export interface Sighted {
  readonly fields: readonly Field[];
  /** And where one of them passes, its own does: a test of it may stand under a not. */
  readonly whole: boolean;
  /** They hold its value among other text: only whether it holds a text is told. */
  readonly around?: true;
}

/** Undefined: nothing is seen of it from there, any test of it may pass. */
export type Sight = (name: string | undefined) => Sighted | undefined;

export interface Compiled {
  readonly exact: string;
  readonly bound: string;
  readonly needsRaw: boolean;
  readonly joins: ReadonlySet<string>;
}

/** SQL for whether a haystack (SQL) holds one of some texts, where they are looked for together with those of all rules. */
export type Find = (haystack: string, texts: readonly string[]) => string;

/** @throws TypeError for a field that the source does not know: check.ts reports those before. */
export function compile(expression: Expression, lookup: FieldLookup, find: Find = searchSql): Compiled {
  const joins = new Set<string>();
  let needsRaw = false;
  for (const test of testsOf(expression)) {
    const field = resolve(test, lookup);
    const other = otherField(test, lookup);
    for (const { join } of other ? [field, other] : [field]) if (join !== undefined) joins.add(join);
    needsRaw ||= source(test, field, other) === 'raw';
  }
  const see: Sight = (name) => {
    const field = lookup(name);
    return field && { fields: [field], whole: true };
  };
  const sql = (mode: Mode) => toSql(expression, { lookup, see, find }, mode);
  return { exact: sql('exact'), bound: sql('above'), needsRaw, joins };
}

/** True wherever the condition may be, as far as what is seen tells; `TRUE` where that is everywhere. With `find`, texts are asked for only. */
export const mayPass = (expression: Expression, see: Sight, find: Find = searchSql): string =>
  toSql(expression, { lookup: (name) => see(name)?.fields[0], see, find, glance: find !== searchSql }, 'above');

export const TRUE = '1';
const FALSE = '0';

// `above`: true wherever the exact condition may be true; `below`: only where it must be.
type Mode = 'exact' | 'above' | 'below';
const opposite = { exact: 'exact', above: 'below', below: 'above' } as const;

type PatternMatch = Extract<Match, { kind: 'pattern' }>;

interface Ground {
  lookup: FieldLookup;
  see: Sight;
  find: Find;
  /** Whether the texts that a value must hold are enough of an answer. */
  glance?: boolean;
}

function toSql(expression: Expression, ground: Ground, mode: Mode): string {
  switch (expression.kind) {
    case 'not':
      return not(toSql(expression.of, ground, opposite[mode]));
    case 'and':
      return joined(
        expression.of.map((part) => toSql(part, ground, mode)),
        'AND',
      );
    case 'or': {
      const { merged, rest } = mergeValues(expression.of, ground, mode);
      return joined([...merged, ...rest.map((part) => toSql(part, ground, mode))], 'OR');
    }
    case 'test': {
      const seen = seenIn(expression, ground, mode);
      if (seen === undefined) return mode === 'above' ? TRUE : FALSE;
      const other = otherField(expression, ground.lookup);
      const tests = seen.map((field) => {
        if (other) return sameValueSql(expression.match, field, other);
        const glanced = ground.glance ? glanceSql(expression.match, field, ground.find, mode) : undefined;
        return glanced ?? testSql(expression.match, field, ground.find);
      });
      return tests.length === 1 ? (tests[0] ?? FALSE) : joined(tests, 'OR');
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

/** The fields that a test looks at; undefined where it may pass or not for all that is told here. */
function seenIn(test: FieldTest, { lookup, see }: Ground, mode: Mode): readonly Field[] | undefined {
  if (mode === 'exact') return [resolve(test, lookup)];
  const seen = see(test.field);
  if (!seen || (!seen.whole && (mode === 'below' || test.match.kind === 'field'))) return undefined;
  if (test.match.kind === 'field' && see(test.match.field)?.whole !== true) return undefined;
  if (seen.around && containedText(test.match) === undefined) return undefined;
  const other = otherField(test, lookup);
  return seen.fields.some((field) => source(test, field, other) === 'raw') ? undefined : seen.fields;
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

function source({ match }: FieldTest, field: Field, other?: Field): Field['from'] {
  if (other?.from === 'raw') return 'raw';
  const asksPresence = ['exists', 'null', 'empty'].includes(match.kind) || isAnything(match);
  if (!asksPresence) return field.from;
  if (match.kind === 'null' && field.isNull?.from === 'raw') return 'raw';
  return isAnything(match) && field.many ? field.from : field.present.from;
}

// A list of values of one field is one pass over it: `x IN (...)` instead of forty comparisons.
function mergeValues(
  parts: readonly Expression[],
  ground: Ground,
  mode: Mode,
): { merged: string[]; rest: Expression[] } {
  const groups = new Map<string, { field: Field; values: string[] }>();
  const rest: Expression[] = [];
  for (const part of parts) {
    const value = part.kind === 'test' ? plainValue(part.match) : undefined;
    const seen = part.kind === 'test' && value !== undefined ? seenIn(part, ground, mode) : undefined;
    const isGlanced = ground.glance && seen?.some((field) => field.many && isSearched(field));
    if (value === undefined || seen === undefined || isGlanced || seen.some(({ from }) => from === 'raw')) {
      rest.push(part);
      continue;
    }
    for (const field of seen) {
      const group = groups.get(field.sql) ?? { field, values: [] };
      group.values.push(value);
      groups.set(field.sql, group);
    }
  }
  const merged = [...groups.values()].map(({ field, values }) =>
    anyOf(field, (v) => `lowerUTF8(${v}) IN (${values.map((text) => sqlString(text.toLowerCase())).join(', ')})`),
  );
  return { merged, rest };
}

const plainValue = (match: Match) => (match.kind === 'pattern' && !match.cased ? plainText(match.pattern) : undefined);

const anyOf = (field: Field, test: (value: string) => string) =>
  field.many ? `arrayExists(v -> ${test('v')}, ${field.sql})` : test(field.sql);

function testSql(match: Match, field: Field, find: Find): string {
  switch (match.kind) {
    case 'exists':
      return match.wanted ? field.present.sql : `NOT (${field.present.sql})`;
    case 'null':
      return field.isNull ? `(NOT (${field.present.sql}) OR ${field.isNull.sql})` : `NOT (${field.present.sql})`;
    case 'empty':
      return `(${field.present.sql} AND ${field.many ? `has(${field.sql}, '')` : `${field.sql} = ''`})`;
    case 'regex':
      return regexSql(match.source, match.flags, field, find);
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
      return containsSql(match, field, find) ?? anyOf(field, (v) => patternSql(v, match.pattern, match.cased));
  }
}

// An expression is tried on the rows that hold a text which every match of it holds.
function regexSql(source: string, flags: string, field: Field, find: Find): string {
  const tried = anyOf(field, (v) => `match(${v}, ${sqlString(withFlags(source, flags))})`);
  const texts = textsOfRegex(source, flags);
  return texts === undefined ? tried : `(${findIn(field, find)(haystackOf(field), texts)} AND ${tried})`;
}

/** Of a text without a zero byte, anywhere in a value, all values are looked through at once. */
function containsSql(match: PatternMatch, field: Field, find: Find): string | undefined {
  const text = containedText(match);
  return text !== undefined && (field.many || find !== searchSql)
    ? findIn(field, find)(haystackOf(field), [text])
    : undefined;
}

/** Whether a value holds what every value that passes must hold; undefined where no texts tell. */
function glanceSql(match: Match, field: Field, find: Find, mode: Mode): string | undefined {
  if (!isSearched(field)) return undefined;
  const held = heldTexts(match);
  if (held === undefined) return undefined;
  if (mode === 'below' && containedText(match) === undefined) return FALSE;
  return joined(
    held.map((texts) => find(framed(field), texts)),
    'AND',
  );
}

const isSearched = (field: Field) => field.from === 'columns' && field.join === undefined && !field.few;

/** All that a field holds, in lower case, a zero byte at both ends of each value. */
const framed = (field: Field) =>
  `lowerUTF8(concat('\\0', ${field.many ? `arrayStringConcat(${field.sql}, '\\0')` : field.sql}, '\\0'))`;

/** All that a field holds, in lower case; a text without a zero byte that is in it is in one of its values. */
const haystackOf = (field: Field) => `lowerUTF8(${field.many ? `arrayStringConcat(${field.sql}, '\\0')` : field.sql})`;

// Only what comes from the event's own columns is looked for with others.
const findIn = (field: Field, find: Find) =>
  field.from === 'columns' && field.join === undefined && !field.few ? find : searchSql;

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

const timePart = (v: string, unit: keyof typeof TIME_PARTS) =>
  `${TIME_PARTS[unit]}(parseDateTime64BestEffortOrNull(${v}, 3, 'UTC'))`;

/**
 * |fieldref: any value of one field against any of the other. What is empty is contained in nothing, and a column of one value that
 * is empty has none.
 */
function sameValueSql(match: Match, field: Field, other: Field): string {
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
