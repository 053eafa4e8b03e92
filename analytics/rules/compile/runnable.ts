// Expressions of rules that the engine itself refuses: one bad rule must not stop the scan that tests all of them.
import { type Store, sqlString } from '../../store/store.ts';
import { testsOf } from '../language/expression.ts';
import type { EventRule, Rule, RuleProblem } from '../language/rule.ts';

/** Problems of rules whose regular expressions the engine (RE2) cannot read. */
export async function refusedByEngine(store: Store, rules: readonly Rule[]): Promise<RuleProblem[]> {
  const withRegex = rules.filter((rule): rule is EventRule => rule.kind === 'event' && regexesOf(rule).length > 0);
  if (await reads(store, withRegex.flatMap(regexesOf))) return [];
  const problems: RuleProblem[] = [];
  for (const rule of withRegex) {
    for (const { source, at } of regexesOf(rule)) {
      if (!(await reads(store, [{ source }])))
        problems.push({ path: rule.path, at, detail: 'not an expression of RE2' });
    }
  }
  return problems;
}

function regexesOf(rule: EventRule): { source: string; at: string }[] {
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
