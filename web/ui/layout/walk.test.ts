import { expect, it } from 'vitest';
import type { ChainMark } from '../../api/types.ts';
import { nextInChain } from './walk.ts';

const mark = (id: string, t: number, step: number, role = 'core') => ({ id, t, step, role }) as ChainMark;
const marks = [mark('a', 1, 1), mark('b', 2, 1), mark('x', 3, 2, 'context'), mark('c', 4, 2), mark('d', 5, 1)];
const view = { from: 2, to: 4 };
const walk = (at: string | null, by: 1 | -1, step: number | null = null) =>
  nextInChain(marks, { at, by, view, step })?.id;

it('begins with what is in view, from the side it walks from', () => {
  expect([walk(null, 1), walk(null, -1)]).toEqual(['b', 'c']);
});

it('goes from deed to deed, leaves out consequences, and stays at the ends', () => {
  expect([walk('b', 1), walk('c', -1), walk('d', 1), walk('a', -1)]).toEqual(['c', 'b', 'd', 'a']);
});

it('stays within a chosen step', () => {
  expect([walk('b', 1, 1), walk(null, 1, 2), walk('a', 1, 2)]).toEqual(['d', 'c', 'c']);
});

it('goes nowhere in a chain without deeds', () => {
  expect(nextInChain([], { at: null, by: 1, view, step: null })).toBeUndefined();
});
