// Wheel, drag and pinch on the plot. The wheel zooms; with shift, or turned sideways, it pans; dragging pans in time
// and scrolls the lanes; a press that does not move is a click.
import { useEffect, useRef } from 'preact/hooks';
import type { Scale } from '../layout/scale.ts';
import { panned, type Range, within, zoomed } from '../layout/view-range.ts';

interface Gestures {
  scale: Scale;
  bounds: Range;
  onView: (view: Range) => void;
  onScroll: (by: number) => void;
  onClick: (x: number, y: number) => void;
  onHover: (x: number, y: number) => void;
  onLeave: () => void;
}

// a turn of a usual wheel (100 units) zooms by about a fifth
const ZOOM_PER_UNIT = 0.002;
const CLICK_PIXELS = 4;

export function useGestures(element: { current: HTMLElement | null }, gestures: Gestures): void {
  const now = useRef(gestures);
  now.current = gestures;
  useEffect(() => {
    const { current } = element;
    return current ? listen(current, now) : undefined;
  }, [element]);
}

function listen(element: HTMLElement, now: { current: Gestures }): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  const place = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const { scale, bounds, onView } = now.current;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      onView(panned(scale.view, (sideways * unit) / scale.width, bounds));
    } else {
      onView(zoomed(scale.view, Math.exp(event.deltaY * unit * ZOOM_PER_UNIT), scale.t(place(event).x), bounds));
    }
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) travelled = 0;
  };
  const move = (event: PointerEvent) => {
    const before = pointers.get(event.pointerId);
    const at = place(event);
    if (!before) return now.current.onHover(at.x, at.y);
    travelled += Math.hypot(at.x - before.x, at.y - before.y);
    if (pointers.size === 1 && travelled > CLICK_PIXELS) drag(before, at, now.current);
    if (pointers.size === 2) pinch(pointers, event.pointerId, at, now.current);
    pointers.set(event.pointerId, at);
  };
  const up = (event: PointerEvent) => {
    const at = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (at && event.type === 'pointerup' && travelled <= CLICK_PIXELS) now.current.onClick(at.x, at.y);
  };
  const leave = () => now.current.onLeave();

  element.addEventListener('wheel', wheel, { passive: false });
  element.addEventListener('pointerdown', down);
  element.addEventListener('pointermove', move);
  element.addEventListener('pointerup', up);
  element.addEventListener('pointercancel', up);
  element.addEventListener('pointerleave', leave);
  return () => {
    element.removeEventListener('wheel', wheel);
    element.removeEventListener('pointerdown', down);
    element.removeEventListener('pointermove', move);
    element.removeEventListener('pointerup', up);
    element.removeEventListener('pointercancel', up);
    element.removeEventListener('pointerleave', leave);
  };
}

interface Point {
  x: number;
  y: number;
}

function drag(before: Point, at: Point, { scale, bounds, onView, onScroll }: Gestures): void {
  if (at.x !== before.x) onView(panned(scale.view, (before.x - at.x) / scale.width, bounds));
  if (at.y !== before.y) onScroll(before.y - at.y);
}

/** Two fingers hold two instants; the view follows so that they stay beneath them. */
function pinch(
  pointers: ReadonlyMap<number, Point>,
  moved: number,
  at: Point,
  { scale, bounds, onView }: Gestures,
): void {
  const before = pointers.get(moved);
  const other = [...pointers].find(([id]) => id !== moved)?.[1];
  if (!before || !other) return;
  const [was, is] = [Math.abs(before.x - other.x), Math.abs(at.x - other.x)];
  if (was < 10 || is < 10) return;
  const middle = (before.x + other.x) / 2;
  const shifted = panned(scale.view, (before.x - at.x) / 2 / scale.width, bounds);
  onView(within(zoomed(shifted, was / is, scale.t(middle), bounds), bounds));
}
