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
    runs.add(from, n, measure.concerned?.());
  }
  return runs.all();
}

interface Runs {
  /** A window, by positions; its last brought the condition about. `concerned`: only occurrences of these values belong to the run. */
  add(first: number, last: number, concerned?: Iterable<string>): void;
  all(): FoundRun[];
}

interface Span {
  first: number;
  last: number;
}

interface OpenRun extends Span {
  reached: number[];
  /** Where in the run a value was one of those concerned; undefined: all of them everywhere. */
  concerned: Map<string, Span[]> | undefined;
}

/** Windows in order of their ends to runs. */
function createRuns(occurrences: readonly Occurrence[]): Runs {
  const runs: OpenRun[] = [];
  const isMember = ({ concerned }: OpenRun, n: number) => {
    const spans = concerned?.get(occurrences[n]?.value ?? '') ?? [];
    return concerned === undefined || spans.some(({ first, last }) => first <= n && n <= last);
  };
  return {
    add: (first, last, concerned) => {
      let run = runs.at(-1);
      if (run === undefined || first > run.last) {
        run = { first, last, reached: [], concerned: concerned && new Map() };
        runs.push(run);
      }
      run.last = last;
      run.reached.push(last);
      for (const value of concerned ?? []) extend(run.concerned ?? new Map(), value, { first, last });
    },
    all: () =>
      runs.map((run) => ({
        occurrences: occurrences.slice(run.first, run.last + 1).filter((_, i) => isMember(run, run.first + i)),
        reached: run.reached.map((n) => occurrences[n] as Occurrence),
      })),
  };
}

function extend(spans: Map<string, Span[]>, value: string, { first, last }: Span): void {
  const known = spans.get(value);
  const latest = known?.at(-1);
  if (latest !== undefined && first <= latest.last) latest.last = last;
  else if (known !== undefined) known.push({ first, last });
  else spans.set(value, [{ first, last }]);
}
