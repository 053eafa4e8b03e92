// A detection's parts to expressions: a map is AND, a list of maps is OR, a list of values is OR (AND with |all),
// a list of bare strings is keywords. Modifiers that are not built are refused by name, never ignored.
import { isIP } from 'node:net';
import { and, type Expression, type FieldTest, type Match, or } from './expression.ts';
import { anchors, type Pattern, parsePattern } from './pattern.ts';

/** Thrown with the place in the rule; parse.ts turns it into a problem. */
export class DetectionError extends Error {
  override readonly name = 'DetectionError';
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

type Scalar = string | number | boolean | null;

export function parsePart(value: unknown, at: string): Expression {
  if (Array.isArray(value)) {
    if (value.length === 0) throw new DetectionError(at, 'an empty list matches nothing');
    return or(value.map((entry, i) => (isMap(entry) ? parseMap(entry, `${at}[${i}]`) : keyword(entry, `${at}[${i}]`))));
  }
  if (isMap(value)) return parseMap(value, at);
  return keyword(value, at);
}

function parseMap(map: Record<string, unknown>, at: string): Expression {
  const entries = Object.entries(map);
  if (entries.length === 0) throw new DetectionError(at, 'an empty map matches nothing');
  return and(entries.map(([key, value]) => parseField(key, value, `${at}.${key}`)));
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function scalar(value: unknown, at: string): Scalar {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Scalar;
  throw new DetectionError(at, 'expected a string, a number, true, false or null');
}

function keyword(value: unknown, at: string): FieldTest {
  const text = scalar(value, at);
  if (text === null || text === '') throw new DetectionError(at, 'a keyword cannot be empty');
  const pattern = anchors.contains(parsePattern(String(text)));
  return { kind: 'test', field: undefined, match: { kind: 'pattern', pattern, cased: false }, at };
}

const KINDS = ['contains', 'startswith', 'endswith', 're', 'cidr', 'exists', 'gt', 'gte', 'lt', 'lte'] as const;
type Kind = (typeof KINDS)[number] | 'equals';
const TRANSFORMS = ['windash', 'base64', 'base64offset'] as const;
const REGEX_FLAGS = ['i', 'm', 's'] as const;

interface Modifiers {
  kind: Kind;
  all: boolean;
  cased: boolean;
  transforms: (typeof TRANSFORMS)[number][];
  flags: string;
}

function readModifiers(names: readonly string[], at: string): Modifiers {
  const read: Modifiers = { kind: 'equals', all: false, cased: false, transforms: [], flags: '' };
  const isOneOf = <T extends string>(list: readonly T[], name: string): name is T => list.includes(name as T);
  for (const name of names) {
    if (name === 'all') read.all = true;
    else if (name === 'cased') read.cased = true;
    else if (isOneOf(TRANSFORMS, name)) read.transforms.push(name);
    else if (read.kind === 're' && isOneOf(REGEX_FLAGS, name)) read.flags += name;
    else if (isOneOf(KINDS, name)) {
      if (read.kind !== 'equals') throw new DetectionError(at, `|${read.kind} and |${name} cannot stand together`);
      read.kind = name;
    } else throw new DetectionError(at, `the modifier |${name} is not supported`);
  }
  return read;
}

function parseField(key: string, value: unknown, at: string): Expression {
  const [field = '', ...names] = key.split('|');
  const modifiers = readModifiers(names, at);
  // a keyword may stand anywhere in the record
  if (field === '' && modifiers.kind === 'equals') modifiers.kind = 'contains';
  const values = (Array.isArray(value) ? value : [value]).map((v, i) =>
    scalar(v, Array.isArray(value) ? `${at}[${i}]` : at),
  );
  if (values.length === 0) throw new DetectionError(at, 'an empty list matches nothing');
  const tests = values.map((v) =>
    or(
      matchesOf(v, modifiers, at).map((match) => ({
        kind: 'test',
        field: field === '' ? undefined : field,
        match,
        at,
      })),
    ),
  );
  return modifiers.all ? and(tests) : or(tests);
}

function matchesOf(value: Scalar, modifiers: Modifiers, at: string): Match[] {
  const { kind, cased } = modifiers;
  switch (kind) {
    case 'exists':
      if (typeof value !== 'boolean') throw new DetectionError(at, '|exists takes true or false');
      return [{ kind: 'exists', wanted: value }];
    case 're':
      return [regex(String(value), modifiers.flags, at)];
    case 'cidr':
      return [{ kind: 'cidr', network: network(String(value), at) }];
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return [{ kind: 'compare', operator: OPERATORS[kind], value: number(value, at) }];
    default:
      if (value === null) return [{ kind: 'null' }];
      if (value === '') return [{ kind: 'empty' }];
      return transform(String(value), modifiers.transforms).map(({ pattern, exact }) => ({
        kind: 'pattern',
        pattern: kind === 'equals' ? pattern : anchors[kind](pattern),
        cased: cased || exact,
      }));
  }
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function number(value: Scalar, at: string): number {
  const n = typeof value === 'number' ? value : Number.NaN;
  if (!Number.isFinite(n)) throw new DetectionError(at, 'a comparison takes a number');
  return n;
}

// The engine's expressions are RE2: no look-around, no backreference.
const NOT_RE2 = /\(\?[=!]|\(\?<[=!]|(?:^|[^\\])\\[1-9]|\(\?>|\(\?\(/;

function regex(source: string, flags: string, at: string): Match {
  if (NOT_RE2.test(source)) {
    throw new DetectionError(at, 'look-around, backreferences and atomic groups cannot be run by the engine (RE2)');
  }
  try {
    new RegExp(source.replace(/\(\?[imsU]+\)/g, ''));
  } catch (error) {
    throw new DetectionError(at, `not a regular expression: ${(error as Error).message}`);
  }
  return { kind: 'regex', source, flags };
}

function network(text: string, at: string): string {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || !/^\d+$/.test(prefix) || Number(prefix) > bits) {
    throw new DetectionError(at, `not a network: ${text} (as 10.0.0.0/8 or fd00::/8)`);
  }
  return text;
}

const DASHES = ['-', '/', '–', '—', '―'];
// The three ways bytes fall into groups of three: how many leading and trailing characters depend on neighbours.
const BASE64_CUT_START = [0, 2, 3] as const;
const BASE64_CUT_END = [0, 3, 2] as const;

/** `exact`: what base64 makes must not be compared without case. */
function transform(value: string, transforms: Modifiers['transforms']): { pattern: Pattern; exact: boolean }[] {
  let values = [value];
  let encoded = false;
  for (const name of transforms) {
    if (name === 'windash') values = [...new Set(values.flatMap(dashes))];
    else {
      encoded = true;
      values = values.flatMap((v) => (name === 'base64' ? [Buffer.from(v).toString('base64')] : base64Offsets(v)));
    }
  }
  return values.map((v) => ({ pattern: encoded ? [{ text: v }] : parsePattern(v), exact: encoded }));
}

const dashes = (value: string): string[] => [
  value,
  ...DASHES.map((dash) => value.replace(/(^|\s)[-/](?=\w)/g, (_, before: string) => `${before}${dash}`)),
];

function base64Offsets(value: string): string[] {
  const bytes = Buffer.from(value);
  return BASE64_CUT_START.map((start, offset) => {
    const text = Buffer.concat([Buffer.alloc(offset, ' '), bytes]).toString('base64');
    const end = BASE64_CUT_END[(bytes.length + offset) % 3] ?? 0;
    return text.slice(start, text.length - end);
  });
}
