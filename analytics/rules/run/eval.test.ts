// `rules eval`: what a rule means over any JSON, asked of the real engine. One store for all; each case is one run.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { loadRules } from '../language/load.ts';
import { parseRules } from '../language/parse.ts';
import { evalRules } from './eval.ts';

const SIGMA_HQ = ['..', '../..'].map((up) => `${up}/shared/data/sigma/rules`).find(existsSync);
const directory = mkdtempSync(join(tmpdir(), 'vestige-eval-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'eval test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const numbered = (lines: readonly string[]) => lines.map((line, i) => ({ n: i + 1, event: JSON.parse(line) }));
const id = (n: number) => `11111111-1111-4111-8111-${String(n).padStart(12, '0')}`;

/** Lines that each detection matches; all detections in one run. */
async function linesMatched(detections: readonly unknown[], lines: readonly string[], product = 'windows') {
  const documents = detections.map((s, n) =>
    JSON.stringify({ title: 'T', id: id(n), logsource: { product }, detection: { s, condition: 's' } }),
  );
  const { rules, problems } = parseRules(documents.join('\n---\n'), 'x.yml');
  expect(problems).toEqual([]);
  const { matches, refused } = await evalRules(store, rules, numbered(lines));
  expect(refused).toEqual([]);
  return detections.map((_, n) => matches.filter((match) => match.rule_id === id(n)).map(({ event }) => event));
}

describe('a field of JSON', () => {
  const lines = [
    '{"a":{"b":"X"}}',
    '{"a.b":"x"}',
    '{"a":[{"b":"y"},{"b":["x","z"]}]}',
    '{"a":{"b":null}}',
    '{"a":{"b":""}}',
    '{"a":{}}',
    '{"a":{"b":7}}',
    '{"a":{"b":"7"}}',
    '{"a":{"b":true}}',
    '{"a":{"b":[]}}',
    '{"a":{"b":"12345678901234567890"}}',
    '{"a":{"b":"\\ud83d"}}',
    '{"A":{"b":"x"}}',
    '{"a":{"b":7.0}}',
    '{"a":{"b":"C:\\\\Windows\\\\a\\"b"}}',
    '{"a":{"b.c":"deep"}}',
    '{"a":{"b":{"c":"deep"}}}',
    '{"a":{"b":"one\\ntwo"}}',
  ];
  it.each<[unknown, number[]]>([
    [{ 'a.b': 'x' }, [1, 2, 3]],
    [{ 'a.b|cased': 'x' }, [2, 3]],
    [{ 'a.b': null }, [4, 6, 13, 16]],
    [{ 'a.b': '' }, [5]],
    [{ 'a.b|exists': false }, [6, 13, 16]],
    [{ 'a.b': 7 }, [7, 8, 14]],
    [{ 'a.b': '7' }, [7, 8, 14]],
    [{ 'a.b|gte': 7, 'a.b|lt': 8 }, [7, 8, 14]],
    [{ 'a.b': true }, [9]],
    [{ 'a.b': '12345678901234567890' }, [11]],
    [{ 'a.b': '*' }, [1, 2, 3, 5, 7, 8, 9, 11, 12, 14, 15, 17, 18]],
    [{ 'a.b': '?' }, [1, 2, 3, 7, 8, 12, 14]],
    [{ 'a.b|contains': 'windows\\a"' }, [15]],
    [{ 'a.b.c': 'DEEP' }, [16, 17]],
    [{ 'a.b': 'one*two' }, [18]],
    [{ 'a.b|re': '^[xy]$' }, [2, 3]],
    [['windows\\a'], [15]],
    [
      ['deep', '1234567890123456789'],
      [11, 16, 17],
    ],
  ])('%j', async (detection, expected) => {
    expect(await linesMatched([detection], lines)).toEqual([expected]);
  });

  it('is a number by its value and as the rule writes it, and where only text is compared as it is written', async () => {
    const events = [
      ...['{"a":"10.0"}', '{"a":10}', '{"a":"0x1f"}', '{"a":31}', '{"a":"0755"}'],
      ...['{"a":"v10"}', '{"a":"v10.05"}', '{"a":"12345678901234567890"}', '{"a":"12345678901234567000"}'],
    ];
    const texts = ['10.0', '0x1F', '0755', '{ a|contains: 10.0 }', '12345678901234567890', '[10.0, 31]'];
    const rules = texts.map((text, n) => {
      const detection = text.startsWith('{') ? text : `{ a: ${text} }`;
      return `title: T\nid: ${id(n)}\nlogsource: { product: p }\ndetection:\n  s: ${detection}\n  condition: s\n`;
    });
    const { matches } = await evalRules(store, parseRules(rules.join('---\n'), 'x.yml').rules, numbered(events));
    const lines = texts.map((_, n) => matches.filter((m) => m.rule_id === id(n)).map(({ event }) => event));
    expect(lines).toEqual([[1, 2], [3, 4], [5], [1, 7], [8], [1, 2, 4]]);
  });

  it('may be asked for more than the engine lets people type', async () => {
    const values = Array.from({ length: 600 }, (_, n) => `${'value'.repeat(100)}-${n}-of-many`);
    expect(await linesMatched([{ 'a|contains': values }], [JSON.stringify({ a: `x ${values[599]}` })])).toEqual([[1]]);
  });

  it('is found in the envelope of a Windows event, where the event has no such field itself', async () => {
    const sysmon = JSON.stringify({
      Event: {
        System: { Provider: { '#attributes': { Name: 'Microsoft-Windows-Sysmon' } }, EventID: 1, Channel: 'Sysmon' },
        EventData: { Image: 'C:\\a.exe', 'Process Name': 'b' },
      },
    });
    const security = JSON.stringify({
      Event: {
        System: { EventID: { '#text': 4688 } },
        EventData: { Data: [{ '@Name': 'NewProcessName', '#text': 'C:\\A.exe' }] },
      },
    });
    const detections = [
      { Image: 'c:\\a.exe' },
      { EventID: 1, Channel: 'Sysmon', Provider_Name: 'Microsoft-Windows-Sysmon' },
      { ProcessName: 'b' },
      { 'Event.EventData.Image|endswith': '.exe' },
      { EventID: 4688 },
    ];
    expect(await linesMatched(detections, [sysmon, security])).toEqual([[1, 2], [1], [1], [1], [2]]);
  });
});

describe('a rule over Kubernetes audit', () => {
  const created = (more: object) =>
    JSON.stringify({
      ...{ auditID: 'a', stage: 'ResponseComplete', verb: 'create', objectRef: { resource: 'pods' } },
      ...{ requestObject: { kind: 'Pod', spec: { volumes: [{ hostPath: { path: '/etc' } }] } }, ...more },
    });

  it('has aliases for what native events do not say, and tells when only an alias made it match', async () => {
    const rule = {
      ...{ title: 'T', id: id(1), logsource: { product: 'kubernetes', service: 'audit' } },
      detection: { s: { verb: 'create', hostPath: '*' }, condition: 's' },
    };
    const { rules } = parseRules(JSON.stringify(rule), 'x.yml');
    const events = numbered([created({}), created({ hostPath: '/etc' }), '{"verb":"create"}']);
    const { matches } = await evalRules(store, rules, events);
    expect(matches.map(({ event, alias }) => [event, alias])).toEqual([
      [1, 'hostPath'],
      [2, null],
    ]);
  });

  it.skipIf(SIGMA_HQ === undefined)(
    'finds with the public rules what they could never match as they are written',
    async () => {
      const { rules } = await loadRules(join(SIGMA_HQ ?? '', 'application/kubernetes'));
      const event = (verb: string, resource: string, more: object) =>
        JSON.stringify({ verb, ...more, objectRef: { resource, ...more } });
      const lines = [
        created({}),
        created({
          requestObject: {
            kind: 'Pod',
            spec: { containers: [{ securityContext: { capabilities: { add: ['BPF'] } } }] },
          },
        }),
        event('create', 'selfsubjectrulesreviews', { apiGroup: 'authorization.k8s.io' }).replace('"apiGroup"', '"x"'),
        event('patch', 'deployments', { apiGroup: 'apps' }).replace('"apiGroup"', '"x"'),
        '{"requestURI":"/x?command=%2Fbin%2Fsh","responseStatus":{"code":101},"annotations":{"authorization.k8s.io/decision":"allow"}}',
        '{"requestURI":"/x?command=%2Fbin%2Fsh","responseStatus":{"code":403},"annotations":{"authorization.k8s.io/decision":"forbid"}}',
      ];
      const { matches } = await evalRules(store, rules, numbered(lines));
      expect(matches.filter(({ alias }) => alias !== null).map(({ event: n, alias }) => [n, alias])).toEqual([
        [1, 'hostPath'],
        [2, 'capabilities'],
        [3, 'apiGroup'],
        [4, 'apiGroup'],
        [5, 'responseStatus.code'],
      ]);
    },
  );
});

describe('a correlation', () => {
  const document = `
title: Failed
id: ${id(1)}
name: failed
logsource: { product: any }
generate: false
detection: { s: { ok: false }, condition: s }
---
title: Guessed
id: ${id(2)}
correlation: { type: event_count, rules: [failed], group-by: [user], timespan: 1m, condition: { gte: 3 } }`;
  const { rules } = parseRules(document, 'x.yml');
  const at = (second: number, user: string, time: string) =>
    `{"ok":false,"user":"${user}","${time}":${1_700_000_000 + second}}`;

  it('tells the lines it rests on, with time under a usual name or the one given', async () => {
    const lines = [at(0, 'a', 'ts'), at(1, 'b', 'ts'), at(2, 'a', 'ts'), at(3, 'a', 'ts'), '{"ok":false,"user":"a"}'];
    const done = await evalRules(store, rules, numbered(lines));
    const found = [{ rule_id: id(2), rule_title: 'Guessed', event: 1, alias: null, events: [1, 3, 4] }];
    expect(done).toMatchObject({ matches: found, untimed: 1, events: 5 });
    const odd = [at(0, 'a', 'w'), at(1, 'a', 'w'), at(2, 'a', 'w')];
    expect(await evalRules(store, rules, numbered(odd))).toMatchObject({ matches: [], untimed: 3 });
    expect((await evalRules(store, rules, numbered(odd), { timeField: 'w' })).matches).toHaveLength(1);
  });
});

it('refuses a rule that asks what only a store knows, and runs the others', async () => {
  const rule = (n: number, field: string) =>
    JSON.stringify({
      ...{ title: 'T', id: id(n), logsource: { product: 'linux', category: 'process_creation' } },
      detection: { s: { [field]: 'x' }, condition: 's' },
    });
  const parsed = parseRules([rule(1, 'Image'), rule(2, 'vestige.pod'), rule(3, 'Image|re')].join('\n---\n'), 'x.yml');
  const { matches, refused } = await evalRules(store, parsed.rules, numbered(['{"Image":"x"}']));
  expect(refused.map(({ path }) => path)).toEqual(['x.yml#2']);
  expect(matches.map((match) => match.rule_id)).toEqual([id(1), id(3)]);
});
