// What a person types after `search`: words that must all occur in a record, and field=value pairs.
//
//   curl exe=*/busybox "cat /etc/shadow"
//
// A word matches whatever its case, in the record's bytes or in what auditd's hex was decoded to. Quotes keep a phrase
// together. field=value compares a column of the event, `*` standing for any text; with a field that is none it is a word.
import { likePattern } from './event-filter.ts';

export interface SearchExpression {
  words: string[];
  fields: { field: string; pattern: string }[];
}

// multiSearchAllPositions takes at most 255 needles
const WORDS_MAX = 255;

const token = /(?:([a-z_]+)=)?(?:"([^"]*)"|'([^']*)'|(\S+))/g;

/** @returns the expression, or a sentence about what is wrong with it */
export function parseSearch(text: string, knownFields: readonly string[]): SearchExpression | string {
  const words: string[] = [];
  const fields: SearchExpression['fields'] = [];
  for (const [whole, field, double, single, bare] of text.matchAll(token)) {
    const value = double ?? single ?? bare ?? '';
    if (field !== undefined && knownFields.includes(field)) fields.push({ field, pattern: likePattern(value) });
    else if (field !== undefined) words.push(bare === undefined ? `${field}=${value}` : whole);
    else if (value !== '') words.push(value);
  }
  if (words.length > WORDS_MAX) return `a search takes at most ${WORDS_MAX} words`;
  return { words, fields };
}
