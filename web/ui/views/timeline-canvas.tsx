// The canvas with the links above it and the words under the pointer: everything that depends on where the pointer is.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { readPalette } from '../draw/palette.ts';
import { createSprites } from '../draw/sprites.ts';
import { drawTimeline } from '../draw/timeline.ts';
import type { LaneRow } from '../layout/lane-rows.ts';
import type { LinkCurve } from '../layout/link-curves.ts';
import { type Hit, hitMarks, type Mark, type Marks } from '../layout/marks.ts';
import type { Scale } from '../layout/scale.ts';
import type { Tick } from '../layout/ticks.ts';
import type { Range } from '../layout/view-range.ts';
import { LinksOverlay } from './links-overlay.tsx';
import { Tooltip } from './tooltip.tsx';
import { useGestures } from './use-gestures.ts';
import { useMedia } from './use-size.ts';

interface Props {
  rows: readonly LaneRow[];
  marks: Marks;
  curves: readonly LinkCurve[];
  scale: Scale;
  ticks: readonly Tick[];
  height: number;
  scrollTop: number;
  step: number | null;
  record: string | null;
  focus: Mark | null;
  bounds: Range;
  onView: (view: Range) => void;
  onScroll: (by: number) => void;
  onOpen: (mark: Mark) => void;
}

export function TimelineCanvas(props: Props) {
  const { rows, marks, scale, ticks, height, scrollTop, step, bounds } = props;
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hover, setHover] = useState<{ hit: Hit; x: number; y: number } | null>(null);
  const light = useMedia('(prefers-color-scheme: light)');
  const ink = useRef({ light, palette: readPalette(), sprites: createSprites(readPalette(), devicePixelRatio) });
  if (ink.current.light !== light) {
    const palette = readPalette();
    ink.current = { light, palette, sprites: createSprites(palette, devicePixelRatio) };
  }

  useLayoutEffect(() => {
    const context = canvas.current && prepare(canvas.current, scale.width, height);
    if (!context) return;
    const { palette, sprites } = ink.current;
    drawTimeline(context, { rows, marks, scale, ticks, height, scrollTop, step, palette, sprites });
  });

  const hitAt = (x: number, y: number) => hitMarks(marks, rows, scale, x, y + scrollTop);
  useGestures(stage, {
    scale,
    bounds,
    onView: (view) => {
      setHover(null);
      props.onView(view);
    },
    onScroll: props.onScroll,
    onHover: (x, y) => {
      const hit = hitAt(x, y);
      setHover((before) => (hit ? { hit, x, y } : before && null));
    },
    onLeave: () => setHover(null),
    onClick: (x, y) => {
      const hit = hitAt(x, y);
      if (hit?.kind === 'mark') props.onOpen(hit.mark);
      if (hit?.kind === 'bin') props.onView(around(hit.from, hit.to));
    },
  });

  const walked = props.focus && placeOf(props.focus, props);
  const said = hover ?? (props.focus && walked && { hit: { kind: 'mark' as const, mark: props.focus }, ...walked });

  return (
    <div class={`stage${hover ? ' over' : ''}`} ref={stage} style={{ height: `${height}px` }}>
      <canvas ref={canvas} />
      <LinksOverlay curves={props.curves} width={scale.width} height={height} scrollTop={scrollTop} step={step} />
      <Rings {...props} hovered={hover?.hit.kind === 'mark' ? hover.hit.mark : null} />
      {said && <Tooltip {...said} width={scale.width} />}
    </div>
  );
}

/** Rings around the mark under the pointer, the one the keyboard is at, and the one whose record is open. */
function Rings({ hovered, ...props }: Props & { hovered: Mark | null }) {
  const { marks, scale, height, record, focus } = props;
  const open = record === null ? null : markOf(marks, record);
  const rings: [string, Mark | null][] = [
    ['hovered', hovered],
    ['open', open],
    ['focus', focus],
  ];
  return (
    <svg class="rings" width={scale.width} height={height} aria-hidden="true">
      {rings.map(([name, mark]) => {
        const place = mark && placeOf(mark, props);
        return place && <circle key={name} class={name} cx={place.x} cy={place.y} r={10} />;
      })}
    </svg>
  );
}

/** Where a mark is on the stage; null when its lane is folded or scrolled away. */
function placeOf({ event }: Mark, { rows, scale, scrollTop }: Pick<Props, 'rows' | 'scale' | 'scrollTop'>) {
  const row = rows.find((candidate) => candidate.lane.id === event.lane);
  return row ? { x: scale.x(event.t), y: row.trackY[event.layer] - scrollTop } : null;
}

function markOf({ tracks }: Marks, digest: string): Mark | null {
  for (const track of tracks.values()) {
    const mark = track.marks.find((candidate) => candidate.event.digest === digest);
    if (mark) return mark;
  }
  return null;
}

function around(from: number, to: number): Range {
  const margin = (to - from) * 4;
  return { from: from - margin, to: to + margin };
}

/** The canvas at the size and sharpness of the screen; setting the size clears it, so only when it changes. */
function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const [w, h] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d', { alpha: false });
  context?.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return context;
}
