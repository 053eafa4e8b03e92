// The visible window of time and how it moves: pure. All values in milliseconds since 1970.

export interface Range {
  from: number;
  to: number;
}

// below a microsecond the clocks of the layers say nothing
const SPAN_MIN = 0.05;
// room beside the first and last event, so that neither sticks to the edge
const MARGIN = 0.05;

export const spanOf = ({ from, to }: Range): number => to - from;

/** `range` with a margin on both sides; at least a second wide. */
export function padded(range: Range, least = 1000): Range {
  const span = Math.max(spanOf(range), least);
  const middle = (range.from + range.to) / 2;
  return { from: middle - span * (0.5 + MARGIN), to: middle + span * (0.5 + MARGIN) };
}

/** The window with `at` kept in its place on the screen; `factor` below 1 zooms in. */
export function zoomed(view: Range, factor: number, at: number, bounds: Range): Range {
  const span = Math.min(Math.max(spanOf(view) * factor, SPAN_MIN), spanOf(bounds));
  const share = spanOf(view) > 0 ? (at - view.from) / spanOf(view) : 0.5;
  return within({ from: at - span * share, to: at + span * (1 - share) }, bounds);
}

/** The window moved by a part of its own width; positive is later. */
export function panned(view: Range, share: number, bounds: Range): Range {
  const by = spanOf(view) * share;
  return within({ from: view.from + by, to: view.to + by }, bounds);
}

/** A window on the way from one to another: the middle moves evenly, the width by even factors, quick at first. */
export function between(a: Range, b: Range, part: number): Range {
  const eased = 1 - (1 - part) ** 3;
  const middle = ((a.from + a.to) / 2) * (1 - eased) + ((b.from + b.to) / 2) * eased;
  const span = spanOf(a) ** (1 - eased) * spanOf(b) ** eased;
  return { from: middle - span / 2, to: middle + span / 2 };
}

/** Moved back, not shrunk, when it would leave `bounds`; shrunk only when it is wider than they are. */
export function within(view: Range, bounds: Range): Range {
  if (spanOf(view) >= spanOf(bounds)) return { ...bounds };
  if (view.from < bounds.from) return { from: bounds.from, to: bounds.from + spanOf(view) };
  if (view.to > bounds.to) return { from: bounds.to - spanOf(view), to: bounds.to };
  return view;
}

/** What to fetch for a view: three screens, quantised so that a little panning asks for the same again. */
export function fetchWindow(view: Range, bounds: Range): Range {
  const span = spanOf(view);
  const grain = 2 ** Math.ceil(Math.log2(span));
  const from = Math.floor((view.from - span / 2) / grain) * grain;
  const to = Math.ceil((view.to + span / 2) / grain) * grain;
  return { from: Math.max(from, bounds.from), to: Math.min(to, bounds.to) };
}

/** A window fetched for `loaded` still serves `view`: it covers it, and in not much coarser a grain. */
export function serves(loaded: Range, view: Range): boolean {
  return loaded.from <= view.from && loaded.to >= view.to && spanOf(loaded) <= spanOf(view) * 8;
}
