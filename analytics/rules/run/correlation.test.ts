// Runs of correlations: what is one run, what are two, what is none; whatever the order of arrival, the layer, the clock.
import { describe, expect, it } from 'vitest';
import { createClocks } from '../../entities/clocks/clocks.ts';
import { parseRules } from '../language/parse.ts';
import { withoutRefused } from '../language/references.ts';
import type { EventRule, Rule } from '../language/rule.ts';
import { correlate } from './correlation.ts';
import type { Hit } from './scan.ts';

type Layer = 'k8s-audit' | 'auditd' | 'runtime';

const base = (name: string) => `
title: ${name}
id: 11111111-1111-4111-8111-${name.charCodeAt(0).toString().padStart(12, '0')}
name: ${name}
logsource: { product: kubernetes, service: audit }
detection: { s: { verb: get }, condition: s }
---`;

function rulesOf(...correlations: string[]): Rule[] {
  const documents = correlations.map(
    (text, n) => `
title: correlation ${n}
id: 22222222-2222-4222-8222-${String(n).padStart(12, '0')}
name: correlation_${n}
correlation: ${text}`,
  );
  const { rules, problems } = parseRules(['a', 'b', 'c'].map(base).join('') + documents.join('\n---'), 'x.yml');
  expect(problems).toEqual([]);
  return rules;
}

interface Given {
  /** Names of the base rules. */
  rule: string;
  s: number;
  values?: Record<string, string>;
  layer?: Layer;
  places?: Partial<Hit>;
}

const timeOf = (seconds: number) =>
  new Date(Date.UTC(2026, 10, 23, 13) + seconds * 1000).toISOString().replace('T', ' ').replace('Z', '000');

function hitOf({ rule, s, values = {}, places = {} }: Given, rules: readonly Rule[]): Hit {
  return {
    cluster: 'c',
    node: 'n',
    time: timeOf(s),
    event_key: `${rule}${s}`,
    event_id: `${rule}${s}`,
    digests: [],
    principal: '',
    namespace: '',
    pod: '',
    pod_uid: '',
    container_id: '',
    process_key: '',
    words: {},
    values,
    rules: rules.filter((r): r is EventRule => r.kind === 'event' && r.name === rule),
    ...places,
  };
}

/** Each run as its events; `{a: [0, 5]}` are events of rule a at second 0 and 5. */
function runs(rules: Rule[], given: readonly Given[], uncertaintyUs = 5000): string[] {
  const offsets = (['auditd', 'runtime'] as const).map((layer) => ({
    cluster: 'c',
    node: 'n',
    layer,
    reference: 'k8s-audit' as const,
    window_begin_us: 0,
    window_end_us: 4e15,
    offset_us: 0,
    uncertainty_us: uncertaintyUs,
    pairs: 1,
    digests: [],
  }));
  const found = (order: readonly Given[]) => {
    const correlations = correlate(rules, createClocks(offsets));
    for (const one of order) correlations.add(hitOf(one, rules), one.layer ?? 'k8s-audit');
    return [...correlations.runs()].map(
      ({ hits, count }) => `${hits.map(({ event_key }) => event_key).join(' ')} = ${count}`,
    );
  };
  const forward = found(given);
  expect(found([...given].reverse()).sort()).toEqual([...forward].sort());
  return forward;
}

const at = (rule: string, ...seconds: number[]): Given[] => seconds.map((s) => ({ rule, s }));
const valued = (rule: string, ...pairs: [number, string][]): Given[] =>
  pairs.map(([s, v]) => ({ rule, s, values: { v } }));

describe('a count of events', () => {
  const three = rulesOf('{ type: event_count, rules: [a], timespan: 1m, condition: { gte: 3 } }');
  const two = rulesOf('{ type: event_count, rules: [a], timespan: 10s, condition: { gte: 2 } }');

  it('is reached within the window only, its last second included', () => {
    expect(runs(three, at('a', 0, 30, 61))).toEqual([]);
    expect(runs(three, at('a', 0, 30, 60))).toEqual(['a0 a30 a60 = 3']);
  });

  it('is one run while windows share an event, and two when they do not', () => {
    expect(runs(two, at('a', 0, 5, 12, 19))).toEqual(['a0 a5 a12 a19 = 4']);
    expect(runs(two, at('a', 0, 5, 100, 104, 300))).toEqual(['a0 a5 = 2', 'a100 a104 = 2']);
    expect(runs(two, at('a', 0, 5, 20, 25))).toHaveLength(2);
    expect(runs(two, at('a', 0, 5, 20, 25, 13))).toHaveLength(1);
  });

  it('asks windows that no further event fits into: fewer than three is not the beginning of many', () => {
    const few = rulesOf('{ type: event_count, rules: [a], timespan: 10s, condition: { lt: 3 } }');
    expect(runs(few, at('a', 0, 1, 2, 3))).toEqual([]);
    expect(runs(few, at('a', 0, 1, 2, 3, 50, 51))).toEqual(['a50 a51 = 2']);
    const range = rulesOf('{ type: event_count, rules: [a], timespan: 10s, condition: { gt: 1, lte: 3 } }');
    expect(runs(range, at('a', 0, 20, 21, 22, 40, 41, 42, 43))).toEqual(['a20 a21 a22 = 3']);
  });

  it('is kept for each group, and what lacks the field is a group too', () => {
    const by = rulesOf('{ type: event_count, rules: [a], group-by: [v], timespan: 1m, condition: { gte: 2 } }');
    expect(runs(by, [...valued('a', [0, 'x'], [1, 'y'], [2, 'x'], [3, 'y']), ...at('a', 4, 5)])).toEqual([
      'a0 a2 = 2',
      'a1 a3 = 2',
      'a4 a5 = 2',
    ]);
  });
});

