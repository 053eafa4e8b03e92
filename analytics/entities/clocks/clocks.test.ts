import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClockPair, estimateOffsets } from './clock-offsets.ts';
import { createClocks, type Moment } from './clocks.ts';

const S = 1_000_000;
const MS = 1_000;
// the beginning of a window
const T = 1_795_200_000 * S;
const pair = (at_us: number, side: 'high' | 'low', bound_us: number, more: Partial<ClockPair> = {}): ClockPair => ({
  ...{
    cluster: 'c',
    node: 'n',
    layer: 'runtime',
    reference: 'k8s-audit',
    side,
    at_us,
    bound_us,
    pairs: 1,
    digests: [`${side}${at_us}`],
  },
  ...more,
});
/** Pairs of a clock that is `ahead(t)` of the API server's at true time t, each some milliseconds loose. */
const pairsOf = (ahead: (t: number) => number, seconds: number, loose: (n: number) => number) =>
  Array.from({ length: seconds / 5 }, (_, n) => {
    const t = T + n * 5 * S;
    return [
      pair(t + ahead(t), 'high', ahead(t) + loose(2 * n)),
      pair(t + ahead(t), 'low', ahead(t) - loose(2 * n + 1)),
    ];
  }).flat();

describe('offsets', () => {
  test('lie between the sharpest bounds of both sides', () => {
    const [window] = estimateOffsets([
      pair(T + S, 'high', 400 * MS),
      pair(T + 2 * S, 'high', 112 * MS),
      pair(T + 3 * S, 'low', 96 * MS),
      pair(T + 4 * S, 'low', -900 * MS),
    ]);
    expect(Math.abs((window?.offset_us ?? 0) - 104 * MS)).toBeLessThan(4 * MS);
    expect(window?.uncertainty_us).toBeLessThan(20 * MS);
    expect(window).toMatchObject({ window_begin_us: T, pairs: 4 });
    expect(window?.digests).toEqual([`high${T + 2 * S}`, `low${T + 3 * S}`]);
  });

  const step = fc.tuple(fc.integer({ min: -60, max: 60 }), fc.integer({ min: 100, max: 500 })).map(
    ([by, when]) =>
      (t: number) =>
        t < T + when * S ? 0 : by * S,
  );
  const drift = (min: number, max: number) =>
    fc.integer({ min, max }).map((ppm) => (t: number) => ((t - T) * ppm) / 1e6);
  test.each([
    // a drift beyond the least step of DRIFTS_PPM has to show in the pairs to be known
    [
      'steady, disciplined and stepping',
      300 * MS,
      fc.oneof(
        fc.integer({ min: -600 * S, max: 600 * S }).map((o) => () => o),
        drift(-20, 20),
        step,
      ),
    ],
    ['drifting', 10 * MS, fc.oneof(drift(-900, -250), drift(250, 900))],
  ])('hold the truth of clocks that are %s', (_name, looseMax, clock) => {
    const loose = fc.array(fc.integer({ min: 0, max: looseMax }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(clock, loose, (ahead, values) => {
        const offsets = estimateOffsets(pairsOf(ahead, 600, (n) => values[n % values.length] ?? 0));
        for (let t = T; t < T + 595 * S; t += S) {
          const at = t + ahead(t);
          for (const o of offsets.filter((w) => w.window_begin_us <= at && at < w.window_end_us))
            expect(Math.abs(ahead(t) - o.offset_us)).toBeLessThanOrEqual(o.uncertainty_us);
        }
      }),
      { numRuns: 100, seed: 6 },
    );
  });

  test('a clock that was set cuts its window, and each side has its own', () => {
    const ahead = (t: number) => (t < T + 150 * S ? 0 : 60 * S);
    const offsets = estimateOffsets(pairsOf(ahead, 300, () => 20 * MS));
    const early = offsets.find((o) => o.window_begin_us <= T + 100 * S && o.window_end_us > T + 100 * S);
    const late = offsets.find((o) => o.window_begin_us <= T + 300 * S && o.window_end_us > T + 300 * S);
    expect(early?.uncertainty_us).toBeLessThan(50 * MS);
    expect(Math.abs((late?.offset_us ?? 0) - 60 * S)).toBeLessThan(50 * MS);
  });

  test('bound on one side only are as unsure as the slowest pair', () => {
    const [window] = estimateOffsets([pair(T + S, 'high', 10 * MS)]);
    expect(window?.uncertainty_us).toBeGreaterThan(4 * S);
  });

  test('are the same in whatever order pairs come', () => {
    const pairs = pairsOf(
      (t) => (t - T) / 2_000,
      400,
      (n) => ((n * 7919) % 100) * MS,
    );
    expect(estimateOffsets(pairs.toReversed())).toEqual(estimateOffsets(pairs));
  });
});

describe('order', () => {
  const moment = (layer: Moment['layer'], at_us: number, node = 'n'): Moment => ({
    cluster: 'c',
    node: layer === 'k8s-audit' ? '' : node,
    layer,
    at_us,
  });
  const ahead = (by: number, node: string) =>
    estimateOffsets(
      [0, 1].flatMap((n) => [
        pair(T + n * S, 'high', by + 10 * MS, { node }),
        pair(T + n * S, 'low', by - 5 * MS, { node }),
      ]),
    );
  const clocks = createClocks([...ahead(3 * S, 'n'), ...ahead(-2 * S, 'm')]);

  test('of two layers takes the difference off, and says when it cannot tell', () => {
    expect(clocks.order(moment('k8s-audit', T), moment('runtime', T + 3 * S + 100 * MS))).toBe('before');
    expect(clocks.order(moment('k8s-audit', T), moment('runtime', T + 2 * S))).toBe('after');
    expect(clocks.order(moment('runtime', T + 2 * S), moment('k8s-audit', T))).toBe('before');
    expect(clocks.order(moment('k8s-audit', T), moment('runtime', T + 3 * S + 5 * MS))).toBe('not ordered');
  });

  test('of two nodes adds both uncertainties', () => {
    expect(clocks.order(moment('runtime', T + 3 * S, 'n'), moment('runtime', T - 2 * S + 200 * MS, 'm'))).toBe(
      'before',
    );
    expect(clocks.order(moment('runtime', T + 3 * S, 'n'), moment('runtime', T - 2 * S + 20 * MS, 'm'))).toBe(
      'not ordered',
    );
  });

  test('of one layer of one node is what its clock says, and nothing at one instant', () => {
    expect(clocks.order(moment('runtime', T), moment('runtime', T + 1))).toBe('before');
    expect(clocks.order(moment('auditd', T), moment('auditd', T))).toBe('not ordered');
  });

  test('of kernel and runtime of one node allows for the tick of the kernel', () => {
    expect(clocks.order(moment('auditd', T), moment('runtime', T + 100 * MS))).toBe('before');
    expect(clocks.order(moment('auditd', T), moment('runtime', T + 8 * MS))).toBe('not ordered');
  });

  test('of a node of which nothing is known needs five minutes', () => {
    expect(clocks.order(moment('k8s-audit', T), moment('runtime', T + 60 * S, 'unknown'))).toBe('not ordered');
    expect(clocks.order(moment('k8s-audit', T), moment('runtime', T + 400 * S, 'unknown'))).toBe('before');
  });

  test('of the kernel goes by what is known of the runtime of its node', () => {
    expect(clocks.order(moment('k8s-audit', T), moment('auditd', T + 3 * S + 200 * MS))).toBe('before');
  });

  test('of two clusters is not known', () => {
    expect(clocks.order(moment('k8s-audit', T), { ...moment('k8s-audit', T + 900 * S), cluster: 'd' })).toBe(
      'not ordered',
    );
  });
});
