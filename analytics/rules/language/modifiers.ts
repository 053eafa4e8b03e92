// A field's modifiers, applied to one value in the order they are written: each takes values of some kinds and gives others, and a
// kind that it does not take is an order that Sigma does not allow. What comes out last is what the field is tested for.
// Specification: https://github.com/SigmaHQ/sigma-specification (2.1, appendix: modifiers)
import { isIP } from 'node:net';
import { base64Offsets, bytesOf, type Coding, DASHES_MAX, dashesOf, widened } from './encode.ts';
import type { Match, TimeUnit } from './expression.ts';
import { nearest } from './nearest.ts';
import { anchors, type Pattern, parsePattern, plainText } from './pattern.ts';
import { EXPANSIONS_MAX, expand, expandRegex, type Placeholders } from './placeholders.ts';

export type Scalar = string | number | boolean | null;

/** Thrown with words for the author of the rule. */
export class ModifierError extends Error {
  override readonly name = 'ModifierError';
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

type Value =
  | { kind: 'plain'; value: Scalar }
  | { kind: 'text'; pattern: Pattern; cased: boolean; coding: Coding; base64: boolean; anchor: string | undefined }
  | { kind: 'time'; unit: TimeUnit; value: number }
  | { kind: 'done'; match: Match };

interface Scope {
  readonly name: string;
  readonly isKeyword: boolean;
  readonly placeholders: Placeholders;
}

type Modifier = (value: Value, scope: Scope) => Value[];

const refuse = (message: string, remedy: string): never => {
  throw new ModifierError(message, remedy);
};

const done = (match: Match): Value[] => [{ kind: 'done', match }];

const anchor =
  (name: keyof typeof anchors): Modifier =>
  (value, scope) => {
    if (value.kind === 'done' && value.match.kind === 'regex') return done(anchoredRegex(value.match, name));
    if (value.kind === 'done' && value.match.kind === 'field') return done({ ...value.match, anchor: name });
    const text = asText(value, scope);
    if (text.anchor !== undefined)
      return refuse(`|${text.anchor} and |${name} cannot stand together`, 'keep one of them');
    return [{ ...text, pattern: anchors[name](text.pattern), anchor: name }];
  };

function anchoredRegex(match: Match & { kind: 'regex' }, name: keyof typeof anchors): Match {
  const source = `(?:${match.source})`;
  // an expression is looked for anywhere anyway
  if (name === 'contains') return match;
  return { ...match, source: name === 'startswith' ? `\\A${source}` : `${source}\\z` };
}

const coded =
  (coding: Coding): Modifier =>
  (value, scope) => {
    const text = asText(value, scope);
    if (text.coding !== 'utf8' || text.base64) refuse(`|${scope.name} comes too late`, 'encode once, before |base64');
    if (coding === 'utf16' && text.pattern[0] === 'any')
      refuse('|utf16 begins with its mark', 'put it before |contains');
    return [{ ...text, coding }];
  };

const base64 =
  (encode: (bytes: Buffer) => string[]): Modifier =>
  (value, scope) => {
    const text = asText(value, scope);
    const plain = plainText(text.pattern);
    if (plain === undefined) {
      const early = text.anchor === undefined ? 'take the wildcards out' : `put |${text.anchor} after |${scope.name}`;
      return refuse('text with wildcards cannot be encoded', `${early}, or escape them`);
    }
    if (text.base64) refuse('base64 of base64', 'encode once');
    // without case, as any text is in Sigma: whoever wants it writes |cased
    return encode(bytesOf(plain, text.coding)).map((made) => ({
      ...text,
      pattern: [{ text: made }],
      coding: 'utf8' as const,
      base64: true,
    }));
  };

const regexFlag =
  (flag: string): Modifier =>
  (value, { name }) => {
    if (value.kind !== 'done' || value.match.kind !== 'regex')
      return refuse(`|${name} belongs to |re`, `write |re|${name}`);
    return done({ ...value.match, flags: value.match.flags + flag });
  };

const compare =
  (operator: '<' | '<=' | '>' | '>='): Modifier =>
  (value, scope) => {
    if (value.kind === 'time') return done({ kind: 'time', unit: value.unit, operator, value: value.value });
    return done({ kind: 'compare', operator, value: number(value, scope) });
  };

const time =
  (unit: TimeUnit, least: number, most: number): Modifier =>
  (value, scope) => {
    const n = number(value, scope);
    if (!Number.isInteger(n) || n < least || n > most)
      refuse(`a ${unit} is a number from ${least} to ${most}`, 'write one');
    return [{ kind: 'time', unit, value: n }];
  };

// what YAML 1.1 takes for true and false, as many tools read rules
const YES_OR_NO: ReadonlyMap<string, boolean> = new Map(
  [['true', 'yes', 'on'] as const, ['false', 'no', 'off'] as const].flatMap((words, n) =>
    words.map((w) => [w, n === 0]),
  ),
);

const MODIFIERS: Readonly<Record<string, Modifier>> = {
  contains: anchor('contains'),
  startswith: anchor('startswith'),
  endswith: anchor('endswith'),
  cased: (value, scope) => {
    if (value.kind === 'done' && value.match.kind === 'field') return done({ ...value.match, cased: true });
    if (value.kind === 'done' && value.match.kind === 'regex')
      return refuse('|re is with case already', 'take |cased out');
    return [{ ...asText(value, scope), cased: true }];
  },
  windash: (value, scope) => {
    const text = asText(value, scope);
    if (text.base64) return refuse('|windash comes too late', 'put it before |base64');
    const patterns = dashesOf(text.pattern);
    if (patterns === undefined) {
      return refuse(`|windash of more than ${DASHES_MAX} dashes`, 'split the value into several, joined with |all');
    }
    return patterns.map((pattern) => ({ ...text, pattern }));
  },
  expand: (value, scope) => {
    if (value.kind === 'done' && value.match.kind === 'regex') {
      const { match } = value;
      return done({ ...match, source: filledInRegex(match.source, scope) });
    }
    if (value.kind !== 'plain' || typeof value.value !== 'string') return refuse('|expand takes text', 'put it first');
    return filledIn(value.value, scope).map(textOf);
  },
  wide: coded('utf16le'),
  utf16le: coded('utf16le'),
  utf16be: coded('utf16be'),
  utf16: coded('utf16'),
  base64: base64((bytes) => [bytes.toString('base64')]),
  base64offset: base64(base64Offsets),
  re: (value, scope) => done({ kind: 'regex', source: String(unmodified(value, scope)), flags: '' }),
  i: regexFlag('i'),
  m: regexFlag('m'),
  s: regexFlag('s'),
  // as pySigma writes them out
  ignorecase: regexFlag('i'),
  multiline: regexFlag('m'),
  dotall: regexFlag('s'),
  cidr: (value, scope) => done({ kind: 'cidr', network: network(String(ofField(unmodified(value, scope), scope))) }),
  exists: (value, scope) => {
    const wanted = YES_OR_NO.get(String(ofField(unmodified(value, scope), scope)).toLowerCase());
    return wanted !== undefined
      ? done({ kind: 'exists', wanted })
      : refuse('|exists takes true or false', 'write true or false, without quotes');
  },
  fieldref: (value, scope) => {
    const name = ofField(unmodified(value, scope), scope);
    if (typeof name !== 'string' || plainText(parsePattern(name)) === undefined) {
      return refuse('|fieldref takes the name of a field', 'write it without wildcards');
    }
    return done({ kind: 'field', field: plainText(parsePattern(name)) ?? '', anchor: 'equals', cased: false });
  },
  lt: compare('<'),
  lte: compare('<='),
  gt: compare('>'),
  gte: compare('>='),
  minute: time('minute', 0, 59),
  hour: time('hour', 0, 23),
  day: time('day', 1, 31),
  week: time('week', 1, 53),
  month: time('month', 1, 12),
  year: time('year', 0, 9999),
};

/** Modifiers that take a number for what it is; any other takes it as it is written. */
export const OF_NUMBERS = ['lt', 'lte', 'gt', 'gte', 'minute', 'hour', 'day', 'week', 'month', 'year'];

/** Modifiers of the whole list: see detection.ts. */
export const OF_LISTS = ['all', 'neq'] as const;
const KNOWN = [...Object.keys(MODIFIERS), ...OF_LISTS];

/** @throws ModifierError for a name that is none. */
export function checkNames(names: readonly string[]): void {
  for (const [n, name] of names.entries()) {
    if (!KNOWN.includes(name)) {
      const near = nearest(name, KNOWN);
      const remedy = near === undefined ? `known are ${KNOWN.join(', ')}` : `did you mean |${near}?`;
      throw new ModifierError(`the modifier |${name} is not known`, remedy);
    }
    if (names.indexOf(name) < n) throw new ModifierError(`|${name} stands twice`, 'write it once');
  }
}

/**
 * What a field is tested for: any of the matches that one value becomes.
 * @throws ModifierError for an order or a value that Sigma does not allow
 */
export function matchesOf(
  value: Scalar,
  names: readonly string[],
  options: { isKeyword: boolean; placeholders: Placeholders },
): Match[] {
  let values: Value[] = [{ kind: 'plain', value }];
  const chain = names.filter((name) => !OF_LISTS.includes(name as (typeof OF_LISTS)[number]));
  for (const name of chain) {
    const scope = { name, ...options };
    values = values.flatMap((one) => MODIFIERS[name]?.(one, scope) ?? []);
    if (values.length > EXPANSIONS_MAX) throw new ModifierError('the value becomes too many', 'split it');
  }
  return values.map((one) => matchOf(one, options.isKeyword));
}

function matchOf(value: Value, isKeyword: boolean): Match {
  if (value.kind === 'done') return value.match;
  if (value.kind === 'time') return { kind: 'time', unit: value.unit, operator: '=', value: value.value };
  if (value.kind === 'plain' && value.value === null) return { kind: 'null' };
  if (value.kind === 'plain' && value.value === '') return { kind: 'empty' };
  const { pattern, cased, coding, anchor: anchored } = asText(value, { name: '' });
  const pieces = pattern.map((piece) => {
    if (typeof piece !== 'object') return piece;
    const text = widened(piece.text, coding);
    return text === undefined
      ? refuse('UTF-16 of such characters is no text', 'add |base64 or |base64offset, or write ASCII')
      : { text };
  });
  // a keyword may stand anywhere in the record
  const anywhere = isKeyword && anchored === undefined ? anchors.contains(pieces) : pieces;
  return { kind: 'pattern', pattern: anywhere, cased };
}

const textOf = (pattern: Pattern): Value & { kind: 'text' } => ({
  kind: 'text',
  pattern,
  cased: false,
  coding: 'utf8',
  base64: false,
  anchor: undefined,
});

function asText(value: Value, { name }: Pick<Scope, 'name'>): Value & { kind: 'text' } {
  if (value.kind === 'text') return value;
  if (value.kind === 'plain' && value.value !== null) return textOf(parsePattern(String(value.value)));
  const what = value.kind === 'plain' ? 'null' : value.kind === 'time' ? `|${value.unit}` : `|${value.match.kind}`;
  return refuse(`|${name} takes text, not ${what}`, `take |${name} out, or write a string`);
}

function unmodified(value: Value, { name }: Scope): Scalar {
  if (value.kind === 'plain' && value.value !== null) return value.value;
  return value.kind === 'plain'
    ? refuse(`|${name} takes a value, not null`, 'write null without modifiers')
    : refuse(`|${name} takes a value as it is written`, `put |${name} first`);
}

function ofField(value: Scalar, { name, isKeyword }: Scope): Scalar {
  return isKeyword ? refuse(`|${name} asks for a field`, `write the name of a field before |${name}`) : value;
}

function number(value: Value, { name, isKeyword }: Scope): number {
  if (isKeyword) return refuse(`|${name} asks for a field`, `write the name of a field before |${name}`);
  if (value.kind === 'plain' && typeof value.value === 'number' && Number.isFinite(value.value)) return value.value;
  const quoted = value.kind === 'plain' && typeof value.value === 'string' && /^-?\d+(\.\d+)?$/.test(value.value);
  return refuse(`|${name} takes a number`, quoted ? 'write it without quotes' : `put |${name} first, with a number`);
}

/** An address alone is a network of one, as in pySigma. */
function network(text: string): string {
  const version = isIP(text.split('/')[0] ?? '');
  const bits = version === 4 ? 32 : 128;
  const [, prefix = String(bits), ...rest] = text.split('/');
  if (version === 0 || rest.length > 0 || !/^\d+$/.test(prefix) || Number(prefix) > bits) {
    refuse(`not a network: ${text}`, 'write one, as 10.0.0.0/8 or fd00::/8');
  }
  return text.includes('/') ? text : `${text}/${bits}`;
}

function filledIn(text: string, { placeholders }: Scope): readonly Pattern[] {
  const filled = expand(text, placeholders);
  if ('patterns' in filled) return filled.patterns;
  if ('many' in filled) return refuse(`${filled.many} values`, `keep below ${EXPANSIONS_MAX}: write a list`);
  return refuseUnknown(filled.unknown);
}

function filledInRegex(source: string, { placeholders }: Scope): string {
  const filled = expandRegex(source, placeholders);
  return 'source' in filled ? filled.source : refuseUnknown(filled.unknown);
}

const refuseUnknown = (name: string) =>
  refuse(
    `the placeholder %${name}% has no values`,
    `give them in a document beside the rules: placeholders: {${name}: [...]}`,
  );
