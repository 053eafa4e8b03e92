import { expect, it } from 'vitest';
import type { ChainMark, ChainStep } from '../../api/types.ts';
import { createScale } from './scale.ts';
import { layoutFlags, stepRanges } from './step-flags.ts';

const scale = createScale({ from: 0, to: 1000 }, 400);

it('keeps flags apart and on the screen, in the order of the steps', () => {
  const ranges = new Map([1, 2, 3, 4, 5].map((n) => [n, { from: 990 + n, to: 995 + n }]));
  const flags = layoutFlags(ranges, [], scale);
  expect(flags.map((flag) => flag.n)).toEqual([1, 2, 3, 4, 5]);
  for (const [i, flag] of flags.entries()) {
    expect(flag.x).toBeLessThanOrEqual(400 - 11);
    if (i > 0) expect(flag.x - (flags[i - 1]?.x ?? 0)).toBeGreaterThanOrEqual(22 - 1e-9);
  }
});

it('takes the time of a step from what the intruder did, else from the step', () => {
  const mark = (step: number, t: number, role: 'core' | 'context') => ({ step, t, role }) as ChainMark;
  const step = (n: number, time: string | null) => ({ n, time }) as ChainStep;
  const ranges = stepRanges(
    [step(1, null), step(2, '1970-01-01T00:00:07Z'), step(3, null)],
    [mark(1, 5, 'core'), mark(1, 3, 'core'), mark(1, 99, 'context')],
  );
  expect([...ranges]).toEqual([
    [1, { from: 3, to: 5 }],
    [2, { from: 7000, to: 7000 }],
  ]);
});

it('shows when a step pauses', () => {
  const mark = (t: number) => ({ step: 1, t, role: 'core' }) as ChainMark;
  const [flag] = layoutFlags(new Map([[1, { from: 0, to: 900 }]]), [mark(0), mark(20), mark(900)], scale);
  expect(flag?.busy).toEqual([
    { from: 0, to: 8 },
    { from: 360, to: 360 },
  ]);
});
