// Expressions of rules that the engine itself refuses: one bad rule must not stop the scan that tests all of them.
import { type Store, sqlString } from '../../store/store.ts';
import { type Expression, testsOf } from '../language/expression.ts';
import type { EventRule, Rule, RuleProblem } from '../language/rule.ts';

/** Problems of rules whose regular expressions the engine (RE2) cannot read. */
export async function refusedByEngine(store: Store, rules: readonly Rule[]): Promise<RuleProblem[]> {
  const withRegex = rules.filter((rule): rule is EventRule => rule.kind === 'event' && regexesOf(rule).length > 0);
  if (await reads(store, withRegex.flatMap(regexesOf))) return [];
  const problems: RuleProblem[] = [];
  for (const rule of withRegex) {
    for (const problem of await refusedIn(store, rule.condition)) problems.push({ path: rule.path, ...problem });
  }
  return problems;
}

/** The same of one condition. */
export async function refusedIn(store: Store, condition: Expression): Promise<Omit<RuleProblem, 'path'>[]> {
  const problems: Omit<RuleProblem, 'path'>[] = [];
  for (const { source, at } of regexesOf({ condition }))
    if (!(await reads(store, [{ source }]))) problems.push({ at, ...whyNot(source) });
  return problems;
}

// what RE2 leaves out of other dialects, since it would take more than one pass
const LOOK_AROUND = /\(\?<?[=!]/;
const BACKREFERENCE = /\\[1-9]|\(\?P=|\\k</;
const ATOMIC = /\(\?>|\(\?\(|[*+?}]\+/;

function whyNot(source: string): Pick<RuleProblem, 'detail' | 'remedy'> {
  if (LOOK_AROUND.test(source)) {
    const remedy = 'test for what must not be there in a selection of its own, and say "and not" in the condition';
    return { detail: 'look-around cannot be run by the engine (RE2)', remedy };
  }
  if (BACKREFERENCE.test(source)) {
    return { detail: 'backreferences cannot be run by the engine (RE2)', remedy: 'write out what repeats' };
  }
  if (ATOMIC.test(source)) {
    const detail = 'atomic groups, conditions and possessive quantifiers cannot be run by the engine (RE2)';
    return { detail, remedy: 'leave out what makes it so: RE2 does not backtrack' };
  }
  return { detail: 'not a regular expression that the engine (RE2) reads', remedy: 'see RE2 syntax' };
}

function regexesOf(rule: Pick<EventRule, 'condition'>): { source: string; at: string }[] {
  return [...testsOf(rule.condition)].flatMap(({ match, at }) =>
    match.kind === 'regex' ? [{ source: match.source, at }] : [],
  );
}

// The engine's parser reads 256 KiB of a query by default.
const QUERY_BYTES_MAX = 200_000;

async function reads(store: Store, regexes: readonly { source: string }[]): Promise<boolean> {
  let list = '';
  for (const [n, { source }] of regexes.entries()) {
    list += `${list === '' ? '' : ', '}match(materialize(''), ${sqlString(source)})`;
    if (list.length < QUERY_BYTES_MAX && n < regexes.length - 1) continue;
    try {
      await store.rows(`SELECT [${list}]`);
    } catch {
      return false; // whatever it is, the single expressions tell
    }
    list = '';
  }
  return true;
}
