// A log source as rules see it: rows to test, one an event or one an audit record, and the fields those rows have.
// Fields named `vestige.*` are Vestige's own: what the joined layers know of the event (docs: reference of rules).
import { sqlString } from '../../store/store.ts';
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
  /** SQL for event_key and serial of the events that are wanted; of a source that has `events`. */
  readonly among?: string | undefined;
}

/** Events by themselves, before their records are fanned out and what is known of them is joined. */
export interface Events {
  /** What they tell of a row's fields. */
  readonly see: Sight;
  /** SQL of event_key and serial, by which they are found again. */
  readonly key: string;
  /** What follows FROM, without WHERE; haystacks are of its columns. */
  readonly from: string;
  /**
   * Whether the texts of all rules are looked for in one pass over each field: a gain where rules are many and most ask for words, a
   * loss where a cheaper test of the same rule (a type, a call) leaves few events.
   */
  readonly finds?: true;
  /** The same of the bytes of single records. */
  readonly bytes?: Omit<Events, 'bytes'>;
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
  /** Where rules are tried on events first; rows are of the table auditd. */
  readonly events?: Events;
}

/** Texts in lower case by what they are looked for in; their places in the list are what a row tells, from 1. */
export type Haystacks = ReadonlyMap<string, readonly string[]>;

/** Columns of `a`: the places of the texts that each haystack holds. Hyperscan looks for all at once, whatever their number. */
export const foundColumns = (haystacks: Haystacks | undefined): string =>
  [...(haystacks ?? [])]
    .map(
      ([haystack, texts], i) =>
        `, multiMatchAllIndices(${haystack}, [${texts.map(asPattern).join(', ')}]) AS ${foundIn(i)}`,
    )
    .join('');
export const foundIn = (haystack: number): string => `found_${haystack}`;

// Hyperscan's own signs are all ASCII.
const asPattern = (text: string) =>
  sqlString(
    text.replace(/[^A-Za-z0-9_ /\u0080-\uffff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );

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

/** Its values are few (Field.few). */
export const few = (sql: string): Field => ({ ...one(sql), few: true });

/** true and false as rules write them. */
export const flag = (sql: string, join?: string): Field => one(`if(${sql}, 'true', 'false')`, join);

export const text = (sql: string, join?: string): Field => one(`toString(${sql})`, join);

/** -1 stands for unknown: no value. */
export const number = (sql: string, join?: string): Field => one(`if(${sql} = -1, '', toString(${sql}))`, join);
