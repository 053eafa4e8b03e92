// What correlations see of the hits of their base rules: when it was, by which clock, which of the rules it matched, and its
// values. Made by correlation.ts; windows.ts and ordered.ts look for runs among the occurrences of one group.
import type { Clocks, Moment } from '../../entities/clocks/clocks.ts';
import type { Hit } from './scan.ts';

export interface Occurrence {
  readonly hit: Hit;
  /** All hits behind it: of a run of another correlation more than one. */
  readonly hits: readonly Hit[];
  /** One event, or one run, counts once, however many rules and log sources found it. */
  readonly unit: string;
  /** Microseconds, by the clock of the API server where events of several clocks are compared, else by their own. */
  readonly atUs: number;
  /** As its own clock had it. */
  readonly moment: Moment;
  /** The record's number among those of one stamp, where its source numbers them. */
  readonly serial: number;
  /** Positions in the correlation's list of rules. */
  readonly rules: ReadonlySet<number>;
  /** Of the correlation's fields; undefined where one is not there. */
  readonly value: string | undefined;
}

export function momentOf(hit: Hit, layer: Moment['layer']): Moment {
  // a Kubernetes event is stamped by the API server, whatever node it led to
  return { cluster: hit.cluster, node: layer === 'k8s-audit' ? '' : hit.node, layer, at_us: microseconds(hit.time) };
}

/** `2026-11-23 13:10:37.500123456`, UTC. */
export function microseconds(time: string): number {
  const [seconds = '', fraction = ''] = time.replace(' ', 'T').replace(/Z$/, '').split('.');
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** The number that an event id ends with: auditd's serial, a line of a file. */
export const serialOf = (key: string): number => Number(/(?:^|:)(\d{1,15})$/.exec(key)?.[1] ?? 0);

/** Of one stamp, those of the rule that is named first come first: they may have. */
export const byTime = (a: Occurrence, b: Occurrence): number =>
  a.atUs - b.atUs ||
  a.serial - b.serial ||
  firstRule(a) - firstRule(b) ||
  (a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : 0);

const firstRule = ({ rules }: Occurrence) => Math.min(...rules);

/**
 * Whether a came before b. Of one clock, its stamps tell, and of one stamp either may be first unless records are numbered.
 * Of two clocks only what is further apart than both are sure of is in order: what cannot be told is not called ordered.
 */
export function cameBefore(a: Occurrence, b: Occurrence, clocks: Clocks): boolean {
  if (a.unit === b.unit) return false;
  const [x, y] = [a.moment, b.moment];
  const oneClock = x.cluster === y.cluster && x.node === y.node && x.layer === y.layer;
  if (!oneClock) return clocks.order(x, y) === 'before';
  return x.at_us < y.at_us || (x.at_us === y.at_us && a.serial <= b.serial);
}
