// Rules over everything stored, findings into their table. A pure function of the store: run again, it finds the same.
import type { Store } from '../store/store.ts';
import { checkRule, sourceOf } from './check.ts';
import { createFindingWriter, type Finding } from './findings.ts';
import { placesOf } from './places.ts';
import type { EventRule, Rule } from './rule.ts';
import { type Hit, scan } from './scan.ts';
import { renderSentence } from './sentence.ts';
import type { Source } from './sources/source.ts';

export interface DetectOptions {
  /** Of the rows written; rows of a lower version that are not found again are retired. */
  version: number;
}

/** Rules that check.ts refuses are left out. */
export async function detect(
  store: Store,
  rules: readonly Rule[],
  { version }: DetectOptions,
): Promise<{ findings: number }> {
  const writer = createFindingWriter(store, version);
  for (const [source, ofSource] of bySource(rules)) {
    for (const hits of inBatches(await collect(store, source, ofSource))) {
      const places = await placesOf(store, source.layer, hits);
      for (const hit of hits) {
        for (const rule of hit.rules) await writer.add(findingOf(rule, hit, source, places(hit)));
      }
    }
  }
  return { findings: await writer.finish() };
}

function bySource(rules: readonly Rule[]): Map<Source, EventRule[]> {
  const sources = new Map<Source, EventRule[]>();
  for (const rule of rules) {
    const source = rule.kind === 'event' && checkRule(rule).length === 0 ? sourceOf(rule) : undefined;
    if (source && rule.kind === 'event') sources.set(source, [...(sources.get(source) ?? []), rule]);
  }
  return sources;
}

// Several rows of one event may match (records of one auditd event): one hit, with the rules of all.
async function collect(store: Store, source: Source, rules: readonly EventRule[]): Promise<Hit[]> {
  const hits = new Map<string, Hit>();
  for await (const hit of scan(store, source, rules, [])) {
    const key = [hit.cluster, hit.node, hit.event_key].join('\0');
    const known = hits.get(key);
    if (!known) hits.set(key, hit);
    else {
      known.rules = [...new Set([...known.rules, ...hit.rules])];
      known.digests = [...new Set([...known.digests, ...hit.digests])];
    }
  }
  return [...hits.values()];
}

// A batch's event ids travel as one parameter.
const BATCH = 500;

function* inBatches<T>(all: readonly T[]): Iterable<T[]> {
  for (let i = 0; i < all.length; i += BATCH) yield all.slice(i, i + BATCH);
}

function findingOf(rule: EventRule, hit: Hit, source: Source, place: Partial<Finding>): Finding {
  const { cluster, node, time, event_key, digests, principal, namespace, pod, pod_uid, container_id, process_key } =
    hit;
  const summary = renderSentence(rule.sentence ?? `${rule.title}.`, hit.words);
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
  return { rule, ...own, source: source.layer, summary, ...place };
}
