// |expand: `%name%` in a value stands for values that the user gives with the rules, in a document of their own:
//
//   placeholders:
//     Administrators: [root, 'adm_*']
//
// Their values are Sigma strings: wildcards and escapes as in rules. A percent sign is plain after a backslash.
import { type Pattern, parsePattern } from './pattern.ts';

export type Placeholders = ReadonlyMap<string, readonly string[]>;

const REFERENCE = /(?<!\\)%([\w-]+)%/g;

/** Texts with placeholders filled in multiply; a rule that wants more is better written as a list. */
export const EXPANSIONS_MAX = 10_000;

export type Expansion =
  | { readonly patterns: readonly Pattern[] }
  | { readonly unknown: string }
  | { readonly many: number };

/** Every way to fill in a text as the rule has it; names that have no values are told. */
export function expand(value: string, placeholders: Placeholders): Expansion {
  const parts = value.split(REFERENCE); // text, name, text, name, ..., text
  let patterns: Pattern[] = [[]];
  for (const [n, part] of parts.entries()) {
    const values = n % 2 === 0 ? [part.replaceAll('\\%', '%')] : placeholders.get(part);
    if (values === undefined || values.length === 0) return { unknown: part };
    const many = patterns.length * values.length;
    if (many > EXPANSIONS_MAX) return { many };
    const parsed = values.map(parsePattern);
    patterns = patterns.flatMap((pattern) => parsed.map((more) => joined(pattern, more)));
  }
  return { patterns };
}

/** The same in a regular expression, where the values stand as text, their wildcards as expressions have them. */
export function expandRegex(source: string, placeholders: Placeholders): { source: string } | { unknown: string } {
  let unknown: string | undefined;
  const filled = source.replace(REFERENCE, (_, name: string) => {
    const values = placeholders.get(name) ?? [];
    if (values.length === 0) unknown ??= name;
    return `(?:${values.map((value) => parsePattern(value).map(regexOf).join('')).join('|')})`;
  });
  return unknown === undefined ? { source: filled.replaceAll('\\%', '%') } : { unknown };
}

function regexOf(piece: Pattern[number]): string {
  if (piece === 'any') return '.*';
  return piece === 'one' ? '.' : piece.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function joined(a: Pattern, b: Pattern): Pattern {
  const [last, first] = [a.at(-1), b[0]];
  if (typeof last === 'object' && typeof first === 'object') {
    return [...a.slice(0, -1), { text: last.text + first.text }, ...b.slice(1)];
  }
  return [...a, ...(last === 'any' && first === 'any' ? b.slice(1) : b)];
}

/** A document `placeholders:`; undefined when it is not written so. */
export function readPlaceholders(value: unknown): Map<string, string[]> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const placeholders = new Map<string, string[]>();
  for (const [name, given] of Object.entries(value)) {
    const values: unknown[] = Array.isArray(given) ? given : [given];
    if (!values.every((one) => typeof one === 'string' || typeof one === 'number')) return undefined;
    placeholders.set(name, values.map(String));
  }
  return placeholders;
}
