// Rules over what is stored, findings into their table. What is concluded is a function of the store alone; what is done for it follows what
// changed: events are tested whose minutes differ from what was tested before, a rule that is new or changed is tested on all, correlations
// are looked at whose hits changed (scope.ts, tested-rules.ts, stored-hits.ts). Killed at any moment, the next run does what is left.

import { markEvents } from '../../lists/mark-events.ts';
import type { Store } from '../../store/store.ts';
import { checkRules, sourceOf } from '../compile/check.ts';
import { refusedByEngine } from '../compile/runnable.ts';
import { eventRulesOf, generatingRules, withoutRefused } from '../language/references.ts';
import type { CorrelationRule, EventRule, Rule, RuleProblem } from '../language/rule.ts';
import { asksMarks } from '../sources/marks.ts';
import type { Source } from '../sources/source.ts';
import { correlate } from './correlation.ts';
import { aliasNote, findingOfHit, findingOfRun } from './finding-of.ts';
import { countFindings, type FindingWriter, writeFindings } from './findings.ts';
import { clockDigest, knownClocks } from './known-clocks.ts';
import { type Hit, timeSql } from './scan.ts';
import { EVERYTHING, type Extent, type Scope, withScope } from './scope.ts';
import { lastChanges, readHits, readUntold, refreshHits, retireHits } from './stored-hits.ts';
import {
  correlationsBelow,
  epochOf,
  readTested,
  restsOn,
  type Tested,
  testedBy,
  toldBy,
  writeTested,
} from './tested-rules.ts';

export interface DetectOptions {
  /** Of the rows written; rows of a lower version that are not found again are retired. */
  version: number;
  /** Ids of rules that another call runs: their hits are as that one left them, and their findings are not retired by this one. */
  others?: readonly string[];
  /** All rules of all calls, where there are several: what correlations ask for is kept of each hit. */
  among?: readonly Rule[];
  /** RFC 3339: rules are tested on events from then on, and only their findings are replaced; what correlations rest on is looked at whole. */
  since?: string | undefined;
  /** Rules are tested on everything, whatever was tested before. */
  anew?: boolean;
}

export interface Detected {
  /** Findings of these rules that there are now. */
  findings: number;
  /** Rules that were left out, and why. */
  refused: RuleProblem[];
}

/** Rules that do not fit their log source, or that the engine cannot run, are left out and told. */
export async function detect(store: Store, given: readonly Rule[], options: DetectOptions): Promise<Detected> {
  const { rules, refused } = withoutRefused(given, [...checkRules(given), ...(await refusedByEngine(store, given))]);
  if (rules.some(asksMarks)) await markEvents(store, options.version);
  const plan = await planOf(store, rules, options);
  await refreshAll(store, plan, options);
  const findings = await tellAll(store, plan, options);
  return { findings, refused };
}

interface Plan {
  rules: readonly Rule[];
  /** Event rules of this call. */
  own: readonly EventRule[];
  generating: ReadonlySet<Rule>;
  /** Whether the rule is tested on all events whatever `since` says. */
  isWhole(rule: Rule): boolean;
  /** What was known of rules, and what is known after this run. */
  known: ReadonlyMap<string, Tested>;
  now: Map<string, Tested>;
  asked: { fields: readonly string[]; askedOf(rule: EventRule): readonly string[] };
}

async function planOf(
  store: Store,
  rules: readonly Rule[],
  { others = [], among = rules, anew }: DetectOptions,
): Promise<Plan> {
  const elsewhere = new Set(others);
  const own = rules.filter((rule): rule is EventRule => rule.kind === 'event' && !elsewhere.has(rule.id));
  const fed = new Set(rules.flatMap((rule) => (rule.kind === 'correlation' ? eventRulesOf(rule, rules) : [])));
  const { fields, fieldsOf } = correlate(among);
  const ofId = new Map(among.map((rule) => [rule.id, rule]));
  const askedOf = ({ id }: EventRule): readonly string[] => {
    const rule = ofId.get(id);
    return rule?.kind === 'event' ? fieldsOf(rule) : [];
  };
  const known = anew ? new Map<string, Tested>() : await readTested(store);
  const epoch = await epochOf(store);
  const now = new Map<string, Tested>();
  for (const id of others) now.set(id, known.get(id) ?? { tested: '', told: '' });
  for (const rule of own) {
    const source = sourceOf(rule);
    if (source)
      now.set(rule.id, { tested: testedBy(source, rule, askedOf(rule), epoch), told: toldBy(rule, aliasNote(rule)) });
  }
  return {
    rules,
    own,
    generating: generatingRules(rules),
    isWhole: (rule) => rule.kind === 'correlation' || fed.has(rule),
    known,
    now,
    asked: { fields, askedOf },
  };
}

/** Hits as of now: of rules that are known, in events that changed; of others, in all. */
async function refreshAll(store: Store, plan: Plan, { version, others = [], since }: DetectOptions): Promise<void> {
  const { own, known, now, asked } = plan;
  const sinceThen = since === undefined ? undefined : `time >= ${timeSql(since)}`;
  await retireHits(store, [...own, ...others.map((id) => ({ id }))], sinceThen ?? '1', version);
  const refresh = (source: Source, rules: readonly EventRule[], extent: Extent) =>
    refreshHits(store, source, rules, extent, version, asked);
  const sources = bySource(own);
  for (const [source, rules] of sources) if (source.isSmall) await refresh(source, rules, EVERYTHING);
  const large = [...sources].filter(([source]) => !source.isSmall);
  const isKnown = ({ id }: EventRule) => known.get(id)?.tested === now.get(id)?.tested;
  const extentOf = (rule: EventRule, scope: Scope, source: Source): Extent | undefined => {
    if (sinceThen !== undefined && !plan.isWhole(rule)) return { within: sinceThen, stored: sinceThen };
    return isKnown(rule) ? scope.extentOf(source.layer) : EVERYTHING;
  };
  const testAll = async (scope: Scope) => {
    for (const [source, rules] of large) {
      for (const [extent, some] of byExtent(rules, (rule) => extentOf(rule, scope, source)))
        await refresh(source, some, extent);
    }
    // what was tested in part will be tested again
    if (since === undefined) await scope.done(version);
    else for (const rule of own) if (!plan.isWhole(rule) && !isKnown(rule)) now.set(rule.id, { tested: '', told: '' });
  };
  if (large.length > 0) await withScope(store, testAll);
  // findings are not told yet: who is killed before tells them in the next run
  const tested = [...now].map(([id, one]) => [id, { tested: one.tested, told: known.get(id)?.told ?? '' }] as const);
  await writeTested(store, known, new Map([...correlationsKnown(plan), ...tested]), version);
}

