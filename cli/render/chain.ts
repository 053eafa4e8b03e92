// A chain as text for people: the story first, a sentence a step, and under each step why it belongs here.
import type { Chain, ChainLink, ChainStep } from '../../analytics/queries/chains.ts';
import { clock, duration, shortId, shortTime } from './cells.ts';
import { visible } from './table.ts';

// A step of forty records may have as many links; the strongest say why, the rest is in the JSON.
const LINKS_SHOWN_MAX = 3;

export function renderChain(chain: Chain): string {
  const core = chain.members.filter((m) => m.role === 'core').length;
  const lasted = duration(chain.first_seen, chain.last_seen);
  return [
    visible(chain.title),
    visible(
      `${chain.severity}, score ${chain.score.toFixed(1)}; ${shortTime(chain.first_seen)} UTC, lasted ${lasted}; chain ${chain.id}`,
    ),
    visible(`tactics: ${chain.tactics.join(', ')}`),
    visible(`records: ${core} of the intrusion, ${chain.members.length - core} around it; ${chain.links.length} links`),
    ...entityLines(chain),
    '',
    ...chain.steps.flatMap((step) => stepLines(chain, step)),
    '',
    `raw bytes of a record: vestige record ${shortId(chain.steps[0]?.digests[0] ?? 'DIGEST')}`,
  ].join('\n');
}

function entityLines(chain: Chain): string[] {
  const kinds = [...new Set(chain.entities.map((e) => e.kind))];
  return kinds.map((kind) =>
    visible(
      `${kind}: ${chain.entities
        .filter((e) => e.kind === kind)
        .map((e) => e.name)
        .join(', ')}`,
    ),
  );
}

function stepLines(chain: Chain, step: ChainStep): string[] {
  const techniques = step.techniques.length > 0 ? ` [${step.techniques.join(', ')}]` : '';
  return [
    visible(`${step.n}. ${clock(step.time)} ${step.tactic}  ${step.sentence}${techniques}`),
    ...reasonsOf(chain, step).map((text) => `     ${visible(text)}`),
  ];
}

/** Why a step is linked to earlier ones, the most certain first; to entities where nothing links it to a step. */
function reasonsOf(chain: Chain, step: ChainStep): string[] {
  const stepOf = stepsOfIds(chain);
  const touching = chain.links
    .filter((link) => stepOf.get(link.from) === step.n || stepOf.get(link.to) === step.n)
    .map((link) => ({ link, other: stepOf.get(link.from) === step.n ? stepOf.get(link.to) : stepOf.get(link.from) }))
    .toSorted((a, b) => b.link.confidence - a.link.confidence);
  const earlier = touching.filter(({ other }) => other !== undefined && other < step.n);
  const toEntities = touching.filter(({ other }) => other === undefined);
  const told = earlier.length > 0 ? earlier : toEntities;
  const texts = told.map(({ link, other }) => `${other === undefined ? '' : `<- step ${other}: `}${reasonOf(link)}`);
  return [...new Set(texts)].slice(0, LINKS_SHOWN_MAX);
}

function reasonOf({ kind, reason, confidence }: ChainLink): string {
  return `${reason} (${kind}, ${Math.round(confidence * 100)} %)`;
}

// Links name members and findings; both are of a step. A member of no step has step 0.
function stepsOfIds(chain: Chain): Map<string, number> {
  const stepOf = new Map<string, number>();
  for (const member of chain.members) if (member.step > 0) stepOf.set(member.id, member.step);
  for (const step of chain.steps) for (const id of step.finding_ids) stepOf.set(id, step.n);
  return stepOf;
}
