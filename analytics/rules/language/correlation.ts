// The `correlation` of a rule, checked key by key: what is wrong is told with its place and how to mend it.
// Specification: https://github.com/SigmaHQ/sigma-specification (2.1, correlation rules), with what pySigma has beyond it:
// value_median, `percentile`, extended conditions, timespans of weeks, months and years.
import { ConditionError, parseBoolean } from './boolean.ts';
import { nearest } from './nearest.ts';
import { COMPARISONS, CORRELATION_TYPES, type Comparison, type CorrelationRule, type CorrelationType } from './rule.ts';
import { namesOf, type RuleExpression, waysOf } from './rule-expression.ts';

export type CorrelationBody = Pick<
  CorrelationRule,
  | 'type'
  | 'rules'
  | 'groupBy'
  | 'timespanMs'
  | 'aliases'
  | 'condition'
  | 'expression'
  | 'fields'
  | 'percentile'
  | 'basesGenerate'
>;

/** Called with the place below the rule, what is wrong, and the remedy. */
export type Tell = (at: string, detail: string, remedy: string) => void;

const KEYS = ['type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate'];
const TEMPORAL = new Set<string>(['temporal', 'temporal_ordered']);
/** An ordered expression is searched way by way; nobody writes more, and `and` of `or`s multiplies them. */
const WAYS_MAX = 64;

/** "Any n of these in their order" is searched one choice at a time, and choices double with every rule. */
const ORDERED_MAX = 10;

// Months and years as pySigma has them: a twelfth of, and a whole, mean year of the Gregorian calendar (365.2425 days).
const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, M: 2_629_746, y: 31_556_952 } as const;

