// Which rules correlations rest on: names and ids resolved among all rules that are loaded together.
import type { CorrelationRule, EventRule, Rule, RuleProblem } from './rule.ts';

/** Rules whose hits are findings: all but those that only feed correlations. */
export function generatingRules(rules: readonly Rule[]): ReadonlySet<Rule> {
  const fed = new Map<string, boolean>();
  for (const rule of rules) {
    if (rule.kind !== 'correlation') continue;
    // one correlation that asks for the base rules' own findings is enough
    for (const base of basesOf(rule, rules)) fed.set(base.id, fed.get(base.id) === true || rule.basesGenerate);
  }
  return new Set(rules.filter((rule) => rule.generates ?? fed.get(rule.id) ?? true));
}

/** Names of base rules that no rule has. */
export function missingBases(rule: CorrelationRule, rules: readonly Rule[]): string[] {
  return rule.rules.filter((name) => !rules.some((base) => isNamed(base, name)));
}

/** Without rules that are refused, and without correlations that rest on one: half a correlation would mean something else. */
export function withoutRefused(
  given: readonly Rule[],
  refused: readonly RuleProblem[],
): { rules: Rule[]; refused: RuleProblem[] } {
  const all = [...refused];
  for (let rules = given; ; ) {
    const paths = new Set(all.map(({ path }) => path));
    const left: Rule[] = rules.filter((rule) => !paths.has(rule.path));
    const broken = left.flatMap((rule) => (rule.kind === 'correlation' ? brokenBases(rule, left) : []));
    if (broken.length === 0) return { rules: left, refused: all };
    all.push(...broken);
    rules = left;
  }
}

const brokenBases = (rule: CorrelationRule, rules: readonly Rule[]): RuleProblem[] =>
  missingBases(rule, rules).map((name) => ({
    path: rule.path,
    at: 'correlation.rules',
    detail: `no rule that can be run has the name or id "${name}"`,
    remedy: 'mend that rule, or load it together with this one',
  }));

/** Event rules that a correlation rests on, through other correlations too. */
export function eventRulesOf(rule: CorrelationRule, rules: readonly Rule[]): EventRule[] {
  const seen = new Set<Rule>();
  const visit = (correlation: CorrelationRule) => {
    for (const base of basesOf(correlation, rules)) {
      if (seen.has(base)) continue;
      seen.add(base);
      if (base.kind === 'correlation') visit(base);
    }
  };
  visit(rule);
  return [...seen].filter((base) => base.kind === 'event');
}

/** Correlations that rest on themselves. */
export function restsOnItself(rule: CorrelationRule, rules: readonly Rule[]): boolean {
  const seen = new Set<Rule>();
  const visit = (correlation: CorrelationRule): boolean =>
    basesOf(correlation, rules).some((base) => {
      if (base === rule) return true;
      if (base.kind === 'event' || seen.has(base)) return false;
      seen.add(base);
      return visit(base);
    });
  return visit(rule);
}

const isNamed = (rule: Rule, name: string) => rule.id === name || rule.name === name;

/** In the order of the correlation's list; one name may be no rule's (check.ts tells). */
export function basesOf(rule: CorrelationRule, rules: readonly Rule[]): (EventRule | CorrelationRule)[] {
  return rule.rules.flatMap((name) => rules.find((base) => isNamed(base, name)) ?? []);
}

/** Correlations, those that others rest on first. */
export function inOrder(rules: readonly Rule[]): CorrelationRule[] {
  const sorted = new Set<CorrelationRule>();
  const visiting = new Set<CorrelationRule>();
  const visit = (rule: CorrelationRule) => {
    if (sorted.has(rule) || visiting.has(rule)) return;
    visiting.add(rule);
    for (const base of basesOf(rule, rules)) if (base.kind === 'correlation') visit(base);
    sorted.add(rule);
  };
  for (const rule of rules) if (rule.kind === 'correlation') visit(rule);
  return [...sorted];
}

/** What a name of the correlation is called in the events of its base rule at a position; undefined: its alias does not say. */
export function fieldIn(
  rule: CorrelationRule,
  position: number,
  { name, id }: Rule,
  asked: string,
): string | undefined {
  const fields = rule.aliases[asked];
  if (fields === undefined) return asked;
  return fields[rule.rules[position] ?? ''] ?? (name === undefined ? undefined : fields[name]) ?? fields[id];
}