/** Correlations are dealt with when findings are told. */
const correlationsKnown = ({ rules, known }: Plan): [string, Tested][] =>
  rules.flatMap(({ kind, id }) => {
    const one = kind === 'correlation' ? known.get(id) : undefined;
    return one ? [[id, one]] : [];
  });

function bySource(rules: readonly EventRule[]): Map<Source, EventRule[]> {
  const sources = new Map<Source, EventRule[]>();
  for (const rule of rules) {
    const source = sourceOf(rule);
    if (source) sources.set(source, [...(sources.get(source) ?? []), rule]);
  }
  return sources;
}

function byExtent(
  rules: readonly EventRule[],
  extentOf: (rule: EventRule) => Extent | undefined,
): Map<Extent, EventRule[]> {
  const extents = new Map<string, [Extent, EventRule[]]>();
  for (const rule of rules) {
    const extent = extentOf(rule);
    if (extent === undefined) continue;
    const known = extents.get(extent.within);
    if (known) known[1].push(rule);
    else extents.set(extent.within, [extent, [rule]]);
  }
  return new Map(extents.values());
}

/** Findings of hits that none were made of, and of correlations whose hits changed; what has no hit any more goes. */
async function tellAll(store: Store, plan: Plan, { version, others = [], since }: DetectOptions): Promise<number> {
  const { rules, own, generating, known, now } = plan;
  const sinceThen = since === undefined ? '1' : `time >= ${timeSql(since)}`;
  const telling = own.filter((rule) => generating.has(rule));
  const toldAnew = telling.filter(({ id }) => known.get(id)?.told !== now.get(id)?.told);
  const changed = await changedCorrelations(store, plan);
  const isKept = (rule: Rule) => rule.kind === 'correlation' && generating.has(rule) && !changed.has(rule);
  const whole = rules.filter(plan.isWhole).map(({ id }) => id);
  const work = async (writer: FindingWriter) => {
    for await (const hit of readUntold(store, telling, toldAnew, sinceThen)) await tellHit(writer, hit);
    await tellRuns(store, plan, changed, writer);
  };
  await writeFindings(store, version, work, {
    others: [...others, ...rules.filter(isKept).map(({ id }) => id)],
    telling,
    since: since === undefined ? undefined : { since, whole },
  });
  await writeTested(store, known, now, version);
  return countFindings(store, others);
}

async function tellHit(writer: FindingWriter, hit: Hit): Promise<void> {
  const [rule] = hit.rules;
  const source = rule && sourceOf(rule);
  if (source) await writer.add(findingOfHit(rule, hit, source.layer));
}

/** Correlations to be looked at again, with those below them. */
async function changedCorrelations(
  store: Store,
  { rules, generating, known, now }: Plan,
): Promise<ReadonlySet<CorrelationRule>> {
  const correlations = rules.filter((rule) => rule.kind === 'correlation');
  if (correlations.length === 0) return new Set();
  const changes = await lastChanges(store);
  const clocks = await clockDigest(store);
  const changed = new Set<CorrelationRule>();
  for (const rule of correlations) {
    const tested = restsOn(rule, rules, {
      lastChanges: changes,
      clocks: comparesClocks(rule, rules) ? clocks : '',
      testedOf: ({ id }) => now.get(id)?.tested,
    });
    now.set(rule.id, { tested, told: toldBy(rule, '') });
    const before = known.get(rule.id);
    if (before?.tested === tested && before.told === now.get(rule.id)?.told) continue;
    if (generating.has(rule)) for (const below of correlationsBelow(rule, rules)) changed.add(below);
  }
  return changed;
}

/** Of one layer, stamps tell what was near, and clocks only what came before what. */
function comparesClocks(rule: CorrelationRule, rules: readonly Rule[]): boolean {
  const layers = new Set(eventRulesOf(rule, rules).map((base) => sourceOf(base)?.layer));
  return layers.size > 1 || correlationsBelow(rule, rules).some(({ type }) => type === 'temporal_ordered');
}

async function tellRuns(
  store: Store,
  { rules, generating }: Plan,
  changed: ReadonlySet<CorrelationRule>,
  writer: FindingWriter,
): Promise<void> {
  if (changed.size === 0) return;
  const bases = [...new Set([...changed].flatMap((rule) => eventRulesOf(rule, rules)))];
  // which of them make findings is settled among all rules
  const some = [...changed, ...bases].map((rule) => ({ ...rule, generates: generating.has(rule) }));
  const correlations = correlate(some, await knownClocks(store));
  for await (const hit of readHits(store, bases)) {
    const source = hit.rules[0] && sourceOf(hit.rules[0]);
    if (source) correlations.add(hit, source.layer);
  }
  for (const run of correlations.runs()) {
    const finding = findingOfRun(run);
    if (finding) await writer.add(finding);
  }
}
