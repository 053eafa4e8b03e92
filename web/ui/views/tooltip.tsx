// What is under the pointer, in a few words beside it.
import type { EventMark } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { layerNames } from '../draw/shapes.ts';
import type { Hit } from '../layout/marks.ts';
import { clockText, lengthText } from '../layout/ticks.ts';
import { Shape } from './shape.tsx';

const WIDTH = 340;

export function Tooltip({ hit, x, y, width }: { hit: Hit; x: number; y: number; width: number }) {
  const left = x + 16 + WIDTH > width ? Math.max(4, x - WIDTH - 12) : x + 16;
  return (
    <div class="tooltip" style={{ left: `${left}px`, top: `${y + 14}px` }}>
      {hit.kind === 'mark' ? (
        <>
          <EventWords event={hit.mark.event} />
          {hit.mark.finding && (
            <p class={`severity ${hit.mark.finding.severity}`}>
              {hit.mark.finding.severity}: {visibleLine(hit.mark.finding.title)}
            </p>
          )}
          {hit.mark.step > 0 && (
            <p class="quiet">
              step {hit.mark.step} of the chain{hit.mark.role === 'context' ? ', as a consequence' : ''}
            </p>
          )}
        </>
      ) : (
        <>
          <p>
            <Shape layer={hit.layer} /> <strong>{hit.n.toLocaleString('en')}</strong> {layerNames[hit.layer]} events in{' '}
            {lengthText(hit.to - hit.from)}
          </p>
          <p class="quiet">click to look closer</p>
        </>
      )}
    </div>
  );
}

function EventWords({ event }: { event: EventMark }) {
  return (
    <>
      <p class="time">
        <Shape layer={event.layer} /> {clockText(event.t)}
      </p>
      <p class="act">
        <strong>{visibleLine(event.action)}</strong> {visibleLine(event.object)}
      </p>
      <p class="quiet">{[event.principal, event.exe, event.outcome].filter(Boolean).map(visibleLine).join(' · ')}</p>
    </>
  );
}
