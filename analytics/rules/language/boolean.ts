// The grammar that conditions of rules and extended conditions of correlations share, loosest first: or, and, not, parentheses,
// and what the caller reads as one operand. Operators in any case of letters.

/** Thrown with words for the author of the rule; parse.ts turns it into a problem with file and place. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
  readonly remedy: string;
  constructor(message: string, remedy = '') {
    super(message);
    this.remedy = remedy;
  }
}

export interface Builder<T> {
  /** One operand that begins with `word`; `take` gives the next word if it is the wanted one, or any when none is named. */
  operand(word: string, take: (wanted?: string) => string | undefined): T;
  and(of: readonly T[]): T;
  or(of: readonly T[]): T;
  not(of: T): T;
}

// No rule in SigmaHQ nests deeper than three; a parser that recurses must stop before its stack does.
const DEPTH_MAX = 100;
const OPERATORS = new Set(['and', 'or', 'not', ')', 'of']);

export function parseBoolean<T>(text: string, builder: Builder<T>): T {
  const tokens = text.match(/[()|]|[^\s()|]+/g) ?? [];
  let at = 0;
  let depth = 0;
  const take = (wanted?: string): string | undefined => {
    const token = tokens[at];
    if (token === undefined || (wanted !== undefined && token.toLowerCase() !== wanted)) return undefined;
    at++;
    return token;
  };
  const several = (word: 'and' | 'or', next: () => T): T => {
    const of = [next()];
    while (take(word) !== undefined) of.push(next());
    return of.length === 1 ? (of[0] as T) : builder[word](of);
  };
  const disjunction = (): T => several('or', conjunction);
  const conjunction = (): T => several('and', negation);
  const negation = (): T => {
    if (++depth > DEPTH_MAX) throw new ConditionError(`more than ${DEPTH_MAX} levels`, 'split the condition');
    const whole = take('not') === undefined ? primary() : builder.not(negation());
    depth--;
    return whole;
  };
  const primary = (): T => {
    if (take('(') !== undefined) {
      const inner = disjunction();
      if (take(')') === undefined) throw new ConditionError(`a closing parenthesis is missing in: ${text}`, 'add )');
      return inner;
    }
    const word = take();
    if (word === undefined) throw new ConditionError(`something is missing at the end of: ${text}`);
    refusePipe(word, text);
    if (OPERATORS.has(word.toLowerCase())) throw new ConditionError(`"${word}" is not expected in: ${text}`);
    return builder.operand(word, take);
  };
  const whole = disjunction();
  const rest = tokens[at];
  if (rest !== undefined) {
    refusePipe(rest, text);
    throw new ConditionError(`"${rest}" is not expected in: ${text}`, 'join two operands with and, or, and not');
  }
  return whole;
}

function refusePipe(word: string, text: string): void {
  if (word !== '|') return;
  const after = text.slice(text.indexOf('|') + 1).trim();
  if (/^near\b/i.test(after)) {
    throw new ConditionError(
      '| near is no part of Sigma 2',
      'give each part a rule with a name, and write a correlation: type: temporal (temporal_ordered), rules: [first, second], group-by: [...], timespan: 5m',
    );
  }
  throw new ConditionError('aggregations (| count() ...) are no part of Sigma 2', aggregationRemedy(after));
}

/** `count(x) by y > 5`, as a correlation would say it. */
function aggregationRemedy(text: string): string {
  const [, what = 'count', field = '', by = '', operator = '>=', value = '1'] =
    /^(count|sum|avg|min|max)\s*\(\s*([^)]*)\)\s*(?:by\s+(\S+)\s*)?(>=|<=|>|<|==?|!=)?\s*(\d+)?/i.exec(text) ?? [];
  const name = ({ sum: 'value_sum', avg: 'value_avg' } as const)[what.toLowerCase()] ?? 'event_count';
  const type = name === 'event_count' && field !== '' ? 'value_count' : name;
  const word = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte', '=': 'eq', '==': 'eq', '!=': 'neq' }[operator];
  const counted = field === '' ? '' : `field: ${field}, `;
  return `give this rule a name, and write a correlation in a document of its own: {type: ${type}, rules: [that name], group-by: [${by}], timespan: 5m, condition: {${counted}${word}: ${value}}}`;
}
