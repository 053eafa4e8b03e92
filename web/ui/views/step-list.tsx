// The steps of a chain as sentences; the chosen one opens to the events it rests on.
import { useEffect, useRef } from 'preact/hooks';
import type { ChainMark, ChainStep } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { clockText, secondText } from '../layout/ticks.ts';
import { Shape } from './shape.tsx';

interface Props {
  steps: readonly ChainStep[];
  marks: readonly ChainMark[];
  step: number | null;
  record: string | null;
  onStep: (n: number) => void;
  onOpen: (digest: string) => void;
}

export function StepList({ steps, marks, step, record, onStep, onOpen }: Props) {
  const chosen = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (step !== null) chosen.current?.scrollIntoView({ block: 'nearest' });
  }, [step]);
  return (
    <ol class="steps" aria-label="Steps">
      {steps.map((one) => {
        const open = one.n === step;
        return (
          <li key={one.n} class={open ? 'chosen' : ''} ref={open ? chosen : null}>
            <button type="button" aria-expanded={open} onClick={() => onStep(one.n)}>
              <span class="n">{one.n}</span>
              <span class="told">
                <span class="when">
                  <time>{one.time ? secondText(Date.parse(one.time)) : 'time not known'}</time>
                  <span class="tactic">{one.tactic.replaceAll('-', ' ')}</span>
                </span>
                <span class="sentence">{visibleLine(one.sentence)}</span>
                {one.techniques.length > 0 && <span class="techniques">{one.techniques.join('  ')}</span>}
              </span>
            </button>
            {open && <StepEvents marks={marks.filter((mark) => mark.step === one.n)} record={record} onOpen={onOpen} />}
          </li>
        );
      })}
    </ol>
  );
}

// what a person reads through; the rest is on the timeline
const EVENTS_LISTED = 300;

function StepEvents({
  marks,
  record,
  onOpen,
}: {
  marks: readonly ChainMark[];
  record: string | null;
  onOpen: (digest: string) => void;
}) {
  const core = marks.filter((mark) => mark.role === 'core');
  const context = marks.length - core.length;
  return (
    <div class="step-events">
      <table>
        <caption class="unseen">Events of this step: time, layer, what happened</caption>
        <colgroup>
          <col class="time" />
          <col class="layer" />
          <col />
        </colgroup>
        <tbody>
          {core.slice(0, EVENTS_LISTED).map((mark) => (
            <tr key={mark.id} class={mark.digest === record ? 'open' : ''}>
              <td class="time">{clockText(mark.t)}</td>
              <td>
                <Shape layer={mark.layer} />
              </td>
              <td class="act">
                <button type="button" onClick={() => onOpen(mark.digest)} title="Open the raw record">
                  <b>{mark.action}</b> {visibleLine(mark.object)}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">
        {core.length} {core.length === 1 ? 'event' : 'events'} of the intruder
        {core.length > EVENTS_LISTED ? `, ${EVENTS_LISTED} listed` : ''}
        {context > 0 ? `, ${context} that the cluster made because of them` : ''}
      </p>
    </div>
  );
}
