// A chain told in steps: findings that follow one another closely and serve one tactic become one step with one sentence.
import type { ChainFinding } from './findings.ts';
import { atLeast, rankOf } from './findings.ts';
import type { Member } from './members.ts';
import { orderOfTactic } from './tactics.ts';

export interface ChainStep {
  n: number;
  time: string;
  tactic: string;
  techniques: string[];
  sentence: string;
  finding_ids: string[];
  digests: string[];
}

/** People act in bursts: what lies closer together than this was one act. */
const BURST_GAP_MS = 4_000;
/** Two acts of one tactic further apart than this are told apart. */
const STEP_GAP_MS = 60_000;
/** More rules than this, grave enough to be told, are more than one act. */
const BURST_RULES_MAX = 8;
/** So often, and with pauses so much alike (the longest to the median): what a program does all the time, not what somebody does. */
const STEADY_MIN = 5;
const PAUSES_ALIKE_MAX = 3;
/** What one sentence can hold. */
const CLAUSES_MAX = 2;
const CLAUSE_LENGTH_MAX = 200;

interface Act {
  findings: ChainFinding[];
  /** Records that no finding elsewhere speaks of more closely. */
  own: Set<string>;
  tactic: string;
  /** Where it happened or, from outside, who did it. */
  actor: string;
}

/** Steps in order of time. Pure. `digestsOf` names the records of a finding's event. */
export function tellSteps(findings: readonly ChainFinding[]): ChainStep[] {
  const bursts = burstsOf([...findings].sort((a, b) => a.at - b.at));
  const tells = telling(findings, bursts);
  const acts = bursts.map(({ findings: burst, own }) => ({
    findings: burst,
    own,
    ...leadOf([...burst].sort(tells)[0]),
  }));
  return joinActs(acts).map((act, i) => {
    const first = act.findings[0];
    return {
      n: i + 1,
      time: new Date(first?.at ?? 0).toISOString(),
      tactic: act.tactic,
      techniques: [...new Set(act.findings.flatMap((f) => f.techniques))].sort(),
      sentence: sentenceOf(act.findings, tells),
      finding_ids: act.findings.map((f) => f.id),
      digests: [...act.own],
    };
  });
}

type Burst = Pick<Act, 'findings' | 'own'>;

// A correlation speaks of all its events from the first one on: a record is told where the finding is that has fewest beside it.
function burstsOf(findings: readonly ChainFinding[]): Burst[] {
  const closest = new Map<string, number>();
  for (const { digests } of findings)
    for (const d of digests) closest.set(d, Math.min(closest.get(d) ?? digests.length, digests.length));
  const bursts: ChainFinding[][] = [];
  const steady = firstOfSteady(findings);
  const placed = new Map<ChainFinding, ChainFinding[]>();
  for (const finding of findings) {
    // goes on while others act: it holds no two acts together, and is told where it began
    const first = steady.get(finding);
    if (first !== undefined) {
      placed.get(first)?.push(finding);
      continue;
    }
    const current = bursts.at(-1);
    const last = current?.findLast((f) => !steady.has(f));
    if (current !== undefined && last !== undefined && finding.at - last.at <= BURST_GAP_MS) current.push(finding);
    else bursts.push([finding]);
    placed.set(finding, bursts.at(-1) ?? []);
  }
  return bursts.flatMap(apart).map((burst) => ({
    findings: burst,
    own: new Set(burst.flatMap(({ digests }) => digests.filter((d) => closest.get(d) === digests.length))),
  }));
}

/** Of findings that one rule makes of one actor all the time, but the first of each such stretch: that first one. */
function firstOfSteady(findings: readonly ChainFinding[]): Map<ChainFinding, ChainFinding> {
  const stretches = new Map<string, ChainFinding[]>();
  const first = new Map<ChainFinding, ChainFinding>();
  const end = (stretch: readonly ChainFinding[]) => {
    const [begin, ...others] = stretch;
    if (begin !== undefined && isSteady(stretch)) for (const f of others) first.set(f, begin);
  };
  for (const f of findings) {
    const key = `${f.rule_id}\0${actorOf(f)}`;
    const stretch = stretches.get(key);
    const last = stretch?.at(-1);
    if (stretch !== undefined && last !== undefined && f.at - last.at <= STEP_GAP_MS) stretch.push(f);
    else {
      end(stretch ?? []);
      stretches.set(key, [f]);
    }
  }
  for (const stretch of stretches.values()) end(stretch);
  return first;
}

function isSteady(stretch: readonly ChainFinding[]): boolean {
  const pauses = stretch.slice(1).map((f, i) => f.at - (stretch[i]?.at ?? f.at));
  pauses.sort((a, b) => a - b);
  const longest = pauses.at(-1) ?? 0;
  const median = pauses[Math.floor(pauses.length / 2)] ?? 0;
  const lasts = (stretch.at(-1)?.at ?? 0) - (stretch[0]?.at ?? 0);
  return stretch.length >= STEADY_MIN && lasts >= STEADY_MIN * BURST_GAP_MS && longest <= PAUSES_ALIKE_MAX * median;
}

