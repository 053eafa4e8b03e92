// temporal_ordered: occurrences of the rules one after the other within the timespan. Every occurrence is followed forward and
// backward: it belongs to a run when the latest start that leads to it and the earliest end that it leads to lie near enough.
// Order between two clocks is what the clocks can tell (occurrence.ts).
import type { Clocks } from '../../entities/clocks/clocks.ts';
import type { CorrelationRule } from '../language/rule.ts';
import { waysOf } from '../language/rule-expression.ts';
import { passes } from './measure.ts';
import { cameBefore, type Occurrence } from './occurrence.ts';
import type { FoundRun } from './windows.ts';

/** `occurrences` in order of time. */
export function runsInOrder(rule: CorrelationRule, occurrences: readonly Occurrence[], clocks: Clocks): FoundRun[] {
  const timespanUs = rule.timespanMs * 1000;
  const spans = new Map<number, Span>();
  const ends = new Set<number>();
  for (const { steps, absent } of sequencesOf(rule)) {
    for (const span of spansOf(steps, occurrences, timespanUs, clocks)) {
      if (absent.size > 0 && isAmong(occurrences, absent, span, timespanUs)) continue;
      const known = spans.get(span.n);
      spans.set(span.n, known === undefined ? span : wider(known, span));
      if (span.n === span.last) ends.add(span.n);
    }
  }
  return runsOfSpans([...spans.values()], occurrences, ends, timespanUs);
}

interface Sequence {
  /** Positions in the correlation's list of rules, in order. */
  readonly steps: readonly number[];
  /** Rules that must not match within the timespan. */
  readonly absent: ReadonlySet<number>;
}

/** What must come one after the other: all rules, as many of them as the condition asks for, or the ways of an expression. */
export function sequencesOf(rule: CorrelationRule): Sequence[] {
  const positions = rule.rules.map((_, n) => n);
  if (rule.expression !== undefined) {
    // parse.ts has seen to it that there are not too many
    return (waysOf(rule.expression, Number.POSITIVE_INFINITY) ?? []).flatMap(({ present, absent }) => {
      const steps = present.map((name) => rule.rules.indexOf(name)).sort((a, b) => a - b);
      const not = new Set(absent.map((name) => rule.rules.indexOf(name)));
      return steps.length === 0 || steps.some((step) => not.has(step)) ? [] : [{ steps, absent: not }];
    });
  }
  const all = [{ steps: positions, absent: new Set<number>() }];
  const subsetsPass = positions.some((n) => n > 0 && passes(n, rule.condition));
  if (!subsetsPass) return passes(positions.length, rule.condition) ? all : [];
  // a condition such as gte: 2 of three rules: any two in their order
  return subsetsOf(positions)
    .filter((steps) => steps.length > 0 && passes(steps.length, rule.condition))
    .map((steps) => ({ steps, absent: new Set<number>() }));
}

/** In their order; only all where all are wanted is cheap enough for long lists (parse.ts bounds the others). */
function subsetsOf(positions: readonly number[]): number[][] {
  const subsets: number[][] = [[]];
  for (const n of positions) for (const known of [...subsets]) subsets.push([...known, n]);
  return subsets;
}

interface Span {
  readonly n: number;
  readonly first: number;
  readonly last: number;
}

const wider = (a: Span, b: Span): Span => ({
  n: a.n,
  first: Math.min(a.first, b.first),
  last: Math.max(a.last, b.last),
});

/** Every occurrence that is part of the whole sequence within the timespan, with the nearest first and last of it. */
function spansOf(
  steps: readonly number[],
  occurrences: readonly Occurrence[],
  timespanUs: number,
  clocks: Clocks,
): Span[] {
  const at = (n: number) => occurrences[n]?.atUs ?? 0;
  const before = (a: Occurrence, b: Occurrence) => cameBefore(a, b, clocks);
  const forward = follow(steps, occurrences, before);
  const reversed = follow([...steps].reverse(), [...occurrences].reverse(), (a, b) => before(b, a));
  const end = occurrences.length - 1;
  const spans: Span[] = [];
  for (let n = 0; n < occurrences.length; n++) {
    let span: Span | undefined;
    for (let step = 0; step < steps.length; step++) {
      const first = forward[step]?.get(n);
      const last = reversed[steps.length - 1 - step]?.get(end - n);
      if (first === undefined || last === undefined || at(end - last) - at(first) > timespanUs) continue;
      const found = { n, first, last: end - last };
      span = span === undefined ? found : wider(span, found);
    }
    if (span) spans.push(span);
  }
  return spans;
}

