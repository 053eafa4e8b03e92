// The tree a detection becomes: tests of fields under and, or, not. Made by detection.ts, turned to SQL by compile.ts.
import type { Pattern } from './pattern.ts';

export type TimeUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

export type Match =
  /** `how` contains and its like are in the pattern already, as wildcards. */
  | { readonly kind: 'pattern'; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  | { readonly kind: 'cidr'; readonly network: string }
  | { readonly kind: 'compare'; readonly operator: '<' | '<=' | '>' | '>='; readonly value: number }
  /** A part of the time that the field holds. */
  | {
      readonly kind: 'time';
      readonly unit: TimeUnit;
      readonly operator: '=' | '<' | '<=' | '>' | '>=';
      readonly value: number;
    }
  /** Another field of the same event: equal to it, or containing, beginning or ending with it. */
  | {
      readonly kind: 'field';
      readonly field: string;
      readonly anchor: 'equals' | 'contains' | 'startswith' | 'endswith';
      readonly cased: boolean;
    }
  | { readonly kind: 'exists'; readonly wanted: boolean }
  /** `null` and the empty string: the field is not there, or is there and empty. */
  | { readonly kind: 'null' }
  | { readonly kind: 'empty' };

export interface FieldTest {
  readonly kind: 'test';
  /** Undefined: a keyword, looked for in the whole record. */
  readonly field: string | undefined;
  readonly match: Match;
  /** Where in the rule it stands. */
  readonly at: string;
}

export type Expression =
  | FieldTest
  | { readonly kind: 'and'; readonly of: readonly Expression[] }
  | { readonly kind: 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression };

export function and(of: readonly Expression[]): Expression {
  return of.length === 1 && of[0] ? of[0] : { kind: 'and', of };
}

export function or(of: readonly Expression[]): Expression {
  return of.length === 1 && of[0] ? of[0] : { kind: 'or', of };
}

export function* testsOf(expression: Expression): Iterable<FieldTest> {
  if (expression.kind === 'test') yield expression;
  else if (expression.kind === 'not') yield* testsOf(expression.of);
  else for (const part of expression.of) yield* testsOf(part);
}

/** Fields that a test reads: its own, and one that it is compared with. */
export const fieldsOf = ({ field, match }: FieldTest): (string | undefined)[] =>
  match.kind === 'field' ? [field, match.field] : [field];
