// Walking along a chain with the keyboard: from one thing the intruder did to the next or the one before. Pure.
import type { ChainMark } from '../../api/types.ts';
import type { Range } from './view-range.ts';

interface Walk {
  /** The mark the walk is at; null: it begins in the view. */
  at: string | null;
  by: 1 | -1;
  view: Range;
  /** Stays within this step; null: the whole chain. */
  step: number | null;
}

/** `marks` in order of time. At either end it stays. */
export function nextInChain(marks: readonly ChainMark[], { at, by, view, step }: Walk): ChainMark | undefined {
  const way = marks.filter((mark) => mark.role === 'core' && (step === null || mark.step === step));
  const here = way.findIndex((mark) => mark.id === at);
  if (here >= 0) return way[Math.min(Math.max(here + by, 0), way.length - 1)];
  if (by > 0) return way.find((mark) => mark.t >= view.from) ?? way.at(-1);
  return way.findLast((mark) => mark.t <= view.to) ?? way[0];
}
