// Which rules run when: those over novelties need baselines, and baselines need the findings of all others, which they do not learn from.
import { sourceOf } from '../rules/compile/check.ts';
import { basesOf, generatingRules } from '../rules/language/references.ts';
import type { CorrelationRule, EventRule, Rule } from '../rules/language/rule.ts';
import { NOVELTY_SOURCES } from '../rules/sources/baselines.ts';

export interface RulesInOrder {
  first: Rule[];
  /** Rules over novelties and correlations that need one, with what else these rest on. */
  second: Rule[];
  /** Ids of the rules whose findings come of the second run. */
  secondIds: string[];
}

/** Whether a rule's hits are findings is settled among all of them, before they are parted. */
export function rulesInOrder(rules: readonly Rule[]): RulesInOrder {
  const late = new Set<Rule>(rules.filter((rule) => rule.kind === 'event' && isOverNovelties(rule)));
  // correlations may rest on correlations: until no more come
  for (let before = -1; before < late.size; ) {
    before = late.size;
    for (const rule of rules)
      if (rule.kind === 'correlation' && basesOf(rule, rules).some((base) => late.has(base))) late.add(rule);
  }
  const bases = [...late].flatMap((rule) => (rule.kind === 'correlation' ? restsOn(rule, rules) : []));
  const borrowed = [...new Set(bases)].filter((base) => !late.has(base));
  const generating = generatingRules(rules);
  const settled = (rule: Rule): Rule => ({ ...rule, generates: generating.has(rule) });
  return {
    first: rules.filter((rule) => !late.has(rule)).map(settled),
    // their own findings are of the first run
    second: [...[...late].map(settled), ...borrowed.map((rule) => ({ ...rule, generates: false }))],
    secondIds: [...late].map((rule) => rule.id),
  };
}

function isOverNovelties(rule: EventRule): boolean {
  const source = sourceOf(rule);
  return source !== undefined && NOVELTY_SOURCES.includes(source);
}

/** Every rule below a correlation; of one that rests on itself each once. */
function restsOn(rule: CorrelationRule, rules: readonly Rule[], seen = new Set<Rule>()): Rule[] {
  const fresh = basesOf(rule, rules).filter((base) => !seen.has(base));
  for (const base of fresh) seen.add(base);
  return [...fresh, ...fresh.flatMap((base) => (base.kind === 'correlation' ? restsOn(base, rules, seen) : []))];
}
