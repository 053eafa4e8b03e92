// Why a step of a chain belongs to the ones before it: links whose records stand in both, or the way from what the step tells back to what an
// earlier step brought in, link by link.
import { groupBy } from '../../analytics/entities/group-by.ts';
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

/** Of each step: those to what it tells come before those to what went on beside it; of each, a kind once, the most telling kinds first. Pure. */
export function createReasons(chain: Chain): (step: ChainStep) => StepReason[] {
  const stepOf = new Map(chain.members.filter((m) => m.step > 0).map((m) => [m.digest, m.step]));
  const toldIn = new Map(chain.steps.flatMap(({ n, digests }) => digests.map((d) => [d, n] as const)));
  const leadingTo = groupBy(chain.links, ({ to }) => to);
  const stepsOf = (link: ChainLink) => link.digests.flatMap((d) => stepOf.get(d) ?? []);
  const toldStepsOf = (link: ChainLink) => link.digests.flatMap((d) => toldIn.get(d) ?? []);

  return ({ n, digests }) => {
    const own = new Set(digests.filter((d) => stepOf.get(d) === n));
    const tells = (link: ChainLink) => link.digests.some((d) => own.has(d));
    const across = chain.links.filter((link) => {
      const steps = stepsOf(link);
      return Math.max(...steps) === n && Math.min(...steps) < n;
    });
    const direct = (links: readonly ChainLink[]): StepReason[] =>
      onceAKind(links)
        .slice(0, REASONS_MAX)
        .map((link) => ({ from: Math.min(...stepsOf(link)), links: [link] }));
    const telling = direct(across.filter(tells));
    if (telling.length > 0) return telling;
    // to what an earlier step tells; else to what went on in its time
    const last = chain.links.filter(tells);
    const way = wayBack(leadingTo, last, n, toldStepsOf) ?? wayBack(leadingTo, last, n, stepsOf);
    return way === undefined ? direct(across) : [way];
  };
}

function onceAKind(links: readonly ChainLink[]): ChainLink[] {
  const told = new Map<string, ChainLink>();
  for (const link of [...links].sort(byKind)) if (!told.has(link.kind)) told.set(link.kind, link);
  return [...told.values()];
}

/** The shortest way against the direction of links from one of `last` to a link of an earlier step. */
function wayBack(
  leadingTo: ReadonlyMap<string, readonly ChainLink[]>,
  last: readonly ChainLink[],
  step: number,
  stepsOf: (link: ChainLink) => number[],
): StepReason | undefined {
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
