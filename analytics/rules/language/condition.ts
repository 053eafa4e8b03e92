// Sigma's condition: names of the detection's parts under and, or, not, `1 of x*`, `all of x*`, `1 of them`, `all of them`.
// Grammar, loosest first: or < and < not < parentheses, quantifiers, names. `them` leaves out names that begin with _.
import { and, type Expression, or } from './expression.ts';

/** Thrown with words for the author of the rule; parse.ts turns it into a problem with file and place. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

export function parseCondition(text: string, parts: ReadonlyMap<string, Expression>): Expression {
  const tokens = text.match(/[()|]|[^\s()|]+/g) ?? [];
  let at = 0;
  const peek = () => tokens[at]?.toLowerCase();
  const take = (expected: string): boolean => {
    if (peek() !== expected) return false;
    at++;
    return true;
  };
  const several = (word: 'and' | 'or', next: () => Expression): Expression => {
    const of = [next()];
    while (take(word)) of.push(next());
    return of.length === 1 ? (of[0] as Expression) : { kind: word, of };
  };
  const disjunction = (): Expression => several('or', conjunction);
  const conjunction = (): Expression => several('and', negation);
  const negation = (): Expression => (take('not') ? { kind: 'not', of: negation() } : primary());
  const primary = (): Expression => {
    if (take('(')) {
      const inner = disjunction();
      if (!take(')')) throw new ConditionError(`a closing parenthesis is missing in: ${text}`);
      return inner;
    }
    const word = tokens[at++];
    if (word === undefined) throw new ConditionError(`something is missing at the end of: ${text}`);
    if (word === '|')
      throw new ConditionError('aggregations (| count() ...) are no part of Sigma 2: write a correlation');
    const quantifier = word.toLowerCase();
    if ((quantifier === '1' || quantifier === 'any' || quantifier === 'all') && take('of')) {
      const name = tokens[at++];
      if (name === undefined) throw new ConditionError(`"${word} of" needs a name: ${text}`);
      const of = named(name, parts);
      return quantifier === 'all' ? and(of) : or(of);
    }
    const part = parts.get(word);
    if (!part) throw new ConditionError(`"${word}" is no part of the detection`);
    return part;
  };
  const whole = disjunction();
  const rest = tokens[at];
  if (rest === '|')
    throw new ConditionError('aggregations (| count() ...) are no part of Sigma 2: write a correlation');
  if (rest !== undefined) throw new ConditionError(`"${rest}" is not expected in: ${text}`);
  return whole;
}

function named(name: string, parts: ReadonlyMap<string, Expression>): Expression[] {
  const wanted = new RegExp(
    `^${name
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  const isWanted = (part: string) => (name.toLowerCase() === 'them' ? !part.startsWith('_') : wanted.test(part));
  const found = [...parts].filter(([part]) => isWanted(part)).map(([, expression]) => expression);
  if (found.length === 0) throw new ConditionError(`"of ${name}" names no part of the detection`);
  return found;
}
