// Which rules run when: those over novelties need baselines, and baselines need the findings of all others, which they do not learn from.
import { sourceOf } from '../rules/compile/check.ts';
import type { EventRule, Rule } from '../rules/language/rule.ts';
import { NOVELTY_SOURCES } from '../rules/sources/baselines.ts';

export interface RulesInOrder {
  first: Rule[];
  /** Rules over novelties and correlations that need one, with what else these rest on. */
  second: Rule[];
  /** Ids of the rules whose findings come of the second run. */
  secondIds: string[];
}

export function rulesInOrder(rules: readonly Rule[]): RulesInOrder {
  const late = new Set<Rule>(rules.filter((rule) => rule.kind === 'event' && isOverNovelties(rule)));
  // correlations may rest on correlations: until no more come
  for (let before = -1; before < late.size; ) {
    before = late.size;
    for (const rule of rules)
      if (rule.kind === 'correlation' && basesOf(rule, rules).some((base) => late.has(base))) late.add(rule);
  }
  const bases = new Set([...late].flatMap((rule) => (rule.kind === 'correlation' ? withBases(rule, rules) : [])));
  const borrowed = [...bases].filter((base) => !late.has(base));
  return {
    first: rules.filter((rule) => !late.has(rule)),
    // their own findings are of the first run
    second: [...late, ...borrowed.map((rule) => (rule.kind === 'event' ? { ...rule, generates: false } : rule))],
    secondIds: [...late].map((rule) => rule.id),
  };
}

const isOverNovelties = (rule: EventRule): boolean => {
  const source = sourceOf(rule);
  return source !== undefined && NOVELTY_SOURCES.includes(source);
};

const basesOf = (rule: Rule & { kind: 'correlation' }, rules: readonly Rule[]): Rule[] =>
  rules.filter((base) => base !== rule && rule.rules.some((name) => name === base.name || name === base.id));

const withBases = (rule: Rule & { kind: 'correlation' }, rules: readonly Rule[]): Rule[] =>
  basesOf(rule, rules).flatMap((base) => [base, ...(base.kind === 'correlation' ? withBases(base, rules) : [])]);