/** A script does in seconds what a person does in minutes: a burst that is too much for one sentence is told by places. */
function apart(burst: ChainFinding[]): ChainFinding[][] {
  const told = burst.filter((f) => atLeast(f.severity, 'medium'));
  if (new Set(told.map((f) => f.rule_id)).size <= BURST_RULES_MAX) return [burst];
  const byActor = new Map<string, ChainFinding[]>();
  for (const f of burst) byActor.set(actorOf(f), [...(byActor.get(actorOf(f)) ?? []), f]);
  return [...byActor.values()];
}

function joinActs(acts: readonly Act[]): Act[] {
  const joined: Act[] = [];
  for (const act of acts) {
    // acts of one burst may lie between
    const last = joined.findLast((a) => a.actor === act.actor || !overlaps(a, act));
    const gap = (act.findings[0]?.at ?? 0) - (last?.findings.at(-1)?.at ?? 0);
    if (last !== undefined && last.tactic === act.tactic && last.actor === act.actor && gap <= STEP_GAP_MS) {
      last.findings.push(...act.findings);
      for (const d of act.own) last.own.add(d);
    } else joined.push({ ...act, findings: [...act.findings], own: new Set(act.own) });
  }
  return joined;
}

const overlaps = (a: Act, b: Act) => (a.findings.at(-1)?.at ?? 0) + BURST_GAP_MS >= (b.findings[0]?.at ?? 0);

type Telling = (a: ChainFinding, b: ChainFinding) => number;

/**
 * Order of what tells most: what speaks of this act before what spans several, the graver, of equals the one whose rule is rarer in this chain (what every act shows says little of
 * this one), of equals the one whose tactic lies further along.
 */
function telling(findings: readonly ChainFinding[], bursts: readonly Burst[]): Telling {
  const spanning = new Set(
    bursts.flatMap((burst) => burst.findings.filter(({ digests }) => digests.some((d) => !burst.own.has(d)))),
  );
  const hits = new Map<string, number>();
  for (const f of findings) hits.set(f.rule_id, (hits.get(f.rule_id) ?? 0) + 1);
  const count = (f: ChainFinding) => hits.get(f.rule_id) ?? 0;
  const again = repeats(bursts);
  return (a, b) =>
    Number(spanning.has(a)) - Number(spanning.has(b)) ||
    Number(again.has(a)) - Number(again.has(b)) ||
    rankOf(b.severity) - rankOf(a.severity) ||
    count(a) - count(b) ||
    orderOfTactic(primary(b)) - orderOfTactic(primary(a)) ||
    a.at - b.at;
}

/** What a rule found of the same actor in an act before, not long ago: a program that does the same all the time does not lead what others do meanwhile. */
function repeats(bursts: readonly Burst[]): Set<ChainFinding> {
  const again = new Set<ChainFinding>();
  const latest = new Map<string, { burst: Burst; at: number; isAgain: boolean }>();
  for (const burst of bursts) {
    for (const f of burst.findings) {
      const key = `${f.rule_id}\0${actorOf(f)}`;
      const before = latest.get(key);
      const isRecent = before !== undefined && f.at - before.at <= STEP_GAP_MS;
      const isAgain = isRecent && (before.burst !== burst || before.isAgain);
      if (isAgain) again.add(f);
      latest.set(key, { burst, at: f.at, isAgain });
    }
  }
  return again;
}

const leadOf = (f: ChainFinding | undefined) => ({
  tactic: primary(f),
  actor: f === undefined ? '' : actorOf(f),
});

const actorOf = (f: ChainFinding) =>
  f.pod !== '' ? `${f.namespace}/${f.pod}` : `${f.node} ${f.container_id || f.principal}`;

const primary = (f: ChainFinding | undefined) => f?.tactics[0] ?? '';

/** The findings that tell most speak first, a rule once; how many more there were is said. */
function sentenceOf(findings: readonly ChainFinding[], tells: Telling): string {
  const ofRule = new Map<string, ChainFinding>();
  for (const f of [...findings].sort(tells)) if (!ofRule.has(f.rule_id)) ofRule.set(f.rule_id, f);
  const speak = [...ofRule.values()].slice(0, CLAUSES_MAX);
  const more = findings.length - speak.length;
  const text = speak.map((f) => clause(f.summary)).join(' ');
  return more > 0 ? `${text} (and ${more} more finding${more === 1 ? '' : 's'})` : text;
}

function clause(summary: string): string {
  const short = summary.length > CLAUSE_LENGTH_MAX ? `${summary.slice(0, CLAUSE_LENGTH_MAX - 1)}…` : summary;
  return short.replace(/[.…]?$/, (end) => (end === '…' ? end : '.'));
}

/** The step a record belongs to: the last that had begun when it was made, the first for what came before. */
export function stepAt(steps: readonly ChainStep[], member: Member): number {
  const time = Date.parse(`${member.time.replace(' ', 'T').slice(0, 23)}Z`);
  const step = steps.findLast((s) => Date.parse(s.time) <= time) ?? steps[0];
  return step?.n ?? 0;
}
