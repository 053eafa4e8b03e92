// Between instants and pixels of the plot.
import type { Range } from './view-range.ts';

export interface Scale {
  readonly view: Range;
  readonly width: number;
  x(t: number): number;
  t(x: number): number;
}

export function createScale(view: Range, width: number): Scale {
  const perMs = width / (view.to - view.from);
  return { view, width, x: (t) => (t - view.from) * perMs, t: (x) => view.from + x / perMs };
}
