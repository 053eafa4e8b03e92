// The chain's links over the canvas. Hovering one says what it is and why.
import { useState } from 'preact/hooks';
import { visibleLine } from '../data/visible.ts';
import type { LinkCurve } from '../layout/link-curves.ts';

interface Props {
  curves: readonly LinkCurve[];
  width: number;
  height: number;
  scrollTop: number;
  step: number | null;
}

export function LinksOverlay({ curves, width, height, scrollTop, step }: Props) {
  const [hovered, setHovered] = useState<string | null>(null);
  const touches = (curve: LinkCurve) =>
    curve.links.some(({ start, end }) => start?.step === step || end?.step === step);
  const chosen = curves.find((curve) => curve.key === hovered);
  return (
    <svg class="links" width={width} height={height} viewBox={`0 ${scrollTop} ${width} ${height}`} aria-hidden="true">
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 6 6"
          refX="9"
          refY="3"
          markerWidth="6"
          markerHeight="6"
          orient="auto-start-reverse"
        >
          <path d="M0,0L6,3L0,6Z" />
        </marker>
      </defs>
      {curves.map((curve) => (
        <g
          key={curve.key}
          class={`link${step === null ? '' : touches(curve) ? ' near' : ' dimmed'}${curve.confidence < 0.6 ? ' weak' : ''}${curve.crossing ? '' : ' along'}`}
        >
          <path class="line" d={curve.d} marker-end={curve.crossing ? 'url(#arrow)' : undefined} />
          {curve.bare.map((end) => (
            <circle key={`${end.x} ${end.y}`} class="bare" cx={end.x} cy={end.y} r={3.5} />
          ))}
          <path
            class="reach"
            d={curve.d}
            onPointerEnter={() => setHovered(curve.key)}
            onPointerLeave={() => setHovered((key) => (key === curve.key ? null : key))}
          />
        </g>
      ))}
      {chosen && <LinkWords curve={chosen} width={width} top={scrollTop} />}
    </svg>
  );
}

function LinkWords({ curve, width, top }: { curve: LinkCurve; width: number; top: number }) {
  const [link] = curve.links;
  const more = curve.links.length > 1 ? ` and ${curve.links.length - 1} more like it` : '';
  const boxWidth = Math.min(420, width - 16);
  return (
    <>
      <path class="chosen" d={curve.d} />
      <foreignObject x={width - boxWidth - 8} y={top + 8} width={boxWidth} height={120} class="link-words">
        <div>
          <strong>{link?.kind}</strong> · confidence {Math.round(curve.confidence * 100)} %{more}
          <p>{visibleLine(link?.reason ?? '')}</p>
        </div>
      </foreignObject>
    </>
  );
}
