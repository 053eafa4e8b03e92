// One baseline as a page: since when it is watched, whether it is learned, its facts by kind, what was new, what analysts decided.
import type { Baseline, Decision, Fact, Novelty, Subject } from '../../analytics/queries/baselines.ts';
import { duration, shortId, shortTime } from './cells.ts';
import { fact, section } from './sections.ts';

export function renderBaseline(baseline: Baseline): string {
  const { counts } = baseline;
  const lines = [
    `${baseline.subject} (${baseline.subject_kind})`,
    '',
    ...fact('cluster', baseline.cluster),
    ...fact(
      'watched',
      `from ${shortTime(baseline.watched_since)} to ${shortTime(baseline.last_seen)}, ${duration(baseline.watched_since, baseline.last_seen)}`,
    ),
    ...fact('learned', learnedInWords(baseline)),
    ...fact(
      'baseline',
      `${baseline.fingerprint}: ${counts.known} of ${counts.facts} facts${counts.kept_out === 0 ? '' : `; ${counts.kept_out} kept out, for rules call bad what shows them`}`,
    ),
  ];
  for (const kind of new Set(baseline.facts.map((one) => one.kind))) {
    section(
      lines,
      kind,
      baseline.facts.filter((one) => one.kind === kind),
      factLine,
    );
  }
  section(lines, 'was new', baseline.novelties, noveltyLine);
  section(lines, 'decisions', baseline.decisions, decisionLine);
  return lines.join('\n');
}

/** Whether there is anything to compare with yet. */
export const learnedInWords = ({ learned, learned_from }: Subject): string =>
  learned ? `since ${shortTime(learned_from)}` : `not yet: what is new is told from ${shortTime(learned_from)} on`;

const factLine = (one: Fact): string =>
  [
    one.value,
    one.state,
    `${one.events} events in ${one.hours} h on ${one.days} d`,
    ...(one.instances > 1 ? [`by ${one.instances} at once`] : []),
    `weight ${one.weight}`,
    `last ${shortTime(one.last_seen)}`,
    ...(one.kept_out > 0 && one.state !== 'kept-out' ? [`${one.kept_out} kept out`] : []),
    ...(one.novel_at === null ? [] : [`new ${shortTime(one.novel_at)}, ${one.score} bits`]),
  ].join('  ');

const noveltyLine = (one: Novelty): string =>
  [
    shortTime(one.time),
    `${one.score} bits`,
    one.kind,
    one.value,
    one.reason === 'own'
      ? `surprise ${one.surprise}, rarity ${one.rarity} (${one.shown_by} of ${one.subjects} others show it)`
      : one.reason,
    ...(one.of_rollout ? ['in a new version'] : []),
    ...(one.kept_out ? ['a rule calls it bad'] : []),
    one.pod === '' ? one.node : `${one.namespace}/${one.pod}`,
    shortId(one.digest),
  ].join('  ');

const decisionLine = (one: Decision): string =>
  [shortTime(one.decided_at), one.decision, one.kind, one.value, `by ${one.decided_by}: ${one.reason}`].join('  ');
