// The numbered flags of a chain's steps above the lanes: pure. A flag stands at the beginning of its step, moved aside
// when two would overlap.
import type { ChainMark, ChainStep } from '../../api/types.ts';
import type { Scale } from './scale.ts';
import type { Range } from './view-range.ts';

export interface StepFlag {
  n: number;
  /** Centre of the flag. */
  x: number;
  /** Where the step begins and ends. */
  from: number;
  to: number;
  /** When the intruder was busy with it: a step can pause while another goes on. */
  busy: { from: number; to: number }[];
}

const FLAG_WIDTH = 22;
// pauses shorter than this on the screen are not told apart
const PAUSE = 14;

/** The time from the first to the last thing the intruder did in each step. */
export function stepRanges(steps: readonly ChainStep[], marks: readonly ChainMark[]): Map<number, Range> {
  const ranges = new Map<number, Range>();
  for (const { step, role, t } of marks) {
    if (role !== 'core' || step === 0) continue;
    const known = ranges.get(step);
    ranges.set(step, known ? { from: Math.min(known.from, t), to: Math.max(known.to, t) } : { from: t, to: t });
  }
  for (const step of steps) {
    const t = step.time === null ? Number.NaN : Date.parse(step.time);
    if (!ranges.has(step.n) && !Number.isNaN(t)) ranges.set(step.n, { from: t, to: t });
  }
  return ranges;
}

export function layoutFlags(ranges: ReadonlyMap<number, Range>, marks: readonly ChainMark[], scale: Scale): StepFlag[] {
  const busy = busyTimes(marks, scale);
  const flags = [...ranges]
    .map(([n, { from, to }]) => ({
      n,
      from: scale.x(from),
      to: scale.x(to),
      x: scale.x(from),
      busy: busy.get(n) ?? [],
    }))
    .filter((flag) => flag.to >= 0 && flag.from <= scale.width)
    .map((flag) => ({ ...flag, x: Math.min(Math.max(flag.x, FLAG_WIDTH / 2), scale.width - FLAG_WIDTH / 2) }))
    .sort((a, b) => a.from - b.from || a.n - b.n);
  let least = 0;
  for (const flag of flags) {
    flag.x = Math.max(flag.x, least + FLAG_WIDTH / 2);
    least = flag.x + FLAG_WIDTH / 2;
  }
  let most = scale.width;
  for (const flag of flags.reverse()) {
    flag.x = Math.min(flag.x, most - FLAG_WIDTH / 2);
    most = flag.x - FLAG_WIDTH / 2;
  }
  return flags.reverse();
}

/** Stretches of the screen in which the intruder's events of a step follow each other. `marks` in order of time. */
function busyTimes(marks: readonly ChainMark[], scale: Scale): Map<number, { from: number; to: number }[]> {
  const busy = new Map<number, { from: number; to: number }[]>();
  for (const { step, role, t } of marks) {
    if (role !== 'core' || step === 0) continue;
    const x = scale.x(t);
    const stretches = busy.get(step) ?? [];
    busy.set(step, stretches);
    const last = stretches.at(-1);
    if (last && x - last.to <= PAUSE) last.to = x;
    else stretches.push({ from: x, to: x });
  }
  return busy;
}
