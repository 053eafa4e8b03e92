// What a condition comes to where only some of its tests are answered (Kleene's three values): tests that an event answers by itself are
// questions, each asked once whatever rules ask it (questions.ts); all others may come out either way.
import type { Expression, FieldTest } from '../language/expression.ts';
import { type Field, type FieldLookup, isReadFrom, type Sight, sameValueSql, testSql } from './compile.ts';
import { containedText, heldTexts, isToldByTexts } from './held-texts.ts';

export const NO = 0;
export const MAYBE = 1;
export const YES = 2;
export type Truth = typeof NO | typeof MAYBE | typeof YES;

export type Outline =
  | { readonly kind: 'known'; readonly truth: Truth }
  /**
   * NO where none of the questions (by number) is answered with yes; else YES if that is all there is to the test, and the one question
   * that may put it in doubt is not answered with yes.
   */
  | { readonly kind: 'asked'; readonly any: readonly number[]; readonly isAll: boolean; readonly doubt?: number }
  | { readonly kind: 'not'; readonly of: Outline }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Outline[] };

/** Who asks gives each question a number, and the same question the same. */
export interface Ask {
  /** Whether what the field holds has a text, in lower case, in it; a zero byte stands at both ends of each value. */
  text(field: Field, text: string): number;
  /** Whether one of the field's values has a zero byte in it, which makes texts with the ends of values ambiguous. */
  zero(field: Field): number;
  /** Whether one of the event's records has the text in its bytes. */
  inBytes(text: string): number;
  /** @param sql over columns of the event, `isFew` where these have few values (Field.few) */
  test(sql: string, isFew: boolean): number;
}

export interface Ground {
  readonly see: Sight;
  readonly ask: Ask;
  /** Also regular expressions that no text stands for are asked: they are tried on every event. */
  readonly expressions?: boolean | undefined;
}

export const known = (truth: Truth): Outline => ({ kind: 'known', truth });

export function outlineOf(expression: Expression, ground: Ground): Outline {
  switch (expression.kind) {
    case 'test':
      return ofTest(expression, ground);
    case 'not':
      return not(outlineOf(expression.of, ground));
    default:
      return joined(
        expression.kind,
        expression.of.map((part) => outlineOf(part, ground)),
      );
  }
}

export function truthOf(outline: Outline, isAnswered: (question: number) => boolean): Truth {
  switch (outline.kind) {
    case 'known':
      return outline.truth;
    case 'asked':
      if (!outline.any.some(isAnswered)) return NO;
      return outline.isAll && (outline.doubt === undefined || !isAnswered(outline.doubt)) ? YES : MAYBE;
    case 'not':
      return opposite(truthOf(outline.of, isAnswered));
    default: {
      const [neutral, deciding] = ENDS[outline.kind];
      let truth: Truth = neutral;
      for (const part of outline.of) {
        const one = truthOf(part, isAnswered);
        if (one === deciding) return deciding;
        if (one === MAYBE) truth = MAYBE;
      }
      return truth;
    }
  }
}

/**
 * Questions of which one must be answered with yes for the condition to hold, those that `weigh` finds lightest; undefined where it may hold
 * whatever they come to.
 */
export function anchorOf(
  outline: Outline,
  weigh: (questions: readonly number[]) => number,
): readonly number[] | undefined {
  switch (outline.kind) {
    case 'known':
      return outline.truth === NO ? [] : undefined;
    case 'asked':
      return outline.any;
    case 'not':
      return undefined;
    case 'or': {
      const all = new Set<number>();
      for (const part of outline.of) {
        const anchor = anchorOf(part, weigh);
        if (anchor === undefined) return undefined;
        for (const question of anchor) all.add(question);
      }
      return [...all];
    }
    case 'and': {
      const anchors = outline.of.map((part) => anchorOf(part, weigh)).filter((anchor) => anchor !== undefined);
      return anchors.length === 0 ? undefined : anchors.reduce((a, b) => (weigh(b) < weigh(a) ? b : a));
    }
  }
}

/** What a part may be without telling anything, and what it must be to settle the whole. */
const ENDS = { and: [YES, NO], or: [NO, YES] } as const;

const opposite = (truth: Truth): Truth => (YES - truth) as Truth;

