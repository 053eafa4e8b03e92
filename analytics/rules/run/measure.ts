// What a correlation counts or computes over the occurrences of a window, kept up as the window slides: events, values, rules,
// sum, mean, percentile, or the share that each value has of all.
import type { Comparison, CorrelationRule } from '../language/rule.ts';
import { holds } from '../language/rule-expression.ts';
import type { Occurrence } from './occurrence.ts';

export interface Measure {
  add(occurrence: Occurrence): void;
  remove(occurrence: Occurrence): void;
  /** Undefined: nothing to compare with, as the mean of no numbers. */
  value(): number | undefined;
  /** Whether the condition holds for what is within. */
  holds(): boolean;
  /** The values within of which the condition speaks; where this is absent it speaks of all occurrences. */
  concerned?(): Iterable<string>;
}

/** Fresh, with nothing within. */
export function measureOf(rule: CorrelationRule): Measure {
  switch (rule.type) {
    case 'event_count':
      return counting(rule, ({ unit }) => [unit]);
    case 'value_count':
      return counting(rule, ({ value }) => (value === undefined ? [] : [value]));
    case 'temporal':
    case 'temporal_ordered':
      return rulesMatched(rule);
    case 'value_sum':
      return summing(rule, (sum) => sum);
    case 'value_avg':
      return summing(rule, (sum, n) => (n === 0 ? undefined : sum / n));
    case 'value_median':
      return ranked(rule, 50);
    case 'value_percentile':
      return rule.percentile === undefined ? sharesOf(rule) : ranked(rule, rule.percentile);
  }
}

/** More within a window can only bring the condition nearer: it holds from the moment it is first reached. */
export function onlyGrows({ type, condition, expression }: CorrelationRule): boolean {
  return (
    ['event_count', 'value_count', 'temporal'].includes(type) &&
    expression === undefined &&
    condition.every(({ operator }) => operator === 'gt' || operator === 'gte')
  );
}

export function passes(value: number | undefined, condition: readonly Comparison[]): boolean {
  return value !== undefined && condition.every((comparison) => compare(value, comparison));
}

function compare(value: number, { operator, value: wanted }: Comparison): boolean {
  switch (operator) {
    case 'gt':
      return value > wanted;
    case 'gte':
      return value >= wanted;
    case 'lt':
      return value < wanted;
    case 'lte':
      return value <= wanted;
    case 'eq':
      return value === wanted;
    case 'neq':
      return value !== wanted;
  }
}

interface Counts {
  readonly of: ReadonlyMap<string, number>;
  add(key: string): void;
  remove(key: string): void;
}

function createCounts(): Counts {
  const of = new Map<string, number>();
  return {
    of,
    add: (key) => of.set(key, (of.get(key) ?? 0) + 1),
    remove: (key) => {
      const left = (of.get(key) ?? 1) - 1;
      if (left === 0) of.delete(key);
      else of.set(key, left);
    },
  };
}

/** How many different keys are within. */
function counting(rule: CorrelationRule, keysOf: (occurrence: Occurrence) => Iterable<string>): Measure {
  const counts = createCounts();
  const value = () => (rule.type === 'value_count' && counts.of.size === 0 ? undefined : counts.of.size);
  return {
    add: (occurrence) => [...keysOf(occurrence)].forEach(counts.add),
    remove: (occurrence) => [...keysOf(occurrence)].forEach(counts.remove),
    value,
    holds: () => passes(value(), rule.condition),
  };
}

function rulesMatched(rule: CorrelationRule): Measure {
  const counted = counting(rule, ({ rules }) => [...rules].map(String));
  const seen = new Map<number, number>();
  const change = (occurrence: Occurrence, by: number) => {
    for (const n of occurrence.rules) seen.set(n, (seen.get(n) ?? 0) + by);
  };
  const matched = (name: string) => (seen.get(rule.rules.indexOf(name)) ?? 0) > 0;
  const { expression } = rule;
  return {
    add: (occurrence) => {
      counted.add(occurrence);
      change(occurrence, 1);
    },
    remove: (occurrence) => {
      counted.remove(occurrence);
      change(occurrence, -1);
    },
    value: counted.value,
    holds: expression === undefined ? counted.holds : () => holds(expression, matched),
  };
}

/** What is no number counts for nothing. */
function numberOf({ value }: Occurrence): number | undefined {
  const n = value === undefined || value.trim() === '' ? Number.NaN : Number(value);
  return Number.isFinite(n) ? n : undefined;
}

function summing(rule: CorrelationRule, of: (sum: number, n: number) => number | undefined): Measure {
  let sum = 0;
  let n = 0;
  const change = (occurrence: Occurrence, sign: 1 | -1) => {
    const x = numberOf(occurrence);
    if (x === undefined) return;
    n += sign;
    // what left again must leave nothing behind of its rounding
    sum = n === 0 ? 0 : sum + sign * x;
  };
  const value = () => (n === 0 ? undefined : of(sum, n));
  return {
    add: (occurrence) => change(occurrence, 1),
    remove: (occurrence) => change(occurrence, -1),
    value,
    holds: () => passes(value(), rule.condition),
  };
}

/** The percentile of numbers, between two of them in proportion; the median of four is the mean of the middle two. */
function ranked(rule: CorrelationRule, percentile: number): Measure {
  const sorted: number[] = [];
  const value = () => {
    if (sorted.length === 0) return undefined;
    const rank = (percentile / 100) * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(rank)] ?? 0, sorted[Math.ceil(rank)] ?? 0];
    return low + (high - low) * (rank - Math.floor(rank));
  };
  return {
    add: (occurrence) => {
      const x = numberOf(occurrence);
      if (x !== undefined) sorted.splice(positionOf(sorted, x), 0, x);
    },
    remove: (occurrence) => {
      const x = numberOf(occurrence);
      if (x !== undefined) sorted.splice(positionOf(sorted, x), 1);
    },
    value,
    holds: () => passes(value(), rule.condition),
  };
}

/** Of the first number that is not smaller. */
function positionOf(sorted: readonly number[], x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A value's share of all values within, in percent: the specification's "fewer than 1% of all the processes". */
function sharesOf(rule: CorrelationRule): Measure {
  const counts = createCounts();
  /** Values by how often each is there: a condition is asked of each count, of which there are far fewer than values. */
  const ofCount = new Map<number, Set<string>>();
  let all = 0;
  const change = (occurrence: Occurrence, way: 'add' | 'remove') => {
    const { value } = occurrence;
    if (value === undefined) return;
    const before = counts.of.get(value) ?? 0;
    counts[way](value);
    const after = counts.of.get(value) ?? 0;
    ofCount.get(before)?.delete(value);
    if (ofCount.get(before)?.size === 0) ofCount.delete(before);
    if (after > 0) ofCount.set(after, (ofCount.get(after) ?? new Set()).add(value));
    all += way === 'add' ? 1 : -1;
  };
  const asked = (count: number) => passes((100 * count) / all, rule.condition);
  return {
    add: (occurrence) => change(occurrence, 'add'),
    remove: (occurrence) => change(occurrence, 'remove'),
    value: () => counts.of.size,
    holds: () => [...ofCount.keys()].some(asked),
    concerned: function* () {
      for (const [count, values] of ofCount) if (asked(count)) yield* values;
    },
  };
}
