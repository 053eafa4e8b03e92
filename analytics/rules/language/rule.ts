// What a rule is once parsed: Sigma's metadata, a condition as a tree of tests, and Vestige's own additions.

import type { Novelty } from './case.ts';
import type { Expression } from './expression.ts';
import type { Lines } from './lines.ts';
import type { RuleExpression } from './rule-expression.ts';

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
    readonly deployed_at?: string | undefined;
    readonly workload_kind?: string | undefined;
    readonly workload_name?: string | undefined;
  }[];
  /** What is known to be missing; `at` in seconds after the case's begin. */
  readonly gaps: readonly {
    readonly at: number;
    readonly seconds: number;
    readonly source: string;
    readonly kind: string;
    readonly missing: number;
  }[];
  /** What baselines would tell to be new. */
  readonly novelties: readonly Novelty[];
  /** Lines of a list of indicators, and patterns of images, that hold in the cluster of the case. */
  readonly indicators: readonly string[];
  readonly allowedImages: readonly string[];
}

export interface CaseStep {
  readonly record: string;
  readonly context: CaseContext;
}

interface CaseProcess {
  readonly exe?: string | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly uid?: number | undefined;
}

export interface CaseContext {
  readonly container?:
    | {
        readonly namespace?: string | undefined;
        readonly pod?: string | undefined;
        readonly name?: string | undefined;
        readonly image?: string | undefined;
        readonly image_digest?: string | undefined;
        readonly privileged?: boolean | undefined;
        /** `host path:path in the container` */
        readonly mounts?: readonly string[] | undefined;
        readonly args?: readonly string[] | undefined;
      }
    | undefined;
  readonly process?: CaseProcess | undefined;
  readonly parent?: CaseProcess | undefined;
  /** The step's process, and its parent, by the names that steps give them. */
  readonly key?: string | undefined;
  readonly parent_key?: string | undefined;
  /** The process was started by an exec request. */
  readonly session?: boolean | undefined;
}

export interface RuleHead {
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
  /**
   * What the rule says of its own hits: findings of their own, or (false) for correlations only. Undefined: findings, unless a
   * correlation rests on the rule and does not say `generate: true`.
   */
  readonly generates: boolean | undefined;
  /** File and, where a file holds several, which document of it. */
  readonly path: string;
  /** Of the file, by place in the document: for problems that are found later. */
  readonly lines: Lines;
}

export interface EventRule extends RuleHead {
  readonly kind: 'event';
  readonly logsource: LogSource;
  readonly condition: Expression;
}

export const CORRELATION_TYPES = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
] as const;
export type CorrelationType = (typeof CORRELATION_TYPES)[number];

export const COMPARISONS = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const;

export interface Comparison {
  readonly operator: (typeof COMPARISONS)[number];
  readonly value: number;
}

export interface CorrelationRule extends RuleHead {
  readonly kind: 'correlation';
  readonly type: CorrelationType;
  /** Names or ids of event rules and of other correlations; for temporal_ordered in their order. */
  readonly rules: readonly string[];
  /** Fields, places (docs: reference of rules) or aliases. */
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  /** What a name of groupBy is called in the events of each base rule: alias, then rule, then field. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What is counted or computed must pass all of them. */
  readonly condition: readonly Comparison[];
  /** An extended condition of temporal correlations: which base rules must match, and which not. */
  readonly expression: RuleExpression | undefined;
  /** Whose values are counted or computed, for the value_* types. */
  readonly fields: readonly string[];
  /** For value_percentile; undefined: the share that a value has of all. */
  readonly percentile: number | undefined;
  /** Hits of the base rules are findings of their own too. */
  readonly basesGenerate: boolean;
}

export type Rule = EventRule | CorrelationRule;

/** Why a file or a part of it is no rule, or not the rule it seems: bad data is a value. */
export interface RuleProblem {
  readonly path: string;
  /** Of the file, from 1. */
  readonly line?: number | undefined;
  /** Where in the document, as `detection.selection.verb`. */
  readonly at: string;
  readonly detail: string;
  /** What to write instead. */
  readonly remedy?: string | undefined;
  /** A rule with a warning runs. Absent: an error, and the rule is left out. */
  readonly level?: 'warning' | undefined;
}
