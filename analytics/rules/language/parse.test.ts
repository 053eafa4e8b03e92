// Rule files that are wrong come back as problems with line and remedy, and never as half a rule; what is only odd as warnings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRules } from '../compile/check.ts';
import { withLines } from './lines.ts';
import { parseRules } from './parse.ts';
import type { RuleProblem } from './rule.ts';

/** `detection` begins at line 5. */
const rule = (detection: string, rest = '') => `title: T
id: 11111111-1111-4111-8111-111111111111
logsource: { product: kubernetes, service: audit }
detection:
${detection.replace(/^/gm, '  ')}
${rest}
`;
const correlation = (body: string) => `title: T
id: 22222222-2222-4222-8222-222222222222
correlation:
${body.replace(/^/gm, '  ')}
---
${rule('s: { verb: get }\ncondition: s', 'name: gets')}`;

const written = ({ path, line, at, detail, remedy }: RuleProblem) => `${path}:${line} | ${at} | ${detail} | ${remedy}`;

function problemsOf(text: string): string[] {
  const { rules, problems } = parseRules(text, 'x.yml');
  return [...problems, ...withLines(checkRules(rules), rules)].map(written);
}

describe('a rule file', () => {
  it('becomes a rule with Sigma’s metadata', () => {
    const { rules, problems, warnings } = parseRules(
      rule(
        's: { verb: get }\ncondition: s',
        'level: High\ntags: [attack.t1059.004, attack.defense_evasion, attack.g0001, cve.2024-1]',
      ),
      'x.yml',
    );
    expect([...problems, ...warnings]).toEqual([]);
    expect(rules[0]).toMatchObject({ severity: 'high', techniques: ['T1059.004'], tactics: ['defense-evasion'] });
  });

  it('may hold several rules, and one that is wrong does not spoil the other', () => {
    const { rules, problems } = parseRules(
      `${rule('s: { verb: get }\ncondition: s')}---\n${rule('condition: s')}`,
      'x.yml',
    );
    expect(rules.map((r) => r.path)).toEqual(['x.yml#1']);
    expect(problems.map((p) => [p.path, p.line])).toEqual([['x.yml#2', 13]]);
  });

  it('is told of all that is wrong with it', () => {
    const text = rule('s: { verb|containz: get }\nt: []\ntimeframe: 5m\ncondition: s | count() > 5');
    expect(parseRules(text, 'x.yml').problems.map(({ line, at }) => [line, at])).toEqual([
      [7, 'detection.timeframe'],
      [5, 'detection.s.verb|containz'],
      [6, 'detection.t'],
      [8, 'detection.condition'],
    ]);
  });

  it('may fill one document into those after it, and merge keys', () => {
    const text = [
      `action: global\ntitle: T\nid: ${'1'.repeat(8)}-1111-4111-8111-111111111111\nlogsource: { product: p }`,
      'detection: { condition: s }',
      '---\ndetection: { s: { a: 1 } }',
      '---\ntitle: U\ndetection: { s: &b { a: 2 }, t: { <<: *b, b: 3 }, condition: t }',
      '---\naction: repeat\ntitle: V\nlogsource: { service: s }',
      '---\naction: reset',
      '---\ntitle: W\ndetection: { s: { a: 1 } }',
    ].join('\n');
    const { rules, problems } = parseRules(text, 'x.yml');
    expect(rules.map(({ title, path }) => [title, path])).toEqual([
      ['T', 'x.yml#2'],
      ['U', 'x.yml#3'],
      ['V', 'x.yml#4'],
    ]);
    expect(new Set(rules.map((one) => one.id)).size).toBe(3);
    expect(rules[2]).toMatchObject({ logsource: { product: 'p', service: 's' }, condition: { kind: 'and' } });
    expect(problems.map(({ path, at }) => [path, at])).toEqual([
      ['x.yml#6', 'logsource'],
      ['x.yml#6', 'detection.condition'],
    ]);
  });

  it('may have no id: its rule has one of file and title', () => {
    const text = rule('s: { verb: get }\ncondition: s').replace(/^id: .*\n/m, '');
    const [first] = parseRules(text, 'x.yml').rules;
    expect(first?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseRules(text.replace('get', 'list'), 'x.yml').rules[0]?.id).toBe(first?.id);
    expect(parseRules(text, 'y.yml').rules[0]?.id).not.toBe(first?.id);
  });

  const s = (test: string) => rule(`s:\n  ${test}\ncondition: s`);
  it.each<[string, RegExp]>([
    ['title: [', /x\.yml:\d \| line \d \| .* \| mend the YAML/],
    ['title: T', /:1 \| {2}\| neither detection, correlation nor filter \| write one of them/],
    ['title: T\ndetections: {}', /:2 \| detections \| neither .* \| did you mean detection\?/],
    ['- 1', /:1 \| {2}\| a rule is a map/],
    ['action: repeat\ntitle: T', /:1 \| action \| .* \| write each rule out/],
    ['title: T\ntitle: U', /:2 \| line 2 \| .* \| write each key once/],
    ['title: T\nlogsource:\n\tproduct: x', /:3 \| line 3 \| .* \| indent by spaces/],
    [rule('s: { verb: get }\ncondition: s').replace('title: T\n', ''), /:1 \| title \| a rule needs a title/],
    [
      rule('s: { verb: get }\ncondition: s', 'level: severe'),
      /:\d \| level \| no such level \| write one of informational/,
    ],
    [
      s('verb|containz: get'),
      /:6 \| detection\.s\.verb\|containz \| the modifier \|containz is not known \| did you mean \|contains\?/,
    ],
    [s('verb|qqqqqqq: get'), /is not known \| known are contains, /],
    [s('verb|contains|contains: get'), /\|contains stands twice/],
    [s('verb|contains|startswith: a'), /cannot stand together \| keep one/],
    [s('verb|contains|re: a'), /\|re takes a value as it is written \| put \|re first/],
    [s('verb|re|cased: a'), /with case already \| take \|cased out/],
    [s('verb|i: a'), /\|i belongs to \|re \| write \|re\|i/],
    [s('verb|cidr|contains: 10.0.0.0/8'), /\|contains takes text, not \|cidr/],
    [s('sourceIPs|cidr: 10.0.0'), /not a network: 10\.0\.0 \| write one, as 10\.0\.0\.0\/8/],
    [s('sourceIPs|cidr: 10.0.0.0/33'), /not a network/],
    [s('verb|gt: many'), /\|gt takes a number/],
    [s("verb|gt: '5'"), /\|gt takes a number \| write it without quotes/],
    [s('verb|hour: 24'), /a hour is a number from 0 to 23/],
    [s('verb|gte|hour: 2'), /\|hour takes a number \| put \|hour first/],
    [s('verb|exists: 1'), /takes true or false \| write true or false, without quotes/],
    [s('verb|contains: null'), /\|contains takes text, not null/],
    [s('verb|base64: a*b'), /text with wildcards cannot be encoded \| take the wildcards out/],
    [s('verb|contains|base64: ab'), /cannot be encoded \| put \|contains after \|base64/],
    [s('verb|base64|wide: ab'), /\|wide comes too late/],
    [s('verb|wide: ä'), /UTF-16 of such characters is no text \| add \|base64/],
    [s('verb|windash: -a -b -c -d'), /\|windash of more than 3 dashes \| split/],
    [s('verb|fieldref: a*'), /\|fieldref takes the name of a field/],
    [s("verb|expand: '%admins%'"), /%admins% has no values \| give them in a document beside the rules/],
    [rule('s:\n  "|exists": true\ncondition: s'), /\|exists asks for a field/],
    [s('verb: { a: b }'), /:6 \| detection\.s\.verb \| expected a string.* \| name deeper fields by dots/],
    [s('verb: [a, [b]]'), /detection\.s\.verb\[1\] \| expected a string/],
    [s('verb: []'), /an empty list matches nothing/],
    [rule('s: []\ncondition: s'), /:5 \| detection\.s \| an empty list/],
    [rule('s: { verb: get }'), /:4 \| detection\.condition \| no condition/],
    [
      rule('s: { verb: get }\ncondition: 1 of them and selektion'),
      /:6 \| detection\.condition \| "selektion" is no part/,
    ],
    [rule('selection: { verb: get }\ncondition: selektion'), /no part of the detection \| did you mean selection\?/],
    [rule('s: { verb: get }\ncondition: s*'), /"s\*" is no name \| write 1 of s\* or all of s\*/],
    [rule('s: { verb: get }\ncondition: them'), /"them" stands alone \| write 1 of them/],
    [rule('s: { verb: get }\ncondition: 2 of them'), /"2 of" is no part of Sigma/],
    [
      rule('s: { verb: get }\ncondition: s | count(user) by ip > 5'),
      /:6 \| .* \| aggregations .* \| .*\{type: value_count, rules: \[that name\], group-by: \[ip\], timespan: 5m, condition: \{field: user, gt: 5\}\}/,
    ],
    [rule('s: { verb: get }\ncondition: s | near other'), /\| near is no part of Sigma 2 \| .*type: temporal/],
    [
      rule('s: { verb: get }\ntimeframe: 5m\ncondition: s | count() > 5'),
      /:6 \| detection\.timeframe \| .* with timespan: 5m/,
    ],
    [rule('s: { CommandLine: x }\ncondition: s'), /:5 \| detection\.s\.CommandLine \| kubernetes audit has no field/],
    [s('verb|fieldref: Nonsense'), /:6 \| .* \| kubernetes audit has no field "Nonsense"/],
    [rule('s: { vestige.nonsense: x }\ncondition: s'), /has no field "vestige\.nonsense"/],
    [
      rule('s: { verb: get }\ncondition: s').replace('kubernetes', 'windows'),
      /:3 \| logsource \| no such log source here/,
    ],
    [rule('s: { verb: get }\ncondition: s').replace(/logsource.*\n/, ''), /:1 \| logsource \| no logsource/],
  ])('is refused with line and remedy: %s', (text, expected) => {
    expect(problemsOf(text).join('\n')).toMatch(expected);
  });

  const counts = 'type: event_count\nrules: [gets]\ntimespan: 1m\n';
  it.each<[string, RegExp]>([
    [`${counts}condition: { gte: 3 }`.replace('gets', 'nobody'), /:5 \| correlation\.rules \| no rule has .*"nobody"/],
    [`${counts}condition: { gte: 3 }`.replace('gets', 'getz'), /\| did you mean gets\?/],
    [`${counts}condition: { gte: 3 }`.replace('event', 'value'), /value_count needs a field \| name it/],
    [`${counts}condition: { gte: 3 }`.replace('1m', 'soon'), /:6 \| correlation\.timespan \| "soon" is no timespan/],
    [`${counts}condition: { gte: 3 }`.replace('1m', '0s'), /no timespan of any length/],
    [`${counts}condition: { gte: 3 }`.replace('event_count', 'event_cont'), /:4 \| .* \| did you mean event_count\?/],
    [`${counts}condition: { gte: 3 }\ngroup_by: [a]`, /:8 \| correlation\.group_by \| .* \| did you mean group-by\?/],
    [`${counts}condition: { gte: 3, lte: 5, lt: 7 }`, /gte, lt, lte cannot stand together|gte, lte, lt cannot/],
    [`${counts}condition: { gte: many }`, /correlation\.condition\.gte \| a comparison takes a number/],
    [`${counts}condition: { gte: 3, field: a }`, /event_count has no field/],
    [`${counts}condition: { gte: 3, percentile: 9 }`, /percentile belongs to value_percentile/],
    [`${counts}condition: gets and gets`, /a condition of rule names belongs to temporal/],
    [counts, /event_count needs a condition/],
    ['type: temporal\nrules: [gets]\ntimespan: 1m\ncondition: gets and other', /"other" is not among rules/],
    [
      'type: temporal\nrules: [gets]\ntimespan: 1m\naliases: { ip: { getz: a } }',
      /"getz" is not among .*did you mean gets/,
    ],
  ])('that correlates is refused with line and remedy: %s', (body, expected) => {
    expect(problemsOf(correlation(body)).join('\n')).toMatch(expected);
  });

  it('that correlates must group by what the events of its rules tell', () => {
    const by = (field: string, rest = '') =>
      problemsOf(correlation(`${counts}condition: { gte: 3 }\ngroup-by: [${field}]${rest}`)).join('\n');
    expect(by('verb')).toBe('');
    expect(by('vestige.node')).toBe('');
    expect(by('requestObject.spec.nodeName')).toBe('');
    expect(by('ProcessId')).toMatch(
      /:8 \| correlation\.group-by\[0\] \| .* of "gets", has no field "ProcessId" \| group by a place/,
    );
    expect(by('ip', '\naliases: { ip: { gets: sourceIPs } }')).toBe('');
    expect(by('ip', '\naliases: { ip: { gets: DestinationIp } }')).toMatch(/has no field "DestinationIp"/);
  });

  it('that correlates cannot rest on itself', () => {
    const circle = (name: string, on: string) => `
title: ${name}
name: ${name}
correlation: { type: event_count, rules: [${on}], timespan: 1m, condition: { gte: 2 } }
`;
    expect(problemsOf(`${circle('a', 'b')}---${circle('b', 'a')}`).join('\n')).toMatch(/cannot rest on itself/);
  });

  it.each<[string, RegExp]>([
    [rule('s: { verb: get }\nt: { verb: list }\ncondition: s'), /:6 \| detection\.t \| no condition speaks of "t"/],
    [rule('s: { verb|all: [get] }\ncondition: s'), /\|all of a single value/],
    [rule('s: { verb: [get, null] }\ncondition: s'), /null stands in a list of values/],
    [rule('s: { verb: get }\ntimeframe: 5m\ncondition: s'), /:6 \| detection\.timeframe \| .* with timespan: 5m/],
    [rule('s: { verb: get }\ncondition: s', 'tags: [attack.t1059, Nothing]'), /tags\[1\] \| the tag "Nothing" has no/],
    [rule('s: { verb: get }\ncondition: s', 'status: unsupported'), /calls itself unsupported is run/],
    [rule('s: { verb: get }\ncondition: s', 'taxonomy: ecs'), /names of the taxonomy "ecs" are taken as they are/],
    [rule('s: { verb: get }\ncondition: s', 'date: 2025/08/02'), /date \| not a date/],
    [rule('s: { verb: get }\ncondition: s').replace(/^id: .*$/m, 'id: mine'), /:2 \| id \| "mine" is no UUID/],
  ])('is understood with a warning: %s', (text, expected) => {
    const { rules, problems, warnings } = parseRules(text, 'x.yml');
    expect([rules.length, problems]).toEqual([1, []]);
    expect(warnings.map(written).join('\n')).toMatch(expected);
  });

  it('of nothing is no rule', () => {
    expect(parseRules('', 'x.yml')).toEqual({ rules: [], problems: [], warnings: [] });
  });
});

