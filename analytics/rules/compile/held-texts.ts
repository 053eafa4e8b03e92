// What text a value must hold to pass a test: looked for before the test itself, and with the texts of other rules.
import type { Match } from '../language/expression.ts';
import { literalsOf } from './regex-literals.ts';

/** `*` alone: any value, but there must be one. */
export const isAnything = (match: Match) =>
  match.kind === 'pattern' && match.pattern.length === 1 && match.pattern[0] === 'any';

/** Texts, in lower case, of which a value that passes holds, in its frame, one of each list. */
export function heldTexts(match: Match): readonly (readonly string[])[] | undefined {
  if (match.kind === 'regex') {
    const texts = textsOfRegex(match.source, match.flags);
    return texts && [texts];
  }
  if (match.kind !== 'pattern' || isAnything(match)) return undefined;
  const { pattern } = match;
  const last = pattern.length - 1;
  const texts = pattern.flatMap((piece, i) =>
    typeof piece === 'object' ? [`${i === 0 ? '\0' : ''}${piece.text.toLowerCase()}${i === last ? '\0' : ''}`] : [],
  );
  const isAscii = texts.every((text) => Buffer.byteLength(text) === text.length);
  if (texts.length === 0 || !isAscii) return undefined;
  // of more than one text an expression is made (compile.ts)
  const byExpression = !match.cased && (texts.length > 1 || pattern.includes('one'));
  return texts.map((text) => (byExpression ? [text, LONG_S] : [text]));
}

/** Whether a value that holds them passes, if it has no zero byte of its own. */
export function isToldByTexts(match: Match): boolean {
  if (match.kind !== 'pattern' || match.cased) return false;
  const texts = match.pattern.filter((piece) => typeof piece === 'object');
  return texts.length === 1 && !texts[0]?.text.includes('\0') && !match.pattern.includes('one');
}

/** The text, in lower case, that a test asks for anywhere in a value. */
export function containedText(match: Match): string | undefined {
  if (match.kind !== 'pattern' || match.cased || match.pattern.length !== 3) return undefined;
  const [before, piece, after] = match.pattern;
  if (before !== 'any' || after !== 'any' || typeof piece !== 'object') return undefined;
  const text = piece.text.toLowerCase();
  return !text.includes('\0') && Buffer.byteLength(text) === text.length ? text : undefined;
}

/** Of a regular expression, in lower case: one of them is in every match. */
export function textsOfRegex(source: string, flags: string): readonly string[] | undefined {
  const literals = literalsOf(source);
  return literals && (flags.includes('i') || IGNORES_CASE.test(source)) ? [...literals, LONG_S] : literals;
}

// Without regard to case it is an s to RE2, and stays itself in lower case: a value that holds one may match without the text.
const LONG_S = '\u017f';
const IGNORES_CASE = /\(\?[a-zA-Z]*i/;
