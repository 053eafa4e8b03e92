import { describe, expect, it } from 'vitest';
import { lengthText, rangeText, timeTicks } from './ticks.ts';

const at = (text: string) => Date.parse(text);

describe('ticks of the time axis', () => {
  it('are in UTC and as precise as the window asks for', () => {
    const from = at('2026-11-23T13:09:50Z');
    expect(timeTicks({ from, to: from + 360_000 }, 900).map((tick) => tick.text)).toContain('13:11');
    expect(timeTicks({ from, to: from + 20_000 }, 900).map((tick) => tick.text)).toContain('13:09:55');
    expect(timeTicks({ from, to: from + 500 }, 900).map((tick) => tick.text)).toContain('13:09:50.100');
  });

  it('never crowd: a label has its place', () => {
    for (const span of [3, 700, 5_000, 90_000, 4_000_000, 9e8, 9e10]) {
      const from = at('2026-11-23T13:09:50.123Z');
      expect(timeTicks({ from, to: from + span }, 300).length).toBeLessThanOrEqual(6);
    }
  });

  it('say the day where a day begins', () => {
    const ticks = timeTicks({ from: at('2026-11-23T20:00:00Z'), to: at('2026-11-24T04:00:00Z') }, 900);
    expect(ticks.find((tick) => tick.text === '24 Nov')?.strong).toBe(true);
  });
});

it('says a window and a length in words', () => {
  const from = at('2026-11-23T13:09:50Z');
  expect(rangeText({ from, to: from + 60_000 })).toBe('13:09:50 – 13:10:50');
  expect(rangeText({ from, to: from + 86_400_000 })).toBe('13:09:50 – 24 Nov 13:09:50');
  expect([0.4, 412, 5_200, 199_000, 5_400_000, 400_000_000].map(lengthText)).toEqual([
    '0.4 ms',
    '412 ms',
    '5.2 s',
    '3 m 19 s',
    '1 h 30 m',
    '5 days',
  ]);
});
