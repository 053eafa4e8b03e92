// The whole time of the store above the timeline: how much happened when, and which part of it is in view.
import { useRef } from 'preact/hooks';
import type { Overview } from '../../api/types.ts';
import { LAYERS } from '../layout/lane-rows.ts';
import type { Range } from '../layout/view-range.ts';
import { panned, spanOf, within } from '../layout/view-range.ts';

interface Props {
  overview: Overview;
  bounds: Range;
  view: Range;
  chain: Range | null;
  onView: (view: Range) => void;
}

const HEIGHT = 34;

export function OverviewStrip({ overview, bounds, view, chain, onView }: Props) {
  const dragged = useRef<number | null>(null);
  const share = (t: number) => ((t - bounds.from) / spanOf(bounds)) * 100;
  const range = overview.range ?? bounds;
  const instantAt = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return bounds.from + ((event.clientX - box.left) / box.width) * spanOf(bounds);
  };
  const centre = (t: number) => onView(within({ from: t - spanOf(view) / 2, to: t + spanOf(view) / 2 }, bounds));
  return (
    <div
      class="strip"
      role="slider"
      tabIndex={0}
      aria-label="Part of the whole time in view"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share((view.from + view.to) / 2))}
      onPointerDown={(event) => {
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
        dragged.current = event.pointerId;
        centre(instantAt(event));
      }}
      onPointerMove={(event) => {
        if (dragged.current === event.pointerId) centre(instantAt(event));
      }}
      onPointerUp={() => {
        dragged.current = null;
      }}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') onView(panned(view, -0.1, bounds));
        if (event.key === 'ArrowRight') onView(panned(view, 0.1, bounds));
      }}
    >
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {chain && (
          <rect class="of-chain" x={share(chain.from)} width={share(chain.to) - share(chain.from)} height={HEIGHT} />
        )}
        {LAYERS.map((layer) => (
          <path key={layer} class={layer} d={columns(overview.histogram[layer], share(range.from), share(range.to))} />
        ))}
        <path
          class="outside"
          d={`M0,0H${share(view.from)}V${HEIGHT}H0Z M${share(view.to)},0H100V${HEIGHT}H${share(view.to)}Z`}
        />
        <rect
          class="inside"
          x={share(view.from)}
          width={Math.max(share(view.to) - share(view.from), 0.2)}
          y={0.5}
          height={HEIGHT - 1}
        />
      </svg>
    </div>
  );
}

/** One path for a layer's columns, each as high as the logarithm of what happened. */
function columns(counts: readonly number[], from: number, to: number): string {
  const peak = Math.log1p(Math.max(1, ...counts));
  const width = (to - from) / counts.length;
  return counts
    .map((n, i) => {
      const height = (Math.log1p(n) / peak) * (HEIGHT - 4);
      return n === 0 ? '' : `M${from + i * width},${HEIGHT}v${-height}h${width * 0.86}v${height}Z`;
    })
    .join('');
}
