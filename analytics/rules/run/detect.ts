// Rules over everything stored, findings into their table. A pure function of the store: run again, it finds the same.

import { markEvents } from '../../lists/mark-events.ts';
import type { Store } from '../../store/store.ts';
import { checkRules, sourceOf } from '../compile/check.ts';
import { refusedByEngine } from '../compile/runnable.ts';
import { testsOf } from '../language/expression.ts';
import { eventRulesOf, generatingRules, withoutRefused } from '../language/references.ts';
import type { EventRule, Rule, RuleProblem } from '../language/rule.ts';
import { asksMarks } from '../sources/marks.ts';
import type { Source } from '../sources/source.ts';
import { type Correlations, correlate, type Run } from './correlation.ts';
import { type Finding, type FindingWriter, writeFindings } from './findings.ts';
import { knownClocks } from './known-clocks.ts';
import { placesOf } from './places.ts';
import { type Hit, scan } from './scan.ts';
import { renderSentence } from './sentence.ts';

export interface DetectOptions {
  /** Of the rows written; rows of a lower version that are not found again are retired. */
  version: number;
  /** Ids of rules that another call runs: their findings are not retired by this one. */
  others?: readonly string[];
  /** RFC 3339: rules are tested on events from then on, and only their findings are replaced; what correlations rest on is looked at whole. */
  since?: string | undefined;
}

export interface Detected {
  findings: number;
  /** Rules that were left out, and why. */
  refused: RuleProblem[];
}

/** Rules that do not fit their log source, or that the engine cannot run, are left out and told. */
export async function detect(
  store: Store,
  given: readonly Rule[],
  { version, others = [], since }: DetectOptions,
): Promise<Detected> {
  const { rules, refused } = withoutRefused(given, [...checkRules(given), ...(await refusedByEngine(store, given))]);
  if (rules.some(asksMarks)) await markEvents(store, version);
  const fed = new Set(rules.flatMap((rule) => (rule.kind === 'correlation' ? eventRulesOf(rule, rules) : [])));
  const isWhole = (rule: Rule) => rule.kind === 'correlation' || fed.has(rule);
  const kept = since === undefined ? undefined : { before: since, but: rules.filter(isWhole).map(({ id }) => id) };
  const work = (writer: FindingWriter) => findAll(store, rules, writer, { since, isWhole });
  const findings = await writeFindings(store, version, work, { others, kept });
  return { findings, refused };
}

interface Extent {
  since: string | undefined;
  /** Rules that are tested on all events whatever `since` says. */
  isWhole(rule: Rule): boolean;
}

async function findAll(store: Store, rules: readonly Rule[], writer: FindingWriter, extent: Extent): Promise<void> {
  const generating = generatingRules(rules);
  const clocks = rules.some((rule) => rule.kind === 'correlation') ? await knownClocks(store) : undefined;
  const correlations = correlate(rules, { clocks, layerOf: (rule) => sourceOf(rule)?.layer });
  for (const [source, ofSource] of bySource(rules)) {
    const hits = await collect(store, source, ofSource, correlations, extent);
    const isGenerating = (hit: Hit) => hit.rules.some((rule) => generating.has(rule));
    // places come before correlations, which may group by them
    for (const batch of inBatches(hits.filter((hit) => isGenerating(hit) || correlations.needsPlace(hit)))) {
      const places = await placesOf(store, source.layer, batch);
      for (const hit of batch) Object.assign(hit, places(hit));
    }
    for (const hit of hits) {
      correlations.add(hit, source.layer);
      for (const rule of hit.rules.filter((r) => generating.has(r))) {
        await writer.add(findingOf(rule, hit, source.layer, {}, hit.words, hit.digests));
      }
    }
  }
  await writeRuns(store, correlations, writer);
}

function bySource(rules: readonly Rule[]): Map<Source, EventRule[]> {
  const sources = new Map<Source, EventRule[]>();
  for (const rule of rules) {
    const source = rule.kind === 'event' ? sourceOf(rule) : undefined;
    if (source && rule.kind === 'event') sources.set(source, [...(sources.get(source) ?? []), rule]);
  }
  return sources;
}

// Several rows of one event may match (records of one auditd event, kinds of news): of each rule the first, with words and values of its own row.
async function collect(
  store: Store,
  source: Source,
  rules: readonly EventRule[],
  correlations: Correlations,
  extent: Extent,
): Promise<Hit[]> {
  const events = new Map<string, Hit[]>();
  for await (const hit of scanned(store, source, rules, correlations, extent)) {
    const key = [hit.cluster, hit.node, hit.event_key].join('\0');
    const known = events.get(key);
    if (!known) events.set(key, [hit]);
    else {
      const told = new Set(known.flatMap((one) => one.rules));
      const more = hit.rules.filter((rule) => !told.has(rule));
      if (more.length > 0) known.push({ ...hit, rules: more });
      const digests = [...new Set([...(known[0]?.digests ?? []), ...hit.digests])];
      for (const one of known) one.digests = digests;
    }
  }
  return [...events.values()].flat();
}

async function* scanned(
  store: Store,
  source: Source,
  rules: readonly EventRule[],
  correlations: Correlations,
  { since, isWhole }: Extent,
): AsyncIterable<Hit> {
  const asked = { fields: correlations.fields, askedOf: correlations.fieldsOf };
  if (since === undefined) return yield* scan(store, source, rules, asked);
  yield* scan(store, source, rules.filter(isWhole), asked);
  yield* scan(
    store,
    source,
    rules.filter((rule) => !isWhole(rule)),
    { ...asked, since },
  );
}

// The engine's parser reads 256 KiB of a query by default; an event id has some 45 bytes.
const BATCH = 500;

function* inBatches<T>(all: readonly T[]): Iterable<T[]> {
  for (let i = 0; i < all.length; i += BATCH) yield all.slice(i, i + BATCH);
}

async function writeRuns(store: Store, correlations: Correlations, writer: FindingWriter): Promise<void> {
  const byLayer = new Map<Source['layer'], { run: Run; first: Hit }[]>();
  for (const run of correlations.runs()) {
    const [first] = run.hits;
    const layer = first?.rules[0] && sourceOf(first.rules[0])?.layer;
    if (first && layer) byLayer.set(layer, [...(byLayer.get(layer) ?? []), { run, first }]);
  }
  for (const [layer, runs] of byLayer) {
    for (const batch of inBatches(runs)) {
      const places = await placesOf(
        store,
        layer,
        batch.map(({ first }) => first),
      );
      for (const { run, first } of batch) {
        const digests = [...new Set(run.hits.flatMap((hit) => hit.digests))];
        const place = { ...placeOfRun(run), ...places(first) };
        await writer.add(findingOf(run.rule, first, layer, place, wordsOf(run), digests));
      }
    }
  }
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
  const summary = `${renderSentence(rule.sentence ?? `${rule.title}.`, words)}${aliasNote(rule)}`;
  return { rule, ...own, source, summary, ...place };
}

function aliasNote(rule: Rule): string {
  if (rule.kind !== 'event') return '';
  const source = sourceOf(rule);
  const read = [...testsOf(rule.condition)].flatMap((test) => {
    const meaning = source?.aliasOf?.(test);
    return meaning === undefined ? [] : [`${test.field} was read as ${meaning}`];
  });
  const notes = [...new Set(read)];
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}
