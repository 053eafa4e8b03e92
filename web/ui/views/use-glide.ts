// A jump in time (to a step, to everything) is shown as a short movement, so that the eye keeps its place; what the hand
// does (wheel, drag) is followed at once.
import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { between, type Range } from '../layout/view-range.ts';

const GLIDE_MS = 260;

/** The window to draw for `target`, and what to call before a change of it that is a jump. */
export function useGlide(target: Range): [Range, () => void] {
  const [moving, setMoving] = useState<Range | null>(null);
  const shown = moving ?? target;
  const before = useRef(target);
  const jumps = useRef(false);
  const announce = useCallback(() => {
    jumps.current = true;
  }, []);

  useLayoutEffect(() => {
    const from = before.current;
    before.current = target;
    const jump = jumps.current && !matchMedia('(prefers-reduced-motion: reduce)').matches;
    jumps.current = false;
    if (!jump || (from.from === target.from && from.to === target.to)) return setMoving(null);
    const start = performance.now();
    let frame = 0;
    const move = () => {
      const part = Math.min((performance.now() - start) / GLIDE_MS, 1);
      setMoving(part < 1 ? between(from, target, part) : null);
      if (part < 1) frame = requestAnimationFrame(move);
    };
    move();
    return () => cancelAnimationFrame(frame);
  }, [target]);

  return [shown, announce];
}
