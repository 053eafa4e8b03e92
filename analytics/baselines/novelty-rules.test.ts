// Rules in the order in which they can run.
import { expect, test } from 'vitest';
import { parseRules } from '../rules/language/parse.ts';
import { rulesInOrder } from './novelty-rules.ts';

const event = (name: string, logsource: string) => `
title: ${name}
id: ${name.padEnd(8, '0')}-0000-4000-8000-000000000000
name: ${name}
logsource: ${logsource}
detection: { selection: { kind: exec, type: EXECVE, verb: get }, condition: selection }
level: low
`;
const correlation = (name: string, bases: string) => `
title: ${name}
id: ${name.padEnd(8, '0')}-0000-4000-8000-000000000000
name: ${name}
correlation: { type: temporal, rules: [${bases}], group-by: [container_id], timespan: 10m }
level: medium
`;
const LINUX = '{ product: linux, service: auditd }';
const NEWS = '{ product: vestige, service: baselines, category: activity }';

test('rules over novelties and correlations that need one run last, with what else these rest on; nobody tells twice', () => {
  const text = [
    event('execs', LINUX),
    event('alone', LINUX),
    event('news', NEWS),
    correlation('inner', 'execs, news'),
    correlation('outer', 'inner, execs'),
    correlation('plain', 'alone'),
  ].join('---');
  const { rules, problems } = parseRules(text, 'rules.yml');
  expect(problems).toEqual([]);
  const { first, second, secondIds } = rulesInOrder(rules);
  const told = (list: typeof rules) => list.map(({ name, generates }) => `${name} ${generates}`).sort();
  // what feeds a correlation alone is no finding, wherever it runs
  expect(told(first)).toEqual(['alone false', 'execs false', 'plain true']);
  expect(told(second)).toEqual(['execs false', 'inner false', 'news false', 'outer true']);
  expect(secondIds.map((id) => id.slice(0, 5)).sort()).toEqual(['inner', 'news0', 'outer']);
});
