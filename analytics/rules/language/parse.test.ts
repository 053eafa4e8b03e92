// Rule files that are wrong come back as problems with a place, and never as half a rule.
import { describe, expect, it } from 'vitest';
import { checkRules } from '../compile/check.ts';
import { parseRules } from './parse.ts';

const rule = (detection: string, rest = '') => `
title: T
id: 11111111-1111-4111-8111-111111111111
logsource: { product: kubernetes, service: audit }
${rest}
detection:
${detection
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}
`;

const problemsOf = (text: string) => {
  const { rules, problems } = parseRules(text, 'x.yml');
  return [...problems, ...checkRules(rules)].map(({ path, at, detail }) => `${path} | ${at} | ${detail}`);
};

describe('a rule file', () => {
  it('becomes a rule with Sigma’s metadata', () => {
    const { rules, problems } = parseRules(
      rule(
        's: { verb: get }\ncondition: s',
        'level: high\ntags: [attack.t1059.004, attack.defense_evasion, attack.g0001, cve.2024-1]',
      ),
      'x.yml',
    );
    expect(problems).toEqual([]);
    expect(rules[0]).toMatchObject({ severity: 'high', techniques: ['T1059.004'], tactics: ['defense-evasion'] });
  });

  it('may hold several rules, and one that is wrong does not spoil the other', () => {
    const { rules, problems } = parseRules(
      `${rule('s: { verb: get }\ncondition: s')}---${rule('condition: s')}`,
      'x.yml',
    );
    expect(rules.map((r) => r.path)).toEqual(['x.yml#1']);
    expect(problems.map((p) => p.path)).toEqual(['x.yml#2']);
  });

  it.each([
    ['title: [', /x.yml \| line 1 \|/],
    ['title: T', /x.yml \| id \|/],
    ['- 1', /x.yml \| {2}\|/],
    [rule('s: { verb|near: get }\ncondition: s'), /detection\.s\.verb\|near \| the modifier \|near is not supported/],
    [rule('s: { verb|re: "(?<=a)b" }\ncondition: s'), /detection\.s\.verb\|re \| look-around/],
    [rule('s: { verb|re: "(" }\ncondition: s'), /not a regular expression/],
    [rule('s: { sourceIPs|cidr: 10.0.0.0 }\ncondition: s'), /not a network: 10\.0\.0\.0/],
    [rule('s: { sourceIPs|cidr: 10.0.0.0/33 }\ncondition: s'), /not a network/],
    [rule('s: { verb|gt: many }\ncondition: s'), /a comparison takes a number/],
    [rule('s: { verb|contains|startswith: a }\ncondition: s'), /cannot stand together/],
    [rule('s: { verb|exists: 1 }\ncondition: s'), /takes true or false/],
    [rule('s: { verb: { a: b } }\ncondition: s'), /detection\.s\.verb \| expected a string/],
    [rule('s: []\ncondition: s'), /detection\.s \| an empty list/],
    [rule('s: { verb: get }\ncondition: [s]'), /detection\.condition \| a condition is one string/],
    [rule('s: { verb: get }\ntimeframe: 5m\ncondition: s'), /timeframe is no part of Sigma 2/],
    [rule('s: { CommandLine: x }\ncondition: s'), /detection\.s\.CommandLine \| kubernetes audit has no field/],
    [rule('s: { vestige.nonsense: x }\ncondition: s'), /has no field "vestige\.nonsense"/],
    [
      rule('s: { verb: get }\ncondition: s').replace('kubernetes', 'windows'),
      /no such log source here: product: windows/,
    ],
  ])('is refused with its place: %s', (text, expected) => {
    expect(problemsOf(text).join('\n')).toMatch(expected);
  });

  it('that correlates must name rules that are there', () => {
    const text = `
title: T
id: 11111111-1111-4111-8111-111111111111
correlation: { type: event_count, rules: [nobody], group-by: [verb], timespan: 1m, condition: { gte: 3 } }`;
    expect(problemsOf(text).join('\n')).toMatch(/no rule has the name or id "nobody"/);
    expect(problemsOf(text.replace('event_count', 'value_count')).join('\n')).toMatch(/value_count needs a field/);
    expect(problemsOf(text.replace('1m', 'soon')).join('\n')).toMatch(/correlation\.timespan/);
  });

  it('of nothing is no rule', () => {
    expect(parseRules('', 'x.yml')).toEqual({ rules: [], problems: [] });
  });
});
