// A log source as rules see it: rows to test, one an event or one an audit record, and the fields those rows have.
// Fields named `vestige.*` are Vestige's own: what the joined layers know of the event (docs: reference of rules).
import type { Field, FieldLookup, Sight } from '../compile/compile.ts';
import type { Expression, FieldTest } from '../language/expression.ts';
import type { LogSource } from '../language/rule.ts';

export interface RowOptions {
  /** Joins that the rules' fields need (Field.join). */
  readonly joins: ReadonlySet<string>;
  /** With the record's bytes in `raw`, for the rows whose event_key the subquery gives. */
  readonly rawFor?: string | undefined;
  /** Only the rows of this part (Source.partOf). */
  readonly part?: string | undefined;
  /** Only events for which this holds: SQL over cluster, node and time of their table. */
  readonly within?: string | undefined;
  /** Of each of these parts only the rows of some events (like `among`). */
  readonly parts?: readonly { readonly part: string; readonly among: string }[] | undefined;
  /** SQL for the key and event_key of the events that are wanted; of a source that has `events`. */
  readonly among?: string | undefined;
  /** They are few beside all that is known of processes. */
  readonly isFew?: boolean | undefined;
}

/** Events by themselves, before their records are fanned out and what is known of them is joined. */
export interface Events {
  readonly table: 'auditd' | 'k8s_audit';
  /** How rows and what follows FROM call them. */
  readonly alias: string;
  /** Columns, of events and of rows, which together name one event. */
  readonly key: readonly string[];
  /** Columns of few values, which fields that are `few` read. */
  readonly few: readonly string[];
  /** SQL over the key */
  readonly eventKey: string;
  /** What follows FROM, without WHERE. */
  from(within: string): string;
  /** What they tell of a row's fields. */
  readonly see: Sight;
}

export interface Source {
  readonly name: string;
  readonly layer: 'k8s-audit' | 'auditd' | 'runtime';
  accepts(logsource: LogSource): boolean;
  /** What the rule's category asks of a row beyond its condition. */
  constraint(logsource: LogSource): string | undefined;
  readonly field: FieldLookup;
  /** The part of the rows that alone can pass a condition, where it asks for one: rules of one part are run on it only. */
  partOf?(condition: Expression): string | undefined;
  /** What a test really reads that asks for a field that public rules use though the source's own records do not have it. */
  aliasOf?(test: FieldTest): string | undefined;
  rows(options: RowOptions): Rows;
  /** What rows tell that is not of the event itself: columns, by the join they come of. */
  readonly joined?: Readonly<Record<string, readonly string[]>>;
  /** Its rows are few and conclusions themselves: they are tested whole each time, and `within` says nothing to them. */
  readonly isSmall?: boolean;
  /** Where rules are tried on events first. */
  readonly events?: Events;
}

export interface Rows {
  /**
   * Of a SELECT, where fields may use them: cluster, node, time, event_key, event_id, digests Array(FixedString(32)),
   * principal, namespace, pod, pod_uid, container_id, process_key, words Map(String, String) for sentences.
   */
  readonly columns: string;
  /** What follows FROM, without WHERE. */
  readonly from: string;
}

/** A field of one value, present when it is not empty. For views, whose rows have no bytes of their own. */
export function one(sql: string, join?: string): Field {
  return { sql, many: false, from: 'columns', present: { sql: `${sql} != ''`, from: 'columns' }, join };
}

/** A field of many values, present when there is any. */
export function many(sql: string, join?: string): Field {
  return { sql, many: true, from: 'columns', present: { sql: `notEmpty(${sql})`, from: 'columns' }, join };
}

/** What it reads has few values (Field.few). */
export const few = (sql: string): Field => ofFew(one(sql));

export const ofFew = (field: Field): Field => ({ ...field, few: true });

/** true and false as rules write them. */
export const flag = (sql: string, join?: string): Field => one(`if(${sql}, 'true', 'false')`, join);

export const text = (sql: string, join?: string): Field => one(`toString(${sql})`, join);

/** -1 stands for unknown: no value. */
export const number = (sql: string, join?: string): Field => one(`if(${sql} = -1, '', toString(${sql}))`, join);
