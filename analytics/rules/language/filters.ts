// Sigma filters: one exclusion for many rules. Applied where rules are loaded: a rule's condition becomes its own AND the filter's.
// Specification: https://github.com/SigmaHQ/sigma-specification (2.1, filters); as in pySigma, what a filter excludes it says with
// `condition: not selection`.

import type { Expression } from './expression.ts';
import { type Lines, lineOf } from './lines.ts';
import { nearest } from './nearest.ts';
import type { EventRule, LogSource, Rule, RuleProblem } from './rule.ts';

export interface Filter {
  readonly kind: 'filter';
  readonly path: string;
  readonly lines: Lines;
  readonly title: string;
  /** Rules of this log source, or of a part of it. */
  readonly logsource: LogSource;
  /** Names or ids. */
  readonly rules: 'any' | readonly string[];
  readonly condition: Expression;
}

export function applyFilters(
  rules: readonly Rule[],
  filters: readonly Filter[],
): { rules: Rule[]; warnings: RuleProblem[] } {
  const warnings = filters.flatMap((filter) => misfits(filter, rules));
  const filtered = rules.map((rule) => {
    if (rule.kind !== 'event') return rule;
    const own = filters.filter((filter) => fits(filter, rule));
    if (own.length === 0) return rule;
    const condition: Expression = { kind: 'and', of: [rule.condition, ...own.map(conditionOf)] };
    return { ...rule, condition };
  });
  return { rules: filtered, warnings };
}

const isNamed = (rule: Rule, name: string) => rule.id === name || rule.name === name;

const fits = ({ logsource, rules }: Filter, rule: EventRule): boolean =>
  covers(logsource, rule.logsource) && (rules === 'any' || rules.some((name) => isNamed(rule, name)));

const covers = (filter: LogSource, rule: LogSource) =>
  (['category', 'product', 'service'] as const).every(
    (key) => filter[key] === undefined || filter[key].toLowerCase() === rule[key]?.toLowerCase(),
  );

/** Its tests say in which file they stand, for problems that are found later in the rule. */
function conditionOf({ path, condition }: Filter): Expression {
  const placed = (expression: Expression): Expression => {
    if (expression.kind === 'test') return { ...expression, at: `${path}: ${expression.at}` };
    if (expression.kind === 'not') return { ...expression, of: placed(expression.of) };
    return { ...expression, of: expression.of.map(placed) };
  };
  return placed(condition);
}

function misfits(filter: Filter, rules: readonly Rule[]): RuleProblem[] {
  const warn = (at: string, detail: string, remedy: string): RuleProblem => ({
    path: filter.path,
    line: lineOf(filter.lines, at),
    at,
    detail,
    remedy,
    level: 'warning',
  });
  if (filter.rules === 'any') {
    const any = rules.some((rule) => rule.kind === 'event' && fits(filter, rule));
    return any ? [] : [warn('logsource', 'the filter fits no rule', 'widen its logsource, or load rules of it')];
  }
  return filter.rules.flatMap((name, i) => {
    const named = rules.filter((rule) => isNamed(rule, name));
    const at = `filter.rules[${i}]`;
    if (named.some((rule) => rule.kind === 'event' && fits(filter, rule))) return [];
    if (named.some((rule) => rule.kind === 'event')) {
      return [warn(at, `the filter does not fit "${name}": another log source`, 'give it the logsource of the rule')];
    }
    if (named.length > 0) return [warn(at, `"${name}" is a correlation`, 'filter the rules that it rests on')];
    const near = nearest(
      name,
      rules.flatMap((rule) => (rule.name === undefined ? [rule.id] : [rule.name, rule.id])),
    );
    const remedy = near === undefined ? 'load that rule too, or take it out' : `did you mean ${near}?`;
    return [warn(at, `the filter fits no rule: no "${name}" is there`, remedy)];
  });
}
