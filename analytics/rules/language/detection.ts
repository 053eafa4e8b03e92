// A detection's parts to expressions: a map is AND, a list of maps is OR, a list of values is OR (AND with |all),
// a list of bare strings is keywords. Modifiers: modifiers.ts.
import { and, type Expression, type FieldTest, or } from './expression.ts';
import { checkNames, ModifierError, matchesOf, OF_LISTS, OF_NUMBERS, type Scalar } from './modifiers.ts';
import type { Placeholders } from './placeholders.ts';

/** Thrown with the place in the rule; parse.ts turns it into a problem. */
export class DetectionError extends Error {
  override readonly name = 'DetectionError';
  readonly at: string;
  readonly remedy: string;
  constructor(at: string, message: string, remedy = '') {
    super(message);
    this.at = at;
    this.remedy = remedy;
  }
}

export interface DetectionScope {
  readonly placeholders: Placeholders;
  /** How numbers are written whose value is written otherwise, by place (documents.ts). */
  readonly written: ReadonlyMap<string, string>;
  /** Told what is allowed and yet hardly meant. */
  readonly warn: (at: string, detail: string, remedy: string) => void;
}

const NOTHING: DetectionScope = { placeholders: new Map(), written: new Map(), warn: () => {} };

/** @throws DetectionError */
export function parsePart(value: unknown, at: string, scope: DetectionScope = NOTHING): Expression {
  if (Array.isArray(value)) {
    if (value.length === 0)
      throw new DetectionError(at, 'an empty list matches nothing', 'write values, or take it out');
    return or(
      value.map((entry, i) => {
        const here = `${at}[${i}]`;
        return isMap(entry) ? parseMap(entry, here, scope) : parseField('', [], [scalar(entry, here)], here, scope);
      }),
    );
  }
  return isMap(value) ? parseMap(value, at, scope) : parseField('', [], [scalar(value, at)], at, scope);
}

function parseMap(map: Record<string, unknown>, at: string, scope: DetectionScope): Expression {
  const entries = Object.entries(map);
  if (entries.length === 0)
    throw new DetectionError(at, 'an empty map matches nothing', 'write fields, or take it out');
  return and(
    entries.map(([key, value]) => {
      const [field = '', ...names] = key.split('|');
      const here = `${at}.${key}`;
      const values = Array.isArray(value) ? value.map((v, i) => scalar(v, `${here}[${i}]`)) : [scalar(value, here)];
      if (values.length === 0) {
        throw new DetectionError(
          here,
          'an empty list matches nothing',
          'write values; null for a field that is not there',
        );
      }
      warnOfList(names, values, here, scope);
      return parseField(field, names, values, here, scope, Array.isArray(value));
    }),
  );
}

function warnOfList(names: readonly string[], values: readonly Scalar[], at: string, scope: DetectionScope): void {
  if (names.includes('all') && values.length === 1) {
    scope.warn(at, '|all of a single value', 'take |all out');
  }
  if (values.length > 1 && values.includes(null)) {
    scope.warn(at, 'null stands in a list of values', 'make it a selection of its own: 1 of selection_*');
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function scalar(value: unknown, at: string): Scalar {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Scalar;
  throw new DetectionError(
    at,
    'expected a string, a number, true, false or null',
    'name deeper fields by dots: a.b: x',
  );
}

function parseField(
  field: string,
  names: readonly string[],
  values: readonly Scalar[],
  at: string,
  scope: DetectionScope,
  listed = false,
): Expression {
  const isKeyword = field === '';
  const tests = values.map((value, i) => {
    const here = listed ? `${at}[${i}]` : at;
    if (isKeyword && (value === null || value === '')) {
      throw new DetectionError(here, 'a keyword cannot be empty', 'write text');
    }
    const test = (match: FieldTest['match']): FieldTest => ({
      kind: 'test',
      field: isKeyword ? undefined : field,
      match,
      at,
    });
    return or(matches(value, names, here, isKeyword, scope).map(test));
  });
  const whole = names.includes('all') ? and(tests) : or(tests);
  return names.includes('neq') ? { kind: 'not', of: whole } : whole;
}

function matches(value: Scalar, names: readonly string[], at: string, isKeyword: boolean, scope: DetectionScope) {
  try {
    checkNames(names);
    const options = { isKeyword, placeholders: scope.placeholders };
    return asWritten(value, names, scope.written.get(at)).flatMap((one) => matchesOf(one, names, options));
  } catch (error) {
    if (error instanceof ModifierError) throw new DetectionError(at, error.message, error.remedy);
    throw error;
  }
}

// 10.0 is a version and 0x1F a mask that logs hold as text: such numbers are both, their value and their text.
function asWritten(value: Scalar, names: readonly string[], written: string | undefined): Scalar[] {
  if (typeof value !== 'number' || written === undefined) return [value];
  const own = names.filter((name) => !OF_LISTS.some((ofLists) => ofLists === name));
  if (own.some((name) => OF_NUMBERS.includes(name))) return [value];
  // of a number of more digits only its text is exact
  const isExact = Number.isSafeInteger(value) || !Number.isInteger(value);
  return own.length === 0 && isExact ? [value, written] : [written];
}
