// Sigma's condition: names of the detection's parts under and, or, not, `1 of x*`, `all of x*`, `1 of them`, `all of them`.
// Neither `them` nor a pattern takes in names that begin with _, unless the pattern does.
import { ConditionError, parseBoolean } from './boolean.ts';
import { and, type Expression, or } from './expression.ts';
import { nearest } from './nearest.ts';

export function parseCondition(text: string, parts: ReadonlyMap<string, Expression>): Expression {
  return parseBoolean<Expression>(text, {
    and: (of) => ({ kind: 'and', of }),
    or: (of) => ({ kind: 'or', of }),
    not: (of) => ({ kind: 'not', of }),
    operand: (word, take) => {
      const quantifier = word.toLowerCase();
      if (take('of') !== undefined) {
        const name = take();
        if (name === undefined) throw new ConditionError(`"${word} of" needs a name: ${text}`, 'as 1 of selection*');
        if (!['1', 'any', 'all'].includes(quantifier)) {
          throw new ConditionError(`"${word} of" is no part of Sigma`, 'write 1 of, any of or all of');
        }
        const of = named(name, parts).map(([, expression]) => expression);
        return quantifier === 'all' ? and(of) : or(of);
      }
      const part = parts.get(word);
      if (part) return part;
      if (quantifier === 'them') throw new ConditionError('"them" stands alone', 'write 1 of them or all of them');
      if (word.includes('*')) {
        throw new ConditionError(`"${word}" is no name`, `write 1 of ${word} or all of ${word}`);
      }
      const near = nearest(word, [...parts.keys()]);
      throw new ConditionError(
        `"${word}" is no part of the detection`,
        near === undefined ? `define ${word}, or take it out of the condition` : `did you mean ${near}?`,
      );
    },
  });
}

/** Parts that no condition speaks of. */
export function unusedParts(conditions: readonly string[], parts: readonly string[]): string[] {
  const used = new Set<string>();
  const words = conditions.join(' ').match(/[^\s()]+/g) ?? [];
  for (const [n, word] of words.entries()) {
    const quantified = words[n - 1]?.toLowerCase() === 'of';
    for (const part of parts) if (part === word || (quantified && isWanted(word, part))) used.add(part);
  }
  return parts.filter((part) => !used.has(part));
}

function isWanted(pattern: string, part: string): boolean {
  if (pattern.toLowerCase() === 'them') return !part.startsWith('_');
  if (part.startsWith('_') && !pattern.startsWith('_')) return false;
  const source = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(part);
}

function named(name: string, parts: ReadonlyMap<string, Expression>): [string, Expression][] {
  const found = [...parts].filter(([part]) => isWanted(name, part));
  if (found.length === 0) {
    throw new ConditionError(`"of ${name}" names no part of the detection`, 'name parts that are there');
  }
  return found;
}
