// Sentences of findings with what is known filled in.
import { expect, it } from 'vitest';
import { renderSentence } from './sentence.ts';

it.each([
  ['{user} did {verb}[ to {object}].', { user: 'alice', verb: 'get', object: 'web' }, 'alice did get to web.'],
  ['{user} did {verb}[ to {object}].', { user: 'alice', verb: 'get', object: '' }, 'alice did get.'],
  ['{user} came from {source}.', { user: 'alice' }, 'alice came from an unknown source.'],
  ['{a}[ ({b}, {c})] end', { a: 'x', b: 'y' }, 'x end'],
  ['ran {argv}', { argv: 'sh -c "[ -f {user} ]"\n  x' }, 'ran sh -c "[ -f {user} ]" x'],
])('%s with %j: %s', (template, words, expected) => {
  expect(renderSentence(template, words as Record<string, string>)).toBe(expected);
});

it('cuts what is long', () => {
  expect(renderSentence('{a}', { a: 'é'.repeat(1000) })).toHaveLength(240);
});
