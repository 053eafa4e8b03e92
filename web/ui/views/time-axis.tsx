// The axis in UTC and the numbered flags of the steps above the lanes.
import type { ChainStep } from '../../api/types.ts';
import type { Scale } from '../layout/scale.ts';
import type { StepFlag } from '../layout/step-flags.ts';
import type { Tick } from '../layout/ticks.ts';

interface Props {
  scale: Scale;
  ticks: readonly Tick[];
  flags: readonly StepFlag[];
  steps: readonly ChainStep[];
  step: number | null;
  onStep: (n: number) => void;
}

const HEIGHT = 54;

export function TimeAxis({ scale, ticks, flags, steps, step, onStep }: Props) {
  const sentence = new Map(steps.map((s) => [s.n, s.sentence]));
  const stateOf = (n: number) => (step === null ? '' : step === n ? ' chosen' : ' dimmed');
  return (
    <div class="axis" style={{ width: `${scale.width}px`, height: `${HEIGHT}px` }}>
      <svg width={scale.width} height={HEIGHT} aria-hidden="true">
        {ticks.map((tick) => (
          <g key={tick.t} transform={`translate(${Math.round(scale.x(tick.t)) + 0.5},0)`}>
            <line y1={19} y2={24} />
            {labelFits(scale.x(tick.t), scale.width) && (
              <text y={14} text-anchor="middle" class={tick.strong ? 'strong' : undefined}>
                {tick.text}
              </text>
            )}
          </g>
        ))}
        {flags.map((flag) => (
          <path key={flag.n} class={`extent${stateOf(flag.n)}`} d={flag.busy.map(stretch).join('')} />
        ))}
      </svg>
      {flags.map((flag) => (
        <button
          key={flag.n}
          type="button"
          class={`flag${stateOf(flag.n)}`}
          style={{ left: `${flag.x}px` }}
          aria-pressed={step === flag.n}
          aria-label={`Step ${flag.n}: ${sentence.get(flag.n) ?? ''}`}
          title={sentence.get(flag.n)}
          onClick={() => onStep(flag.n)}
        >
          {flag.n}
        </button>
      ))}
    </div>
  );
}

function stretch({ from, to }: { from: number; to: number }): string {
  return `M${from - 1},${HEIGHT - 2.5}H${to + 1}`;
}

// a label cut off at the edge of the plot reads as another time
function labelFits(x: number, width: number): boolean {
  return x > 32 && x < width - 32;
}
