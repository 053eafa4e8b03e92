// Which source a rule is for, and whether that source knows its fields: before a rule is compiled.

import { fieldsOf, testsOf } from '../language/expression.ts';
import { nearest } from '../language/nearest.ts';
import { basesOf, fieldIn, missingBases, restsOnItself } from '../language/references.ts';
import type { CorrelationRule, EventRule, Rule, RuleProblem } from '../language/rule.ts';
import { isPlace } from '../run/place-names.ts';
import { auditd } from '../sources/auditd.ts';
import { NOVELTY_SOURCES } from '../sources/baselines.ts';
import { gaps } from '../sources/gaps.ts';
import { k8sAudit } from '../sources/k8s-audit.ts';
import { files, networkConnection, processCreation } from '../sources/linux-views.ts';
import { withMarks } from '../sources/marks.ts';
import { runtime } from '../sources/runtime.ts';
import type { Source } from '../sources/source.ts';

const SOURCES: readonly Source[] = [
  ...[k8sAudit, auditd, processCreation, files, networkConnection, runtime].map(withMarks),
  ...NOVELTY_SOURCES,
  gaps,
];

export function sourceOf(rule: EventRule): Source | undefined {
  return SOURCES.find((source) => source.accepts(rule.logsource));
}

/** What keeps rules from being run: sources and fields that are not known, correlations over rules that are not there. */
export function checkRules(rules: readonly Rule[]): RuleProblem[] {
  return rules.flatMap((rule) => (rule.kind === 'event' ? checkEventRule(rule) : checkCorrelation(rule, rules)));
}

function checkCorrelation(rule: CorrelationRule, rules: readonly Rule[]): RuleProblem[] {
  const missing = missingBases(rule, rules).map((name) => {
    const known = rules.flatMap((other) => (other === rule ? [] : [other.name ?? '', other.id]));
    const near = nearest(
      name,
      known.filter((other) => other !== ''),
    );
    return {
      path: rule.path,
      at: 'correlation.rules',
      detail: `no rule has the name or id "${name}"`,
      remedy:
        near === undefined ? 'give a rule that name, and load it together with this one' : `did you mean ${near}?`,
    };
  });
  if (!restsOnItself(rule, rules)) return [...missing, ...checkFields(rule, rules)];
  const circle = 'a correlation cannot rest on itself';
  return [
    ...missing,
    { path: rule.path, at: 'correlation.rules', detail: circle, remedy: 'take it out of the circle' },
  ];
}

/** What a correlation groups by and counts must be told by the events of each of its rules. */
function checkFields(rule: CorrelationRule, rules: readonly Rule[]): RuleProblem[] {
  const asked = [
    ...rule.groupBy.map((name, i) => ({ name, at: `correlation.group-by[${i}]` })),
    ...rule.fields.map((name) => ({ name, at: 'correlation.condition.field' })),
  ];
  return basesOf(rule, rules).flatMap((base, position) => {
    const source = base.kind === 'event' ? sourceOf(base) : undefined;
    if (source === undefined) return []; // a log source that is not there is told of the rule itself
    return asked.flatMap(({ name, at }) => {
      const field = fieldIn(rule, position, base, name);
      const of = `"${base.name ?? base.id}"`;
      const remedy = 'group by a place (vestige.pod, ...), or give an alias with the name of the field in each rule';
      const told = (detail: string) => [{ path: rule.path, at, detail, remedy }];
      if (field === undefined) return told(`the alias "${name}" says nothing of ${of}`);
      if (isPlace(field)) return [];
      return source.field(field) ? [] : told(`${source.name}, the log source of ${of}, has no field "${field}"`);
    });
  });
}

function checkEventRule(rule: EventRule): RuleProblem[] {
  const source = sourceOf(rule);
  if (!source) {
    const asked = Object.entries(rule.logsource).filter(([, value]) => value !== undefined);
    const detail = `no such log source here: ${asked.map(([key, value]) => `${key}: ${value}`).join(', ')}`;
    const remedy = 'rules of other log sources run over JSON: vestige rules eval';
    return [{ path: rule.path, at: 'logsource', detail, remedy }];
  }
  const problems = new Map<string, RuleProblem>();
  for (const test of testsOf(rule.condition)) {
    for (const name of fieldsOf(test)) {
      if (source.field(name)) continue;
      problems.set(test.at, {
        path: rule.path,
        at: test.at,
        detail: `${source.name} has no field "${name}"`,
        remedy: 'the reference of rules lists the fields of each log source',
      });
    }
  }
  return [...problems.values()];
}
