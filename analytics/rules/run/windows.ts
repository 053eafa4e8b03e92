// Sliding windows over the occurrences of one group: every window as long as the timespan that no further occurrence fits into is
// asked whether the condition holds. Windows that do and share an occurrence are one run, so that late data makes it longer.
import type { CorrelationRule } from '../language/rule.ts';
import { measureOf, onlyGrows } from './measure.ts';
import type { Occurrence } from './occurrence.ts';

export interface FoundRun {
  /** In order of time. */
  readonly occurrences: readonly Occurrence[];
  /** Those with which the condition held: what a correlation of this correlation sees. */
  readonly reached: readonly Occurrence[];
}

/** `occurrences` in order of time. */
export function runsInWindows(rule: CorrelationRule, occurrences: readonly Occurrence[]): FoundRun[] {
  const timespanUs = rule.timespanMs * 1000;
  const measure = measureOf(rule);
  const everyStep = onlyGrows(rule);
  const at = (n: number) => occurrences[n]?.atUs ?? Number.POSITIVE_INFINITY;
  const runs = createRuns(occurrences);
  let from = 0;
  for (const [n, occurrence] of occurrences.entries()) {
    measure.add(occurrence);
    for (; at(n) - at(from) > timespanUs; from++) measure.remove(occurrences[from] as Occurrence);
    const full = at(n + 1) - at(from) > timespanUs;
    if (!(full || everyStep) || !measure.holds()) continue;
    const { concerns } = measure;
    runs.add(from, n, n, concerns && ((x: Occurrence) => concerns(x)));
  }
  return runs.all();
}

interface Runs {
  /** A window, by positions; `concerned`: which of its occurrences belong to the run. */
  add(first: number, last: number, reached: number, concerned?: (occurrence: Occurrence) => boolean): void;
  all(): FoundRun[];
}

/** Windows in order of their ends to runs. */
function createRuns(occurrences: readonly Occurrence[]): Runs {
  const runs: { first: number; last: number; members: Set<number> | undefined; reached: number[] }[] = [];
  return {
    add: (first, last, reached, concerned) => {
      let run = runs.at(-1);
      if (run === undefined || first > run.last) {
        run = { first, last, members: concerned && new Set(), reached: [] };
        runs.push(run);
      }
      run.last = last;
      run.reached.push(reached);
      if (!concerned) return;
      for (let i = first; i <= last; i++) if (concerned(occurrences[i] as Occurrence)) run.members?.add(i);
    },
    all: () =>
      runs.map(({ first, last, members, reached }) => ({
        occurrences: occurrences.slice(first, last + 1).filter((_, i) => members?.has(first + i) ?? true),
        reached: reached.map((n) => occurrences[n] as Occurrence),
      })),
  };
}
