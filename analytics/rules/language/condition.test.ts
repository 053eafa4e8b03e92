// The condition grammar: what binds to what, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseCondition } from './condition.ts';
import type { Expression } from './expression.ts';

const part = (name: string): Expression => ({ kind: 'test', field: name, match: { kind: 'null' }, at: name });
const parts = new Map(['a', 'b', 'c', 'sel_x', 'sel_y', '_hidden'].map((name) => [name, part(name)]));

function written(e: Expression): string {
  if (e.kind === 'test') return e.field ?? '';
  if (e.kind === 'not') return `!${written(e.of)}`;
  return `(${e.of.map(written).join(e.kind === 'and' ? '&' : '|')})`;
}

describe('a condition', () => {
  it.each([
    ['a', 'a'],
    ['a and b or c', '((a&b)|c)'],
    ['a or b and c', '(a|(b&c))'],
    ['a and not b', '(a&!b)'],
    ['not not a', '!!a'],
    ['not a and b', '(!a&b)'],
    ['(a or b) and c', '((a|b)&c)'],
    ['a AND (b OR NOT c)', '(a&(b|!c))'],
    ['1 of sel_*', '(sel_x|sel_y)'],
    ['all of sel_*', '(sel_x&sel_y)'],
    ['a and not 1 of sel_*', '(a&!(sel_x|sel_y))'],
    ['any of sel_*', '(sel_x|sel_y)'],
    ['1 of them', '(a|b|c|sel_x|sel_y)'],
    ['all of them', '(a&b&c&sel_x&sel_y)'],
    ['1 of a', 'a'],
  ])('%s', (text, expected) => {
    expect(written(parseCondition(text, parts))).toBe(expected);
  });

  it.each([
    ['', /missing at the end/],
    ['a and', /missing at the end/],
    ['(a or b', /closing parenthesis/],
    ['a b', /"b" is not expected/],
    ['d', /"d" is no part/],
    ['1 of d*', /names no part/],
    ['a | count() > 5', /aggregations/],
    ['a)', /"\)" is not expected/],
  ])('is refused: %s', (text, message) => {
    expect(() => parseCondition(text, parts)).toThrow(message);
  });
});