describe('values of a field', () => {
  const of = (type: string, condition: string) =>
    rulesOf(`{ type: ${type}, rules: [a], timespan: 10s, condition: { field: v, ${condition} } }`);

  it('count once each, and those that left the window no more', () => {
    const three = of('value_count', 'gte: 3');
    expect(runs(three, valued('a', [0, 'a'], [1, 'a'], [2, 'b'], [3, 'b']))).toEqual([]);
    expect(runs(three, valued('a', [0, 'a'], [6, 'b'], [12, 'c']))).toEqual([]);
    expect(runs(three, valued('a', [0, 'a'], [1, 'b'], [2, 'c'], [3, 'a']))).toEqual(['a0 a1 a2 a3 = 3']);
    expect(runs(three, [...valued('a', [0, 'a'], [1, 'b']), ...at('a', 2)])).toEqual([]);
  });

  it.each<[string, string, [number, string][], string[]]>([
    [
      'value_sum',
      'gt: 10',
      [
        [0, '5'],
        [1, '6'],
        [2, 'much'],
      ],
      ['a0 a1 a2 = 11'],
    ], // prettier-ignore
    [
      'value_sum',
      'gt: 10',
      [
        [0, '5'],
        [20, '6'],
      ],
      [],
    ], // prettier-ignore
    [
      'value_avg',
      'gt: 5',
      [
        [0, '9'],
        [1, '2'],
        [2, '2'],
      ],
      [],
    ], // prettier-ignore
    [
      'value_avg',
      'gt: 4',
      [
        [0, '9'],
        [1, '2'],
        [2, '2'],
        [3, ''],
      ],
      ['a0 a1 a2 a3 = 4.333333333333333'],
    ], // prettier-ignore
    [
      'value_median',
      'eq: 3',
      [
        [0, '1'],
        [1, '2'],
        [2, '4'],
        [3, '100'],
      ],
      ['a0 a1 a2 a3 = 3'],
    ], // prettier-ignore
    [
      'value_percentile',
      'percentile: 90, gte: 9',
      [
        [0, '0'],
        [1, '5'],
        [2, '10'],
      ],
      ['a0 a1 a2 = 9'],
    ], // prettier-ignore
    [
      'value_percentile',
      'percentile: 90, gt: 9',
      [
        [0, '0'],
        [1, '5'],
        [2, '10'],
      ],
      [],
    ], // prettier-ignore
  ])('%s %s of %j: %j', (type, condition, values, expected) => {
    expect(runs(of(type, condition), valued('a', ...values))).toEqual(expected);
  });

  it('that are rare among all of the window are found without the others', () => {
    const rare = of('value_percentile', 'lte: 25');
    expect(runs(rare, valued('a', [0, 'x'], [1, 'x'], [2, 'odd'], [3, 'x']))).toEqual(['a2 = 1']);
    expect(runs(rare, valued('a', [0, 'x'], [1, 'x'], [2, 'odd']))).toEqual([]);
  });
});

describe('rules in one window', () => {
  const both = rulesOf('{ type: temporal, rules: [a, b], group-by: [v], timespan: 10s }');

  it('must all match, of one group, in any order', () => {
    expect(runs(both, valued('b', [0, 'x'])).concat(runs(both, valued('a', [0, 'x'], [1, 'x'])))).toEqual([]);
    expect(runs(both, [...valued('b', [0, 'x']), ...valued('a', [9, 'x'])])).toEqual(['b0 a9 = 2']);
    expect(runs(both, [...valued('b', [0, 'x']), ...valued('a', [11, 'x'])])).toEqual([]);
    expect(runs(both, [...valued('b', [0, 'x']), ...valued('a', [9, 'y'])])).toEqual([]);
  });

  it('do not belong together because both lack the field', () => {
    expect(runs(both, [...at('b', 0), ...at('a', 1)])).toEqual([]);
  });

  it('may be asked for in words', () => {
    const words = rulesOf('{ type: temporal, condition: a and (b or c), timespan: 10s }');
    expect(runs(words, [...at('a', 0), ...at('c', 1)])).toEqual(['a0 c1 = 2']);
    expect(runs(words, [...at('b', 0), ...at('c', 1)])).toEqual([]);
    const without = rulesOf('{ type: temporal, condition: a and not b, timespan: 10s }');
    expect(runs(without, [...at('a', 0), ...at('b', 5), ...at('a', 50)])).toEqual(['a50 = 1']);
  });
});

