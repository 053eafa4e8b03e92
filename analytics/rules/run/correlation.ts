// Correlation rules over the hits of event rules: how many, or how many different, of one group within a sliding window.
// A finding is a maximal run: windows that overlap and each hold enough are one, so that late data makes it longer.
import type { CorrelationRule, EventRule, Rule } from '../language/rule.ts';
import type { Hit } from './scan.ts';

/** What a correlation keeps of a hit. */
export interface Run {
  readonly rule: CorrelationRule;
  /** In order of time; the first gives the finding its place. */
  readonly hits: readonly Hit[];
  readonly count: number;
  readonly spanMs: number;
}

export interface Correlations {
  /** Fields whose values are needed of hits. */
  readonly fields: readonly string[];
  add(hit: Hit): void;
  runs(): Iterable<Run>;
}

// A finding names its events; a burst of more is told by its count and its first events.
const HITS_NAMED_MAX = 1000;

export function correlate(rules: readonly Rule[]): Correlations {
  const correlations = rules.filter((rule) => rule.kind === 'correlation');
  const groups = new Map<string, { rule: CorrelationRule; hits: Hit[] }>();
  const isBase = (correlation: CorrelationRule, rule: EventRule) =>
    correlation.rules.some((name) => name === rule.name || name === rule.id);
  return {
    fields: [...new Set(correlations.flatMap((rule) => [...rule.groupBy, ...(rule.field ? [rule.field] : [])]))],
    add: (hit) => {
      for (const rule of correlations) {
        if (!hit.rules.some((base) => isBase(rule, base))) continue;
        const key = JSON.stringify([rule.id, hit.cluster, ...rule.groupBy.map((field) => hit.values[field] ?? '')]);
        const group = groups.get(key) ?? { rule, hits: [] };
        group.hits.push(hit);
        groups.set(key, group);
      }
    },
    *runs() {
      for (const { rule, hits } of groups.values()) yield* runsOf(rule, hits);
    },
  };
}

/** Names of base rules that no rule has. */
export function missingBases(rule: CorrelationRule, rules: readonly Rule[]): string[] {
  return rule.rules.filter(
    (name) => !rules.some((base) => base.kind === 'event' && (base.name === name || base.id === name)),
  );
}

export function* runsOf(rule: CorrelationRule, unordered: readonly Hit[]): Iterable<Run> {
  const hits = unordered
    .map((hit) => ({
      hit,
      at: timeMs(hit.time),
      value: rule.field === undefined ? '' : (hit.values[rule.field] ?? ''),
    }))
    .sort((a, b) => a.at - b.at || (a.hit.event_key < b.hit.event_key ? -1 : 1));
  const inWindow = new Map<string, number>();
  let from = 0;
  let run: { first: number; last: number } | undefined;
  for (const [n, { at, value }] of hits.entries()) {
    inWindow.set(value, (inWindow.get(value) ?? 0) + 1);
    for (; at - (hits[from]?.at ?? at) > rule.timespanMs; from++) leave(inWindow, hits[from]?.value ?? '');
    const count = rule.type === 'value_count' ? inWindow.size : n - from + 1;
    if (count < rule.atLeast) continue;
    if (run && from <= run.last) run.last = n;
    else {
      if (run) yield finished(rule, hits.slice(run.first, run.last + 1));
      run = { first: from, last: n };
    }
  }
  if (run) yield finished(rule, hits.slice(run.first, run.last + 1));
}

function leave(inWindow: Map<string, number>, value: string): void {
  const left = (inWindow.get(value) ?? 1) - 1;
  if (left === 0) inWindow.delete(value);
  else inWindow.set(value, left);
}

function finished(rule: CorrelationRule, run: readonly { hit: Hit; at: number; value: string }[]): Run {
  const count = rule.type === 'value_count' ? new Set(run.map(({ value }) => value)).size : run.length;
  const spanMs = (run.at(-1)?.at ?? 0) - (run[0]?.at ?? 0);
  return { rule, hits: run.slice(0, HITS_NAMED_MAX).map(({ hit }) => hit), count, spanMs };
}

// Milliseconds are enough to order by: events of one millisecond are ordered by their key.
const timeMs = (time: string) => Date.parse(`${time.replace(' ', 'T')}Z`);
