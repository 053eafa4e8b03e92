// What is left to test of a condition where some of its tests are answered: a rule that asks twenty texts of the event and one thing of its
// container comes to that one thing. Tests that cost most stand last.
import type { Expression, FieldTest } from '../language/expression.ts';
import { MAYBE, type Truth, YES } from './outline.ts';

/** @returns true or false where nothing is left to test */
export function residueOf(expression: Expression, truthOfTest: (test: FieldTest) => Truth): Expression | boolean {
  switch (expression.kind) {
    case 'test': {
      const truth = truthOfTest(expression);
      return truth === MAYBE ? expression : truth === YES;
    }
    case 'not': {
      const of = residueOf(expression.of, truthOfTest);
      return typeof of === 'boolean' ? !of : { kind: 'not', of };
    }
    default: {
      const decides = expression.kind === 'or';
      const left: Expression[] = [];
      for (const part of expression.of) {
        const one = residueOf(part, truthOfTest);
        if (one === decides) return decides;
        if (typeof one !== 'boolean') left.push(one);
      }
      const [first, ...others] = left;
      if (first === undefined) return !decides;
      return others.length === 0 ? first : { kind: expression.kind, of: cheapFirst(left) };
    }
  }
}

const cheapFirst = (parts: readonly Expression[]): Expression[] =>
  parts
    .map((part) => ({ part, cost: costOf(part) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ part }) => part);

function costOf(expression: Expression): number {
  if (expression.kind === 'not') return costOf(expression.of);
  if (expression.kind !== 'test') return expression.of.reduce((sum, part) => sum + costOf(part), 0);
  // trying an expression costs ten times what looking for a text does (regex-literals.ts)
  return expression.match.kind === 'regex' ? 10 : 1;
}
