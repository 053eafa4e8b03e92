// What a rule is once parsed: Sigma's metadata, a condition as a tree of tests, and Vestige's own additions.
import type { Expression } from './expression.ts';

export const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

export const SIGNALS = ['intrusion', 'access', 'discovery', 'change', 'removal'] as const;
/**
 * What a hit says of intent, for those that build chains: `intrusion` nobody does this by duty, `access` a way in or
 * onward that duty may take too, `discovery` a look around, `change` something made or altered, `removal` traces gone.
 */
export type Signal = (typeof SIGNALS)[number];

export interface LogSource {
  readonly category: string | undefined;
  readonly product: string | undefined;
  readonly service: string | undefined;
}

/** One case of a rule: records as received, of any layer, and what entities would know of them. */
export interface RuleCase {
  readonly name: string;
  readonly steps: readonly CaseStep[];
  /** Pods of the cluster that the case speaks of. */
  readonly pods: readonly {
    readonly namespace: string;
    readonly pod: string;
    readonly uid?: string | undefined;
    readonly node?: string | undefined;
    readonly ips?: readonly string[] | undefined;
    readonly privileged?: boolean | undefined;
    readonly host_paths?: readonly string[] | undefined;
  }[];
}

export interface CaseStep {
  readonly record: string;
  readonly context: CaseContext;
}

export interface CaseContext {
  readonly container?:
    | {
        readonly namespace?: string | undefined;
        readonly pod?: string | undefined;
        readonly name?: string | undefined;
        readonly image?: string | undefined;
        readonly privileged?: boolean | undefined;
        /** `host path:path in the container` */
        readonly mounts?: readonly string[] | undefined;
      }
    | undefined;
  readonly process?: { readonly exe?: string | undefined; readonly argv?: readonly string[] | undefined } | undefined;
  readonly parent?: { readonly exe?: string | undefined; readonly argv?: readonly string[] | undefined } | undefined;
  /** The process was started by an exec request. */
  readonly session?: boolean | undefined;
}

interface RuleHead {
  readonly id: string;
  /** Sigma's `name`, by which a correlation refers to the rule. */
  readonly name: string | undefined;
  readonly title: string;
  readonly description: string;
  readonly severity: Level;
  readonly techniques: readonly string[];
  readonly tactics: readonly string[];
  readonly references: readonly string[];
  readonly falsePositives: readonly string[];
  readonly blindSpots: readonly string[];
  readonly signal: Signal | undefined;
  /** What an analyst asks that this rule answers. */
  readonly question: string | undefined;
  readonly severityReason: string | undefined;
  readonly chinese: { readonly title: string; readonly description: string } | undefined;
  /** Techniques of the matrix of attacks on containers, as IA-01. */
  readonly matrix: readonly string[];
  /** A sentence for the analyst with {placeholders}; [a part] whose placeholder is empty is left out. */
  readonly sentence: string | undefined;
  readonly cases: { readonly match: readonly RuleCase[]; readonly miss: readonly RuleCase[] };
  /** File and, where a file holds several, which document of it. */
  readonly path: string;
}

export interface EventRule extends RuleHead {
  readonly kind: 'event';
  readonly logsource: LogSource;
  readonly condition: Expression;
  /** False: feeds correlations only, its hits are no findings. */
  readonly generates: boolean;
}

export interface CorrelationRule extends RuleHead {
  readonly kind: 'correlation';
  readonly type: 'event_count' | 'value_count';
  /** Names or ids of event rules. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  readonly atLeast: number;
  /** Counted distinct, for value_count. */
  readonly field: string | undefined;
}

export type Rule = EventRule | CorrelationRule;

/** Why a file or a part of it is no rule: bad data is a value. */
export interface RuleProblem {
  readonly path: string;
  /** Where in the document, as `detection.selection.verb`. */
  readonly at: string;
  readonly detail: string;
}
