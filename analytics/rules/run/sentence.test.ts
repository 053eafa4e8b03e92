// Sentences of findings with what is known filled in.
import { expect, it } from 'vitest';
import { sourceOf } from '../compile/check.ts';
import { loadRules } from '../language/load.ts';
import type { Rule } from '../language/rule.ts';
import type { Source } from '../sources/source.ts';
import { renderSentence } from './sentence.ts';

it.each([
  ['{user} did {verb}[ to {object}].', { user: 'alice', verb: 'get', object: 'web' }, 'alice did get to web.'],
  ['{user} did {verb}[ to {object}].', { user: 'alice', verb: 'get', object: '' }, 'alice did get.'],
  ['{user} came from {source}.', { user: 'alice' }, 'alice came from an unknown source.'],
  ['{a}[ ({b}, {c})] end', { a: 'x', b: 'y' }, 'x end'],
  ['ran {argv}[, image {image}].', { argv: './x -p :80 ; ls .' }, 'ran ./x -p :80 ; ls ..'],
  ['ran {argv}', { argv: 'sh -c "[ -f {user} ]"\n  x' }, 'ran sh -c "[ -f {user} ]" x'],
])('%s with %j: %s', (template, words, expected) => {
  expect(renderSentence(template, words as Record<string, string>)).toBe(expected);
});

it('cuts what is long', () => {
  expect(renderSentence('{a}', { a: 'é'.repeat(1000) })).toHaveLength(240);
});

it('every rule of the pack has one, and asks for no word that its log source does not have', async () => {
  const { rules } = await loadRules('analytics/rules/pack');
  // of a correlation the words of its events, also under their rules' names, and of the run itself (detect.ts)
  const wordsOf = (rule: Rule): string[] => {
    if (rule.kind === 'event') return wordsOfSource(sourceOf(rule));
    const bases = rules.filter((base) => rule.rules.some((of) => of === base.name || of === base.id));
    const words = bases.flatMap((base) => wordsOf(base).map((word) => ({ base, word })));
    const named = words.map(({ base, word }) => `${(base.name ?? base.id).replace(/\W/g, '_')}_${word}`);
    return ['count', 'span', ...words.map(({ word }) => word), ...named];
  };
  const wrong = rules.flatMap((rule) => {
    const asked = [...(rule.sentence ?? '{none}').matchAll(/\{(\w+)\}/g)].map(([, word]) => word ?? '');
    const known = new Set(wordsOf(rule));
    return asked.filter((word) => !known.has(word)).map((word) => `${rule.path}: ${word}`);
  });
  expect(rules.length).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

function wordsOfSource(source: Source | undefined): string[] {
  const columns = source?.rows({ joins: new Set(['lineage', 'marks']) }).columns ?? '';
  return [...columns.slice(columns.indexOf('map(')).matchAll(/'(\w+)',/g)].map(([, word]) => word ?? '');
}
