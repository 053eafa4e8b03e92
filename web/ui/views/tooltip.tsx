// What is under the pointer, in a few words beside it.
import type { EventMark, Lifetime } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { layerNames } from '../draw/shapes.ts';
import type { Hit, Mark } from '../layout/marks.ts';
import { clockText, lengthText, secondText } from '../layout/ticks.ts';
import { Shape } from './shape.tsx';

const WIDTH = 340;

export function Tooltip({ hit, x, y, width }: { hit: Hit; x: number; y: number; width: number }) {
  const left = x + 16 + WIDTH > width ? Math.max(4, x - WIDTH - 12) : x + 16;
  return (
    <div class="tooltip" style={{ left: `${left}px`, top: `${y + 14}px` }}>
      {hit.kind === 'mark' && <MarkWords mark={hit.mark} />}
      {hit.kind === 'bar' && <LifeWords lifetime={hit.lifetime} />}
      {hit.kind === 'bin' && (
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

function MarkWords({ mark }: { mark: Mark }) {
  return (
    <>
      <EventWords event={mark.event} />
      {mark.finding && (
        <p class={`severity ${mark.finding.severity}`}>
          {mark.finding.severity}: {visibleLine(mark.finding.title)}
        </p>
      )}
      {mark.step > 0 && (
        <p class="quiet">
          step {mark.step} of the chain{mark.role === 'context' ? ', as a consequence' : ''}
        </p>
      )}
    </>
  );
}

function LifeWords({ lifetime: { name, image, container_id, from, to, exit_status } }: { lifetime: Lifetime }) {
  const known = from !== null && to !== null;
  return (
    <>
      <p class="act">
        <strong>{visibleLine(name)}</strong> {visibleLine(image)}
      </p>
      <p class="time">
        {from === null ? 'before the records' : secondText(from)} –{' '}
        {to === null ? 'not ended in the records' : secondText(to)}
        {known && `, ${lengthText(to - from)}`}
      </p>
      <p class="quiet">
        {container_id.slice(0, 12)}
        {exit_status !== null && ` · exit status ${exit_status}`}
      </p>
    </>
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