interface Clock {
  /** Positions of occurrences that fulfil a step, in order, and where the sequence to each began. */
  readonly at: number[];
  readonly starts: number[];
}

/** For each step, the occurrences that a sequence reaches it with, and the position of its latest start. */
function follow(
  steps: readonly number[],
  occurrences: readonly Occurrence[],
  before: (a: Occurrence, b: Occurrence) => boolean,
): Map<number, number>[] {
  const reached = steps.map(() => new Map<number, number>());
  const clocks = steps.map(() => new Map<string, Clock>());
  for (const [n, occurrence] of occurrences.entries()) {
    for (let step = steps.length - 1; step >= 0; step--) {
      if (!occurrence.rules.has(steps[step] ?? -1)) continue;
      const earlier = step === 0 ? undefined : [...(clocks[step - 1]?.values() ?? [])];
      const start = earlier === undefined ? n : latestStart(earlier, occurrence, occurrences, before);
      if (start === undefined) continue;
      reached[step]?.set(n, start);
      const key = clockOf(occurrence);
      const clock = clocks[step]?.get(key) ?? { at: [], starts: [] };
      clock.at.push(n);
      clock.starts.push(Math.max(start, clock.starts.at(-1) ?? start));
      clocks[step]?.set(key, clock);
    }
  }
  return reached;
}

const clockOf = ({ moment }: Occurrence) => [moment.cluster, moment.node, moment.layer].join('\0');

// Of one clock, what came later started later, so that the last that is before for sure is the best of it. It is found by halves:
// along one clock, what is surely before ends where what is not begins.
function latestStart(
  clocks: readonly Clock[],
  occurrence: Occurrence,
  occurrences: readonly Occurrence[],
  before: (a: Occurrence, b: Occurrence) => boolean,
): number | undefined {
  let best: number | undefined;
  for (const { at, starts } of clocks) {
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(occurrences[at[middle] ?? 0] as Occurrence, occurrence)) low = middle + 1;
      else high = middle;
    }
    const start = starts[low - 1];
    if (start !== undefined && (best === undefined || start > best)) best = start;
  }
  return best;
}

/** Whether a rule that must not match does, as near as the timespan to both ends of a span. */
function isAmong(
  occurrences: readonly Occurrence[],
  absent: ReadonlySet<number>,
  { first, last }: Span,
  timespanUs: number,
): boolean {
  const at = (n: number) => occurrences[n]?.atUs ?? 0;
  const matches = (n: number) => [...(occurrences[n]?.rules ?? [])].some((rule) => absent.has(rule));
  for (let n = first; n >= 0 && at(last) - at(n) <= timespanUs; n--) if (matches(n)) return true;
  for (let n = first; n < occurrences.length && at(n) - at(first) <= timespanUs; n++) if (matches(n)) return true;
  return false;
}

interface OrderedRun {
  latestStart: number;
  earliestEnd: number;
  last: number;
  members: number[];
}

/**
 * Sequences that share an occurrence are one run, and so are those of which the one's start and the other's end lie within the timespan:
 * from that start the other could have been reached too.
 */
function runsOfSpans(
  spans: readonly Span[],
  occurrences: readonly Occurrence[],
  ends: ReadonlySet<number>,
  timespanUs: number,
): FoundRun[] {
  const at = (n: number) => occurrences[n]?.atUs ?? 0;
  const runs: OrderedRun[] = [];
  for (const { n, first, last } of [...spans].sort((a, b) => a.first - b.first || a.n - b.n)) {
    let run = runs.at(-1);
    if (run === undefined || first > run.last) {
      run = { latestStart: first, earliestEnd: last, last, members: [] };
      runs.push(run);
    }
    run.latestStart = Math.max(run.latestStart, first);
    run.earliestEnd = Math.min(run.earliestEnd, last);
    run.last = Math.max(run.last, last);
    run.members.push(n);
  }
  const joined: OrderedRun[] = [];
  for (const run of runs) {
    const before = joined.at(-1);
    if (before !== undefined && at(run.earliestEnd) - at(before.latestStart) <= timespanUs) {
      before.members.push(...run.members);
      before.latestStart = run.latestStart;
    } else joined.push(run);
  }
  const of = (members: readonly number[]) =>
    [...members].sort((a, b) => a - b).map((n) => occurrences[n] as Occurrence);
  return joined.map(({ members }) => ({ occurrences: of(members), reached: of(members.filter((n) => ends.has(n))) }));
}
