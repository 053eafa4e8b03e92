// What a hit, or a run of several, says as a finding: its place, its sentence and the records it rests on.
import { sourceOf } from '../compile/check.ts';
import { testsOf } from '../language/expression.ts';
import type { Rule } from '../language/rule.ts';
import type { Source } from '../sources/source.ts';
import type { Run } from './correlation.ts';
import type { Finding } from './findings.ts';
import { maskSecrets } from './mask-secrets.ts';
import type { Hit } from './scan.ts';
import { renderSentence } from './sentence.ts';

export const findingOfHit = (rule: Rule, hit: Hit, layer: Source['layer']): Finding =>
  findingOf(rule, hit, layer, {}, hit.words, hit.digests);

/** Undefined where the rules of its first event have no log source. */
export function findingOfRun(run: Run): Finding | undefined {
  const [first] = run.hits;
  const layer = first?.rules[0] && sourceOf(first.rules[0])?.layer;
  if (!first || !layer) return undefined;
  const digests = [...new Set(run.hits.flatMap((hit) => hit.digests))];
  return findingOf(run.rule, first, layer, placeOfRun(run), wordsOf(run), digests);
}

/** Words of the first event, then what later ones add; of each base rule also under its name: {exec_into_pod_command}. */
function wordsOf(run: Run): Record<string, string> {
  const own = [...run.firstOf].flatMap(([name, hit]) =>
    Object.entries(hit.words).map(([word, value]) => [`${name.replace(/\W/g, '_')}_${word}`, value]),
  );
  const words: Record<string, string> = Object.fromEntries(own);
  for (const hit of [...run.hits.slice(0, 1), ...run.firstOf.values()]) {
    for (const [word, value] of Object.entries(hit.words)) words[word] ||= value;
  }
  const count = Number.isInteger(run.count) ? String(run.count) : run.count.toFixed(2);
  return { ...words, count, span: spanInWords(run) };
}

/**
 * A request names a pod; what ran there then knows the container and the process. Place and process belong together, so they are
 * taken from one event, the first of the same pod that knows more.
 */
function placeOfRun({ hits: [first, ...others] }: Run): Partial<Finding> {
  if (first === undefined || first.container_id !== '' || first.process_key !== '') return {};
  const samePod = (hit: Hit) => hit.namespace === first.namespace && hit.pod === first.pod;
  const better = others.find((hit) => hit.container_id !== '' && (first.pod === '' || samePod(hit)));
  if (better === undefined) return {};
  const { namespace, pod, pod_uid, container_id, process_key } = better;
  return { namespace, pod, pod_uid, container_id, process_key };
}

const spanInWords = ({ spanMs }: Run) =>
  spanMs < 120_000 ? `${Math.max(1, Math.round(spanMs / 1000))} s` : `${Math.round(spanMs / 60_000)} min`;

function findingOf(
  rule: Rule,
  hit: Hit,
  source: Source['layer'],
  place: Partial<Finding>,
  words: Readonly<Record<string, string>>,
  digests: string[],
): Finding {
  const { cluster, node, time, event_key, principal, namespace, pod, pod_uid, container_id, process_key } = hit;
  const own = {
    cluster,
    node,
    time,
    event_key,
    digests,
    principal,
    namespace,
    pod,
    pod_uid,
    container_id,
    process_key,
  };
  const summary = maskSecrets(`${renderSentence(rule.sentence ?? `${rule.title}.`, words)}${aliasNote(rule)}`);
  return { rule, ...own, source, summary, ...place };
}

/** How fields were read that the log source itself does not have. */
export function aliasNote(rule: Rule): string {
  if (rule.kind !== 'event') return '';
  const source = sourceOf(rule);
  const read = [...testsOf(rule.condition)].flatMap((test) => {
    const meaning = source?.aliasOf?.(test);
    return meaning === undefined ? [] : [`${test.field} was read as ${meaning}`];
  });
  const notes = [...new Set(read)];
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}