describe('a filter', () => {
  const filter = (rules: string, logsource = '{ product: kubernetes }') => `title: F
logsource: ${logsource}
filter:
  rules: ${rules}
  selection: { verb: watch }
  condition: not selection
---
${rule('s: { verb: get }\ncondition: s', 'name: gets')}`;
  const warningsOf = (text: string) => parseRules(text, 'x.yml').warnings.map(written).join('\n');

  it('is added to the rules that it names and whose log source it covers', () => {
    const { rules, warnings } = parseRules(filter('[gets]'), 'x.yml');
    expect([rules.length, warnings]).toEqual([1, []]);
    expect(rules[0]).toMatchObject({ condition: { kind: 'and', of: [{ kind: 'test' }, { kind: 'not' }] } });
    expect(warningsOf(filter('any'))).toBe('');
  });

  it('that fits no rule is told', () => {
    expect(warningsOf(filter('[getz]'))).toMatch(
      /:4 \| filter\.rules\[0\] \| the filter fits no rule.* \| did you mean gets/,
    );
    expect(warningsOf(filter('[gets]', '{ product: linux }'))).toMatch(/does not fit "gets": another log source/);
    expect(warningsOf(filter('any', '{ product: kubernetes, service: audit, category: x }'))).toMatch(/fits no rule/);
    expect(warningsOf(filter('[gets]').replace('not selection', 'selection'))).toMatch(/condition: not selection/);
  });
});

const SPEC = ['..', '../..'].map((up) => `${up}/shared/data/sigma/spec/samples`).find(existsSync);
describe.skipIf(SPEC === undefined)('the samples of the specification', () => {
  it.each(['rules', 'correlation', 'filter'])('are understood: %s', (kind) => {
    const directory = join(SPEC ?? '', kind);
    const files = readdirSync(directory);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const text = readFileSync(join(directory, file), 'utf8');
      const { rules, problems } = parseRules(text, file);
      expect({ file, problems, rules: rules.length }).toEqual({ file, problems: [], rules: kind === 'filter' ? 0 : 1 });
    }
  });
});