describe('rules one after the other', () => {
  const inOrder = rulesOf('{ type: temporal_ordered, rules: [a, b, c], timespan: 10s }');

  it('must come in their order within the timespan; what leads nowhere is no part of it', () => {
    expect(runs(inOrder, [...at('a', 0), ...at('b', 1), ...at('c', 2)])).toEqual(['a0 b1 c2 = 3']);
    expect(runs(inOrder, [...at('b', 0), ...at('a', 1), ...at('c', 2)])).toEqual([]);
    expect(runs(inOrder, [...at('a', 0), ...at('b', 5), ...at('c', 11)])).toEqual([]);
    expect(runs(inOrder, [...at('a', 0, 4), ...at('b', 5), ...at('c', 1, 11)])).toEqual(['a4 b5 c11 = 3']);
  });

  it('are one run while one could have led to the end of the next, and two when they are further apart', () => {
    const two = rulesOf('{ type: temporal_ordered, rules: [a, b], timespan: 10s }');
    expect(runs(two, [...at('a', 0, 4, 30), ...at('b', 1, 9, 31)])).toEqual(['a0 b1 a4 b9 = 4', 'a30 b31 = 2']);
  });

  it('of one stamp may be in order', () => {
    expect(runs(inOrder, [...at('a', 0), ...at('b', 0), ...at('c', 0)])).toEqual(['a0 b0 c0 = 3']);
  });

  it('of two layers must be further apart than their clocks are sure of', () => {
    const two = rulesOf('{ type: temporal_ordered, rules: [a, b], group-by: [vestige.pod], timespan: 10s }');
    const places = { pod: 'p' };
    const later = (s: number): Given[] => [
      { rule: 'a', s: 0, places },
      { rule: 'b', s, places, layer: 'auditd' },
    ];
    expect(runs(two, later(0.1), 50_000)).toEqual(['a0 b0.1 = 2']);
    expect(runs(two, later(0.1), 150_000)).toEqual([]);
    expect(runs(two, later(0.1), 300_000_000)).toEqual([]);
    const unordered = rulesOf('{ type: temporal, rules: [a, b], group-by: [vestige.pod], timespan: 10s }');
    expect(runs(unordered, later(0.1), 300_000_000)).toEqual(['a0 b0.1 = 2']);
  });

  it('may leave a rule out', () => {
    const without = rulesOf(
      '{ type: temporal_ordered, rules: [a, b, c], condition: a and c and not b, timespan: 10s }',
    );
    expect(runs(without, [...at('a', 0), ...at('c', 2)])).toEqual(['a0 c2 = 2']);
    expect(runs(without, [...at('c', 0), ...at('a', 2)])).toEqual([]);
    expect(runs(without, [...at('a', 0), ...at('b', 1), ...at('c', 2)])).toEqual([]);
  });
});

it('a correlation of a rule that cannot be run is not run either, nor what rests on it', () => {
  const rules = rulesOf(
    '{ type: temporal, rules: [a, b], timespan: 10s }',
    '{ type: event_count, rules: [correlation_0], timespan: 1m, condition: { gte: 2 } }',
    '{ type: event_count, rules: [b], timespan: 1m, condition: { gte: 2 } }',
  );
  const [a] = rules;
  const left = withoutRefused(rules, [{ path: a?.path ?? '', at: 'detection', detail: 'not runnable' }]);
  expect(left.rules.map(({ name }) => name)).toEqual(['b', 'c', 'correlation_2']);
  expect(left.refused.map(({ path }) => path)).toEqual(['x.yml#1', 'x.yml#4', 'x.yml#5']);
});

describe('a correlation of correlations', () => {
  const chained = rulesOf(
    '{ type: event_count, rules: [a], group-by: [v], timespan: 10s, condition: { gte: 3 } }',
    '{ type: temporal_ordered, rules: [correlation_0, b], group-by: [v], timespan: 10s }',
  );
  const many = valued('a', [0, 'x'], [1, 'x'], [2, 'x'], [4, 'x']);

  it('sees a run from the moment its condition is reached, and tells only the outer one', () => {
    expect(runs(chained, [...many, ...valued('b', [3, 'x'])])).toEqual(['a0 a1 a2 a4 b3 = 2']);
    expect(runs(chained, [...many, ...valued('b', [1.5, 'x'])])).toEqual([]);
    expect(runs(chained, [...many, ...valued('b', [3, 'y'])])).toEqual([]);
    expect(runs(chained, many)).toEqual([]);
  });

  it('may count runs', () => {
    const twice = rulesOf(
      '{ type: event_count, rules: [a], timespan: 10s, condition: { gte: 2 } }',
      '{ type: event_count, rules: [correlation_0], timespan: 1h, condition: { gte: 2 } }',
    );
    expect(runs(twice, at('a', 0, 1, 2, 3))).toEqual([]);
    expect(runs(twice, at('a', 0, 1, 100, 101))).toEqual(['a0 a1 a100 a101 = 2']);
  });
});
