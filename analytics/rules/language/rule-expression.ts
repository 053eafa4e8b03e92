// The extended condition of a temporal correlation: names of rules under and, or, not. Evaluated over the rules that matched
// within a window (run/windows.ts); for temporal_ordered taken apart into ways, each a list of rules in their order.

export type RuleExpression =
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'and'; readonly of: readonly RuleExpression[] }
  | { readonly kind: 'or'; readonly of: readonly RuleExpression[] }
  | { readonly kind: 'not'; readonly of: RuleExpression };

export function holds(expression: RuleExpression, matched: (name: string) => boolean): boolean {
  switch (expression.kind) {
    case 'rule':
      return matched(expression.name);
    case 'not':
      return !holds(expression.of, matched);
    case 'and':
      return expression.of.every((part) => holds(part, matched));
    case 'or':
      return expression.of.some((part) => holds(part, matched));
  }
}

/** Names in the order they are written. */
export function namesOf(expression: RuleExpression): string[] {
  if (expression.kind === 'rule') return [expression.name];
  const parts = expression.kind === 'not' ? [expression.of] : expression.of;
  return [...new Set(parts.flatMap(namesOf))];
}

/** One way to fulfil an expression: rules that must match and rules that must not. */
export interface Way {
  readonly present: readonly string[];
  readonly absent: readonly string[];
}

/** Every way, as a disjunction of conjunctions; undefined when there are more than `waysMax`. */
export function waysOf(expression: RuleExpression, waysMax: number, negated = false): Way[] | undefined {
  if (expression.kind === 'rule') {
    return [negated ? { present: [], absent: [expression.name] } : { present: [expression.name], absent: [] }];
  }
  if (expression.kind === 'not') return waysOf(expression.of, waysMax, !negated);
  let ways: Way[] = [];
  const any = (expression.kind === 'or') !== negated;
  for (const [n, part] of expression.of.entries()) {
    const more = waysOf(part, waysMax, negated);
    if (more === undefined) return undefined;
    ways = any || n === 0 ? [...ways, ...more] : ways.flatMap((way) => more.map((other) => both(way, other)));
    if (ways.length > waysMax) return undefined;
  }
  return ways;
}

const both = (a: Way, b: Way): Way => ({
  present: [...new Set([...a.present, ...b.present])],
  absent: [...new Set([...a.absent, ...b.absent])],
});
