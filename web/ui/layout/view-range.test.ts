import { describe, expect, it } from 'vitest';
import { between, fetchWindow, padded, panned, serves, spanOf, within, zoomed } from './view-range.ts';

const bounds = { from: 0, to: 1000 };

describe('the visible window', () => {
  it('keeps the instant under the pointer in its place while zooming', () => {
    const view = { from: 200, to: 600 };
    const next = zoomed(view, 0.5, 300, bounds);
    expect(spanOf(next)).toBe(200);
    expect((300 - next.from) / spanOf(next)).toBeCloseTo((300 - view.from) / spanOf(view));
  });

  it('never leaves its bounds, and keeps its width at their edge', () => {
    expect(panned({ from: 900, to: 1000 }, 0.5, bounds)).toEqual({ from: 900, to: 1000 });
    expect(within({ from: -50, to: 50 }, bounds)).toEqual({ from: 0, to: 100 });
    expect(zoomed({ from: 0, to: 1000 }, 4, 10, bounds)).toEqual(bounds);
  });

  it('can be zoomed to a single instant and back', () => {
    let view = padded({ from: 500, to: 500 }, 10);
    for (let i = 0; i < 60; i++) view = zoomed(view, 0.5, 500, bounds);
    expect(spanOf(view)).toBeGreaterThan(0);
    for (let i = 0; i < 60; i++) view = zoomed(view, 2, 500, bounds);
    expect(view).toEqual(bounds);
  });
});

it('moves from one window to another without leaving either end', () => {
  const [a, b] = [
    { from: 0, to: 1000 },
    { from: 400, to: 410 },
  ];
  expect(between(a, b, 0).from).toBeCloseTo(a.from);
  expect(between(a, b, 1).to).toBeCloseTo(b.to);
  const spans = [0, 0.2, 0.5, 0.8, 1].map((part) => spanOf(between(a, b, part)));
  expect(spans).toEqual([...spans].sort((x, y) => y - x));
});

describe('what is fetched', () => {
  it('covers the view and half a screen to each side, inside the bounds', () => {
    const wide = { from: -10_000, to: 10_000 };
    const view = { from: 103, to: 197 };
    const window = fetchWindow(view, wide);
    expect(window.from).toBeLessThanOrEqual(56);
    expect(window.to).toBeGreaterThanOrEqual(244);
    expect(serves(window, view)).toBe(true);
    expect(fetchWindow({ from: 0, to: 900 }, bounds)).toEqual(bounds);
  });

  it('is the same after a little panning, and is fetched anew after zooming far in', () => {
    const wide = { from: -10_000, to: 10_000 };
    const window = fetchWindow({ from: 300, to: 400 }, wide);
    expect(fetchWindow({ from: 304, to: 404 }, wide)).toEqual(window);
    expect(serves(window, { from: 349, to: 351 })).toBe(false);
  });
});
