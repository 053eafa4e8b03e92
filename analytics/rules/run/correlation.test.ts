// Sliding windows: what is one run, what are two, what is none.
import { describe, expect, it } from 'vitest';
import type { CorrelationRule } from '../language/rule.ts';
import { runsOf } from './correlation.ts';
import type { Hit } from './scan.ts';

const rule = (type: CorrelationRule['type'], atLeast: number, timespanMs = 60_000): CorrelationRule => ({
  kind: 'correlation',
  type,
  atLeast,
  timespanMs,
  rules: ['base'],
  groupBy: [],
  field: type === 'value_count' ? 'v' : undefined,
  id: 'r',
  name: undefined,
  title: 'T',
  description: '',
  severity: 'low',
  techniques: [],
  tactics: [],
  references: [],
  falsePositives: [],
  blindSpots: [],
  signal: undefined,
  question: undefined,
  severityReason: undefined,
  chinese: undefined,
  matrix: [],
  sentence: undefined,
  cases: { match: [], miss: [] },
  path: 'x.yml',
});

const hit = (seconds: number, v = ''): Hit => ({
  cluster: 'c',
  node: '',
  time: new Date(Date.UTC(2026, 10, 23, 13, 0, 0) + seconds * 1000).toISOString().replace('T', ' ').replace('Z', ''),
  event_key: `e${seconds}`,
  event_id: `e${seconds}`,
  digests: [],
  principal: '',
  namespace: '',
  pod: '',
  pod_uid: '',
  container_id: '',
  process_key: '',
  words: {},
  values: { v },
  rules: [],
});

const runs = (r: CorrelationRule, hits: Hit[]) =>
  [...runsOf(r, hits)].map(({ hits: of, count, spanMs }) => ({
    events: of.map((h) => h.event_key).join(' '),
    count,
    spanMs,
  }));

describe('a count of events', () => {
  it('is reached within the window only, whatever the order of arrival', () => {
    const r = rule('event_count', 3);
    expect(runs(r, [hit(0), hit(30), hit(70)])).toEqual([]);
    expect(runs(r, [hit(60), hit(0), hit(30)])).toEqual([{ events: 'e0 e30 e60', count: 3, spanMs: 60_000 }]);
  });

  it('is one run while windows overlap, and two when they do not', () => {
    const r = rule('event_count', 2, 10_000);
    expect(
      runs(
        r,
        [0, 5, 12, 19].map((s) => hit(s)),
      ),
    ).toEqual([{ events: 'e0 e5 e12 e19', count: 4, spanMs: 19_000 }]);
    expect(
      runs(
        r,
        [0, 5, 100, 104, 300].map((s) => hit(s)),
      ).map((run) => run.events),
    ).toEqual(['e0 e5', 'e100 e104']);
  });

  it('grows into the same run when late data closes a gap', () => {
    const r = rule('event_count', 2, 10_000);
    expect(
      runs(
        r,
        [0, 5, 20, 25].map((s) => hit(s)),
      ),
    ).toHaveLength(2);
    expect(
      runs(
        r,
        [0, 5, 20, 25, 13].map((s) => hit(s)),
      ),
    ).toHaveLength(1);
  });
});

describe('a count of values', () => {
  it('counts each value of a window once and forgets those that left it', () => {
    const r = rule('value_count', 3, 10_000);
    expect(runs(r, [hit(0, 'a'), hit(1, 'a'), hit(2, 'b'), hit(3, 'b')])).toEqual([]);
    expect(runs(r, [hit(0, 'a'), hit(6, 'b'), hit(12, 'c')])).toEqual([]);
    expect(runs(r, [hit(0, 'a'), hit(1, 'b'), hit(2, 'c'), hit(3, 'a')])).toMatchObject([{ count: 3, spanMs: 3000 }]);
  });
});