function not(of: Outline): Outline {
  return of.kind === 'known' ? known(opposite(of.truth)) : { kind: 'not', of };
}

export function joined(kind: 'and' | 'or', parts: readonly Outline[]): Outline {
  const [neutral, deciding] = ENDS[kind];
  const isKnown = (part: Outline, truth: Truth) => part.kind === 'known' && part.truth === truth;
  if (parts.some((part) => isKnown(part, deciding))) return known(deciding);
  const telling = parts.filter((part) => !isKnown(part, neutral));
  const of = kind === 'or' ? asOne(telling) : telling;
  const [first] = of;
  if (first === undefined) return known(neutral);
  return of.length === 1 ? first : { kind, of };
}

/** A list of forty values is one look at forty answers. */
function asOne(parts: readonly Outline[]): Outline[] {
  const asked = new Map<string, Extract<Outline, { kind: 'asked' }>>();
  const rest: Outline[] = [];
  for (const part of parts) {
    if (part.kind !== 'asked') {
      rest.push(part);
      continue;
    }
    const key = `${part.isAll} ${part.doubt}`;
    const others = asked.get(key)?.any ?? [];
    asked.set(key, { ...part, any: [...new Set([...others, ...part.any])] });
  }
  return [...asked.values(), ...rest];
}

function ofTest(test: FieldTest, { see, ask, expressions }: Ground): Outline {
  const seen = see(test.field);
  if (seen === undefined) return known(MAYBE);
  if (seen.inBytes) {
    const text = containedText(test.match);
    return text === undefined ? known(MAYBE) : { kind: 'asked', any: [ask.inBytes(text)], isAll: false };
  }
  const { match } = test;
  if (seen.onlyIf !== undefined)
    return asksValue(match) ? { kind: 'asked', any: [ask.test(seen.onlyIf, false)], isAll: false } : known(MAYBE);
  if (match.kind === 'field') {
    const other = see(match.field);
    if (!seen.whole || !other?.whole) return known(MAYBE);
  }
  const lookup: FieldLookup = (name) => see(name)?.fields[0];
  return joined(
    'or',
    seen.fields.map((field) => ofField(test, field, { lookup, ask, expressions, isWhole: seen.whole })),
  );
}

/** Passes only with a value. */
const asksValue = ({ kind }: FieldTest['match']) => ['pattern', 'regex', 'cidr', 'compare', 'time'].includes(kind);

interface FieldGround extends Omit<Ground, 'see'> {
  lookup: FieldLookup;
  /** What passes here does pass; otherwise it may have passed for something else. */
  isWhole: boolean;
}

function ofField(test: FieldTest, field: Field, { lookup, ask, expressions, isWhole }: FieldGround): Outline {
  const { match } = test;
  const other = match.kind === 'field' ? lookup(match.field) : undefined;
  if (isReadFrom(test, field, other) === 'raw') return known(MAYBE);
  const isFew = field.few === true && (other === undefined || other.few === true);
  const exactly = (sql: string): Outline => ({ kind: 'asked', any: [ask.test(sql, isFew)], isAll: isWhole });
  if (other) return exactly(sameValueSql(match, field, other));
  const held = heldTexts(match);
  if (held === undefined || (isFew && !isToldByTexts(match)))
    return match.kind === 'regex' && !isFew && !expressions ? known(MAYBE) : exactly(testSql(match, field));
  const isAll = isWhole && isToldByTexts(match);
  const constant = constantOf(field);
  if (constant !== undefined) {
    const isHeld = held.every((texts) => texts.some((text) => `\0${constant}\0`.includes(text)));
    return known(!isHeld ? NO : isAll ? YES : MAYBE);
  }
  const hasEnds = held.some((texts) => texts.some((text) => text.includes('\0')));
  const doubt = isAll && hasEnds ? { doubt: ask.zero(field) } : {};
  return joined(
    'and',
    held.map((texts) => ({ kind: 'asked', any: texts.map((text) => ask.text(field, text)), isAll, ...doubt })),
  );
}

/** The value of a field that has the same one everywhere. */
const constantOf = ({ sql, many }: Field): string | undefined => (many ? undefined : /^'([\w-]*)'$/.exec(sql)?.[1]);
