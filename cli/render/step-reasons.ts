// Why a step of a chain belongs to the ones before it: links whose records stand in both, or the way from what the step tells back to what an
// earlier step brought in, link by link.
import type { Chain, ChainLink, ChainStep } from '../../analytics/queries/chains.ts';

export interface StepReason {
  /** The earlier step. */
  from: number;
  /** In order of what happened: one link, or several one behind the other. */
  links: readonly ChainLink[];
}

// A step of forty records may have as many links; the most telling say why, the rest is in the JSON.
const REASONS_MAX = 2;
// From a program in a pod to who made the pod's controller: the container, the pod, its owner, its owner's owner, the request.
const WAY_LINKS_MAX = 7;

// What says most of how one act led to the next comes first.
const KINDS = [
  'login-session',
  'exec-session',
  'wrote-then-ran',
  'created',
  'connected',
  'token-used',
  'same-credential',
  'same-service',
  'api-request',
  'same-owner',
  'ran-in',
  'spawned',
];
const byKind = (a: ChainLink, b: ChainLink) =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || b.confidence - a.confidence;

/** Those to what the step tells come before those to what went on beside it; of each, a kind once, the most telling kinds first. Pure. */
export function reasonsOf(chain: Chain, step: ChainStep): StepReason[] {
  const stepOf = new Map(chain.members.filter((m) => m.step > 0).map((m) => [m.digest, m.step]));
  const stepsOf = (link: ChainLink) => link.digests.flatMap((d) => stepOf.get(d) ?? []);
  const own = new Set(step.digests.filter((d) => stepOf.get(d) === step.n));
  const tells = (link: ChainLink) => link.digests.some((d) => own.has(d));

  const across = chain.links.filter((link) => {
    const steps = stepsOf(link);
    return Math.max(...steps) === step.n && Math.min(...steps) < step.n;
  });
  const direct = onceAKind(across.filter(tells)).map((link) => ({ from: Math.min(...stepsOf(link)), links: [link] }));
  if (direct.length > 0) return direct.slice(0, REASONS_MAX);
  // to what an earlier step tells; else to what went on in its time
  const toldIn = new Map(chain.steps.flatMap(({ n, digests }) => digests.map((d) => [d, n] as const)));
  const toldStepsOf = (link: ChainLink) => link.digests.flatMap((d) => toldIn.get(d) ?? []);
  const last = chain.links.filter(tells);
  const way = wayBack(chain.links, last, step.n, toldStepsOf) ?? wayBack(chain.links, last, step.n, stepsOf);
  if (way !== undefined) return [way];
  const beside = onceAKind(across).map((link) => ({ from: Math.min(...stepsOf(link)), links: [link] }));
  return beside.slice(0, REASONS_MAX);
}

function onceAKind(links: readonly ChainLink[]): ChainLink[] {
  const told = new Map<string, ChainLink>();
  for (const link of [...links].sort(byKind)) if (!told.has(link.kind)) told.set(link.kind, link);
  return [...told.values()];
}

/** The shortest way against the direction of links from one of `last` to a link of an earlier step. */
function wayBack(
  all: readonly ChainLink[],
  last: readonly ChainLink[],
  step: number,
  stepsOf: (link: ChainLink) => number[],
): StepReason | undefined {
  const leadingTo = new Map<string, ChainLink[]>();
  for (const link of all) leadingTo.set(link.to, [...(leadingTo.get(link.to) ?? []), link]);
  const seen = new Set<ChainLink>(last);
  let ways = [...last].sort(byKind).map((link) => [link]);
  while (ways.length > 0 && (ways[0]?.length ?? 0) < WAY_LINKS_MAX) {
    const longer: ChainLink[][] = [];
    for (const way of ways) {
      for (const link of [...(leadingTo.get(way[0]?.from ?? '') ?? [])].sort(byKind)) {
        if (seen.has(link)) continue;
        seen.add(link);
        const steps = stepsOf(link);
        if (steps.length > 0 && Math.min(...steps) < step) return { from: Math.min(...steps), links: [link, ...way] };
        longer.push([link, ...way]);
      }
    }
    ways = longer;
  }
  return undefined;
}
