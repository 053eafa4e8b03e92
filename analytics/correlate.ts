// The correlate job: entities, then findings, then what is new for those who did it and what rules say of that, then chains, from all that the
// store holds. Run again, it replaces what it concluded before; the same records give the same conclusions, however many runs they took.
import { type BaselineCounts, buildBaselines } from './baselines/baselines.ts';
import { rulesInOrder } from './baselines/novelty-rules.ts';
import { buildChains } from './chains/chains.ts';
import { CONTEXT_LABELS, type ContextLabels } from './entities/actors/actors.ts';
import { buildEntities, type EntityCounts } from './entities/entities.ts';
import { fillNamespaces, SENSITIVE_VALUES, tellSensitiveValues } from './noise/context.ts';
import { countNoise, type NoiseCounts } from './noise/counts.ts';
import { judgeAgain } from './noise/judge.ts';
import type { Rule, RuleProblem } from './rules/language/rule.ts';
import { detect } from './rules/run/detect.ts';
import { skipEmpty } from './store/skip-empty.ts';
import type { Store } from './store/store.ts';

export interface Correlation extends EntityCounts, NoiseCounts {
  findings: number;
  /** Rules that were left out, and why. */
  refused: RuleProblem[];
  baselines: BaselineCounts;
  chains: number;
  seconds: number;
}

/** What rules are tested on; nothing said: events that came or of which more is known since the last run, with the findings of a run over everything. */
export interface Extent {
  /** RFC 3339: events from then on; earlier findings stay as they are. */
  since?: string | undefined;
  /** Everything, whatever was tested before. */
  anew?: boolean | undefined;
}

/**
 * One run over the whole store. `now` only numbers the run and measures it: nothing concluded depends on it.
 */
export async function correlate(
  store: Store,
  rules: readonly Rule[],
  now: () => Date,
  labels: ContextLabels = CONTEXT_LABELS,
  sensitiveValues: readonly string[] = SENSITIVE_VALUES,
  extent: Extent = {},
): Promise<Correlation> {
  const started = now().getTime();
  const version = await nextVersion(store, started);
  const entities = await buildEntities(store, version, labels);
  await fillNamespaces(store, version, labels);
  await tellSensitiveValues(store, sensitiveValues, version);
  const { findings, baselines, refused } = await conclude(store, rules, version, extent);
  const chains = await buildChains(store, version);
  await mark(store, 'correlate', version);
  const noise = await countNoise(store);
  return { ...entities, findings, baselines, ...noise, refused, chains, seconds: (now().getTime() - started) / 1000 };
}

/** Findings of rules over events, baselines that do not learn from them, findings of rules over what is new. */
export async function conclude(
  store: Store,
  rules: readonly Rule[],
  version: number,
  { since, anew = false }: Extent = {},
): Promise<Pick<Correlation, 'findings' | 'baselines' | 'refused'>> {
  const { first, second, secondIds } = rulesInOrder(rules);
  const firstIds = first.map((rule) => rule.id);
  // what findings touch may be known better now; those of this run are judged when they are made
  await judgeAgain(store);
  const plain = await detect(await skipEmpty(store), first, { version, others: secondIds, among: rules, since, anew });
  const baselines = await buildBaselines(store, version, secondIds);
  const ofNovelties = await detect(await skipEmpty(store), second, { version, others: firstIds, among: rules });
  return {
    findings: plain.findings + ofNovelties.findings,
    baselines,
    refused: [...plain.refused, ...ofNovelties.refused],
  };
}

/** Later runs must outrank earlier ones, finished or not, even if the clock went back. */
async function nextVersion(store: Store, wanted: number): Promise<number> {
  const [row] = await store.rows(
    "SELECT max(version) AS last FROM cursors WHERE job IN ('correlate', 'correlate-begun')",
  );
  const version = Math.max(wanted, Number(row?.['last'] ?? 0) + 1);
  await mark(store, 'correlate-begun', version);
  return version;
}

/** `correlate` says that a run was finished: retention waits for it. */
const mark = (store: Store, job: 'correlate' | 'correlate-begun', version: number) =>
  store.insert('cursors', [{ job, loader: '', seq: 0, version }]);