/** Undefined when anything was told. */
export function parseCorrelation(value: unknown, generate: unknown, tellCaller: Tell): CorrelationBody | undefined {
  let sound = true;
  const tell: Tell = (at, detail, remedy) => {
    sound = false;
    tellCaller(at === '' ? 'correlation' : `correlation.${at}`, detail, remedy);
  };
  if (!isMap(value)) {
    tell('', 'a correlation is a map', 'write type, rules, group-by, timespan and condition below it');
    return undefined;
  }
  unknownKeys(value, KEYS, '', tell);
  const type = readType(value['type'], tell);
  const { condition, expression, fields, percentile } = readCondition(value['condition'], type, tell);
  const named = readTexts(value['rules'], 'rules', tell);
  const rules = named.length > 0 || expression === undefined ? named : namesOf(expression);
  if (rules.length === 0) tell('rules', 'a correlation needs rules', 'list names or ids of rules');
  if (new Set(rules).size < rules.length) tell('rules', 'a rule is listed twice', 'list each rule once');
  for (const name of expression === undefined ? [] : namesOf(expression)) {
    if (!rules.includes(name)) tell('condition', `"${name}" is not among rules`, 'add it to rules, or leave rules out');
  }
  if (type === 'temporal_ordered' && expression && waysOf(expression, WAYS_MAX) === undefined) {
    tell('condition', `more than ${WAYS_MAX} ways to fulfil it`, 'split it into several correlations');
  }
  if (
    type === 'temporal_ordered' &&
    rules.length > ORDERED_MAX &&
    condition.some(({ value: n }) => n !== rules.length)
  ) {
    tell(
      'condition',
      `some of more than ${ORDERED_MAX} rules in order`,
      'leave the condition out: all of them in order',
    );
  }
  const body: CorrelationBody = {
    type: type ?? 'event_count',
    rules,
    groupBy: readTexts(value['group-by'], 'group-by', tell),
    timespanMs: readTimespan(value['timespan'], tell),
    aliases: readAliases(value['aliases'], rules, tell),
    condition:
      condition.length > 0 || expression !== undefined ? condition : [{ operator: 'gte', value: rules.length }],
    expression,
    fields,
    percentile,
    basesGenerate: readGenerate(value['generate'] ?? generate, tell),
  };
  return sound ? body : undefined;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function unknownKeys(map: Record<string, unknown>, known: readonly string[], within: string, tell: Tell): void {
  for (const key of Object.keys(map)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const remedy = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    tell(within === '' ? key : `${within}.${key}`, `"${key}" is not known here`, remedy);
  }
}

function readType(value: unknown, tell: Tell): CorrelationType | undefined {
  const type = CORRELATION_TYPES.find((known) => known === value);
  if (type === undefined) {
    const near = typeof value === 'string' ? nearest(value, CORRELATION_TYPES) : undefined;
    const detail = value === undefined ? 'a correlation needs a type' : `"${String(value)}" is no type of correlation`;
    tell('type', detail, near === undefined ? `write one of ${CORRELATION_TYPES.join(', ')}` : `did you mean ${near}?`);
  }
  return type;
}

function readTexts(value: unknown, at: string, tell: Tell): string[] {
  if (value === undefined || value === null) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.filter((entry): entry is string => typeof entry === 'string' && entry !== '');
  if (texts.length < list.length) tell(at, 'expected names', 'write a list of strings');
  return texts;
}

function readTimespan(value: unknown, tell: Tell): number {
  const [, amount, unit] = /^(\d{1,9})([smhdwMy])$/.exec(typeof value === 'string' ? value : '') ?? [];
  const seconds = Number(amount ?? 0) * UNIT_SECONDS[(unit ?? 's') as keyof typeof UNIT_SECONDS];
  if (seconds === 0) {
    const detail =
      value === undefined ? 'a correlation needs a timespan' : `"${String(value)}" is no timespan of any length`;
    tell('timespan', detail, 'write a number and s, m, h, d, w, M (month) or y, as 90m');
  }
  return seconds * 1000;
}

function readGenerate(value: unknown, tell: Tell): boolean {
  if (value !== undefined && typeof value !== 'boolean') tell('generate', 'expected true or false', 'write true');
  return value === true;
}

interface Conditions {
  condition: Comparison[];
  expression: RuleExpression | undefined;
  fields: string[];
  percentile: number | undefined;
}

function readCondition(value: unknown, type: CorrelationType | undefined, tell: Tell): Conditions {
  const none: Conditions = { condition: [], expression: undefined, fields: [], percentile: undefined };
  const temporal = type !== undefined && TEMPORAL.has(type);
  if (value === undefined) {
    if (type !== undefined && !temporal) {
      tell('condition', `${type} needs a condition`, 'write one, as {gte: 10}, with a field for the value types');
    }
    return none;
  }
  if (typeof value === 'string') {
    if (temporal) return { ...none, expression: readExpression(value, tell) };
    tell(
      'condition',
      'a condition of rule names belongs to temporal correlations',
      'write a comparison, as {gte: 10}, or type: temporal',
    );
    return none;
  }
  if (!isMap(value)) {
    tell('condition', 'a condition is a map', 'write one, as {gte: 10}');
    return none;
  }
  unknownKeys(value, [...COMPARISONS, 'field', 'percentile'], 'condition', tell);
  const fields = readTexts(value['field'], 'condition.field', tell);
  if (type?.startsWith('value_') && fields.length === 0) {
    tell('condition.field', `${type} needs a field`, 'name it: condition: {field: ..., gte: ...}');
  }
  if (type !== undefined && !type.startsWith('value_') && fields.length > 0) {
    tell('condition.field', `${type} has no field`, 'leave it out, or write value_count');
  }
  if (type?.startsWith('value_') && type !== 'value_count' && type !== 'value_percentile' && fields.length > 1) {
    tell('condition.field', `${type} computes over one field`, 'name one field');
  }
  return {
    condition: readComparisons(value, tell),
    expression: undefined,
    fields,
    percentile: readPercentile(value['percentile'], type, tell),
  };
}

function readComparisons(value: Record<string, unknown>, tell: Tell): Comparison[] {
  const asked = COMPARISONS.filter((operator) => operator in value);
  const comparisons = asked.map((operator) => ({ operator, value: Number(value[operator]) }));
  for (const { operator } of comparisons.filter((c) => !isNumber(value[c.operator]))) {
    tell(`condition.${operator}`, 'a comparison takes a number', `write one, as ${operator}: 10`);
  }
  // two make a range; eq and neq leave nothing to a second one
  const range = asked.length === 2 && asked.some((o) => o.startsWith('g')) && asked.some((o) => o.startsWith('l'));
  if (asked.length === 0) tell('condition', 'a comparison is missing', `write one of ${COMPARISONS.join(', ')}`);
  else if (asked.length > 1 && !range) {
    tell(
      'condition',
      `${asked.join(', ')} cannot stand together`,
      'write one comparison, or a range of gt or gte with lt or lte',
    );
  }
  return comparisons;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function readPercentile(value: unknown, type: CorrelationType | undefined, tell: Tell): number | undefined {
  if (value === undefined) return undefined;
  if (type !== 'value_percentile') {
    tell('condition.percentile', 'percentile belongs to value_percentile', 'leave it out');
  } else if (!isNumber(value) || value < 0 || value > 100) {
    tell('condition.percentile', 'a percentile is a number from 0 to 100', 'write one, as percentile: 95');
  }
  return Number(value);
}

function readExpression(text: string, tell: Tell): RuleExpression | undefined {
  try {
    return parseBoolean<RuleExpression>(text, {
      operand: (name) => ({ kind: 'rule', name }),
      and: (of) => ({ kind: 'and', of }),
      or: (of) => ({ kind: 'or', of }),
      not: (of) => ({ kind: 'not', of }),
    });
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    tell('condition', error.message, error.remedy || 'write names of rules with and, or, not');
    return undefined;
  }
}

function readAliases(value: unknown, rules: readonly string[], tell: Tell): Record<string, Record<string, string>> {
  if (value === undefined) return {};
  if (!isMap(value)) {
    tell('aliases', 'aliases are a map', 'write alias: {rule name: field}');
    return {};
  }
  const aliases: Record<string, Record<string, string>> = {};
  for (const [alias, fields] of Object.entries(value)) {
    const entries = isMap(fields) ? Object.entries(fields) : [];
    if (entries.length === 0) tell(`aliases.${alias}`, 'an alias is a map', 'write {rule name: field}');
    for (const [rule, field] of entries) {
      if (!rules.includes(rule)) {
        const near = nearest(rule, rules);
        const remedy = near === undefined ? 'name a rule as the list of rules does' : `did you mean ${near}?`;
        tell(`aliases.${alias}.${rule}`, `"${rule}" is not among rules`, remedy);
      }
      if (typeof field === 'string') aliases[alias] = { ...aliases[alias], [rule]: field };
      else tell(`aliases.${alias}.${rule}`, 'expected the name of a field', 'write one string');
    }
  }
  return aliases;
}
