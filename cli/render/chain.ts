// A chain as text for people: the story first, a sentence a step, and under each step why it belongs here.
import type { Chain, ChainLink, ChainStep } from '../../analytics/queries/chains.ts';
import { clock, duration, shortId, shortTime } from './cells.ts';
import { createReasons, type StepReason } from './step-reasons.ts';
import { visible } from './table.ts';
import { wrap } from './wrap.ts';

/** @param width of the terminal; without one, lines are as long as they are */
export function renderChain(chain: Chain, width = Number.POSITIVE_INFINITY): string {
  const core = chain.members.filter((m) => m.role === 'core').length;
  const reasonsOf = createReasons(chain);
  const lasted = duration(chain.first_seen, chain.last_seen);
  return [
    wrap(visible(chain.title), width, '  '),
    visible(
      `${chain.severity}, score ${chain.score.toFixed(1)}; ${shortTime(chain.first_seen)} UTC, lasted ${lasted}; chain ${chain.id}`,
    ),
    wrap(visible(`tactics: ${chain.tactics.join(', ')}`), width, '  '),
    visible(`records: ${core} of the intrusion, ${chain.members.length - core} around it; ${chain.links.length} links`),
    ...entityLines(chain).map((line) => wrap(line, width, '  ')),
    '',
    ...chain.steps.flatMap((step) => stepLines(step, reasonsOf(step)).map((line) => wrap(line, width, '       '))),
    '',
    `raw bytes of a record: vestige record ${shortId(chain.steps[0]?.digests[0] ?? 'DIGEST')}`,
  ].join('\n');
}

// Processes and requests are many and stand in the steps; these say where it went.
const ENTITIES_SHOWN = [
  ['container', 'containers'],
  ['object', 'objects made'],
  ['address', 'addresses'],
] as const;
const NAMES_SHOWN_MAX = 6;

function entityLines(chain: Chain): string[] {
  return ENTITIES_SHOWN.flatMap(([kind, title]) => {
    const names = chain.entities.filter((e) => e.kind === kind).map((e) => e.name);
    if (names.length === 0) return [];
    const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : '';
    return [visible(`${title}: ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}`)];
  });
}

function stepLines(step: ChainStep, reasons: readonly StepReason[]): string[] {
  const techniques = step.techniques.length > 0 ? ` [${step.techniques.join(', ')}]` : '';
  return [
    visible(`${step.n}. ${clock(step.time)} ${step.tactic}  ${step.sentence}${techniques}`),
    ...reasons.map(({ from, links }) => `     ${visible(`<- step ${from}: ${links.map(reasonOf).join('; ')}`)}`),
  ];
}

function reasonOf({ kind, reason, confidence }: ChainLink): string {
  return `${reason} (${kind}, ${Math.round(confidence * 100)} %)`;
}
