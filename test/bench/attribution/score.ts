// What a store says of each auditd event's container against what the kernel's process connector saw (attribution.tsv of a recording), by
// method and by how long the container lived: the classes of score-attribution. Pure.

/** A line of attribution.tsv: `in` a process of the container, `host` of the node; `setup` and `unknown` are not scored. */
export interface Truth {
  event: string;
  container: string;
  kind: string;
}

export interface Said {
  container: string;
  method: string;
  confidence: number;
}

export interface Tally {
  right: number;
  wrong: number;
  missing: number;
}

export interface Score extends Tally {
  /** right / all of them */
  share: number;
  byLifetime: Map<string, Tally>;
  byMethod: Map<string, Tally>;
  host: number;
  /** Events of the node's own processes that were given to a container. */
  hostFalse: number;
  /** Events that are not in the store: of a log that began late. Not scored. */
  absent: number;
  /** Wrong or of the node, and yet said with 0.9 or more. */
  confidentlyWrong: number;
}

/** From here on a reader takes a placement for a fact. */
export const CONFIDENT = 0.9;

export const readTruth = (text: string): Truth[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [event = '', container = '', kind = ''] = line.split('\t');
      return { event, container, kind };
    });

const emptyTally = (): Tally => ({ right: 0, wrong: 0, missing: 0 });

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  const tally = tallies.get(name) ?? emptyTally();
  tallies.set(name, tally);
  return tally;
}

export function score(
  truth: readonly Truth[],
  said: ReadonlyMap<string, Said>,
  lifetimeMs: ReadonlyMap<string, number>,
): Score {
  const result = { ...emptyTally(), share: 0, host: 0, hostFalse: 0, absent: 0, confidentlyWrong: 0 };
  const byLifetime = new Map<string, Tally>();
  const byMethod = new Map<string, Tally>();
  for (const { event, container, kind } of truth) {
    const found = said.get(event);
    if (found === undefined) {
      if (kind !== 'unknown') result.absent++;
      continue;
    }
    const named = found.container;
    const confident = found.confidence >= CONFIDENT;
    if (kind === 'host') {
      result.host++;
      if (named === '') continue;
      result.hostFalse++;
      if (confident) result.confidentlyWrong++;
    }
    if (kind !== 'in') continue;
    const verdict = named === container ? 'right' : named === '' ? 'missing' : 'wrong';
    result[verdict]++;
    tallyOf(byLifetime, lifetimeClass(lifetimeMs.get(container)))[verdict]++;
    tallyOf(byMethod, found.method || 'none')[verdict]++;
    if (verdict === 'wrong' && confident) result.confidentlyWrong++;
  }
  const all = result.right + result.wrong + result.missing;
  return { ...result, share: all === 0 ? 0 : result.right / all, byLifetime, byMethod };
}

const lifetimeClass = (ms: number | undefined): string =>
  ms === undefined ? 'still running or unknown' : ms < 1000 ? 'under 1 s' : ms < 10_000 ? '1 to 10 s' : 'over 10 s';
