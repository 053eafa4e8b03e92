// The pack against its own cases, and rules of others against the commands that judge them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkRules } from '../../analytics/rules/compile/check.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import { parseRules } from '../../analytics/rules/language/parse.ts';
import type { Rule } from '../../analytics/rules/language/rule.ts';
import { missingCases, missingFacts } from '../../analytics/rules/run/cases.ts';
import { testRules } from './rules.ts';

const PACK = 'analytics/rules/pack';
const directory = mkdtempSync(join(tmpdir(), 'vestige-rules-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the pack', () => {
  it('is understood, and every rule holds a match and a near miss, a sentence and a signal', async () => {
    const { rules, problems } = await loadRules(PACK);
    expect(rules.length).toBeGreaterThan(30);
    expect(problems).toEqual([]);
    expect(checkRules(rules)).toEqual([]);
    const missing = (rule: Rule) => [...missingCases(rule), ...missingFacts(rule)];
    const bare = rules.filter((rule) => missing(rule).length > 0 || !rule.sentence || !rule.signal);
    expect(bare.map((rule) => rule.path)).toEqual([]);
    // what is new to a baseline may be of any technique
    const untagged = rules.filter(
      ({ path, techniques, tactics }) =>
        tactics.length === 0 || (techniques.length === 0 && !path.startsWith('baselines/')),
    );
    expect(untagged.map((rule) => rule.path)).toEqual([]);
  });

  it('finds what its cases must match and leaves their near misses alone', async () => {
    const { rules } = await loadRules(PACK);
    const outcomes = await testRules(rules);
    expect(outcomes.length).toBeGreaterThan(2 * rules.length - 1);
    const wrong = outcomes.filter(({ wanted, matched }) => matched !== (wanted === 'match'));
    expect(wrong.map(({ rule, wanted, name }) => `${rule.path}: ${wanted}: ${name}`)).toEqual([]);
  });
});

const syscall = (n: number) =>
  `type=SYSCALL msg=audit(1795439500.000:${n}): arch=c000003e syscall=59 success=yes exit=0 a0=3 a1=1 a2=2 a3=0 items=1 ppid=1 pid=2 auid=4294967295 uid=0 gid=0 euid=0 suid=33 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="nc" exe="/bin/busybox" key=(null)
type=EXECVE msg=audit(1795439500.000:${n}): argc=2 a0="nc" a1=2D6520262078
type=PATH msg=audit(1795439500.000:${n}): item=0 name="/bin/nc" nametype=NORMAL
type=PATH msg=audit(1795439500.000:${n}): item=1 name="/lib/ld.so" nametype=PARENT`;
const podCreate = {
  auditID: 'a',
  stage: 'ResponseComplete',
  verb: 'create',
  objectRef: { resource: 'pods', namespace: 'shop' },
  requestObject: {
    kind: 'Pod',
    metadata: { labels: { 'app.kubernetes.io/name': 'web' } },
    spec: {
      containers: [{ image: 'a' }, { image: 'b', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }],
      volumes: [{ hostPath: { path: '/' } }],
    },
  },
  annotations: { 'authorization.k8s.io/decision': 'allow' },
};

/** Whether a rule with these detections finds the records, as the decoders and the engine have it. */
async function finds(logsource: string, detections: string[], records: unknown[]): Promise<boolean[]> {
  const documents = detections.map((detection, n) =>
    JSON.stringify({
      title: 'T',
      id: `11111111-1111-4111-8111-${String(n).padStart(12, '0')}`,
      logsource: JSON.parse(logsource),
      detection: { s: JSON.parse(detection), condition: 's' },
      'x-vestige': {
        cases: {
          match: [{ name: 'x', records: records.map((r) => (typeof r === 'string' ? r : JSON.stringify(r))) }],
        },
      },
    }),
  );
  const { rules, problems } = parseRules(documents.join('\n---\n'), 'x.yml');
  expect([...problems, ...checkRules(rules)]).toEqual([]);
  return (await testRules(rules)).map((outcome) => outcome.matched);
}

describe('a rule over auditd', () => {
  const tests: [string, boolean][] = [
    ['{"type":"EXECVE","a0":"nc"}', true],
    ['{"type":"SYSCALL","a0":"nc"}', false],
    ['{"type":"SYSCALL","a0":"3","syscall":"execve"}', true],
    ['{"type":"SYSCALL","syscall":59,"comm":"nc"}', true],
    ['{"type":"EXECVE","comm":"nc"}', false],
    ['{"a0":"nc","a1|contains":"-e & x"}', true],
    ['{"type":"PATH","name":"/bin/nc","nametype":"NORMAL"}', true],
    ['{"type":"PATH","name":"/bin/nc","nametype":"PARENT"}', false],
    ['{"type":"SYSCALL","suid":33}', true],
    ['{"type":"SYSCALL","suid":0}', false],
    ['{"type":"SYSCALL","fsuid|exists":true}', true],
    ['{"type":"PATH","fsuid|exists":true}', false],
    ['{"type":"SYSCALL","nothing":null}', true],
    ['["exe=\\"/bin/busybox"]', true],
    ['["no such text"]', false],
  ];
  it('is tested one record at a time, with presence read from the bytes', async () => {
    const found = await finds(
      '{"product":"linux","service":"auditd"}',
      tests.map(([text]) => text),
      [syscall(7)],
    );
    expect(tests.map(([text], n) => [text, found[n]])).toEqual(tests);
  });
});

describe('a rule over Kubernetes audit', () => {
  const tests: [string, boolean][] = [
    ['{"requestObject.spec.containers.image":"b"}', true],
    ['{"requestObject.spec.containers.securityContext.capabilities.add":"sys_admin"}', true],
    ['{"requestObject.metadata.labels.app.kubernetes.io/name":"web"}', true],
    ['{"annotations.authorization.k8s.io/decision":"allow"}', true],
    ['{"hostPath":"/","capabilities":"SYS_ADMIN"}', true],
    ['{"requestObject.spec.hostPID|exists":true}', false],
    ['{"objectRef.name":null}', true],
    ['{"objectRef.namespace":null}', false],
    ['{"responseStatus.code":null}', true],
    ['{"verb":"create","objectRef.subresource|exists":false}', true],
  ];
  it('reads columns and, for the rest, the bytes', async () => {
    const found = await finds(
      '{"product":"kubernetes","service":"audit"}',
      tests.map(([text]) => text),
      [podCreate],
    );
    expect(tests.map(([text], n) => [text, found[n]])).toEqual(tests);
  });

  it('sees an event at its latest stage', async () => {
    const started = { ...podCreate, stage: 'ResponseStarted' };
    const done = { ...podCreate, responseStatus: { code: 403 } };
    const detections = ['{"stage":"ResponseStarted"}', '{"responseStatus.code":403}'];
    const source = '{"product":"kubernetes","service":"audit"}';
    expect(await finds(source, detections, [started])).toEqual([true, false]);
    expect(await finds(source, detections, [done, started])).toEqual([false, true]);
  });
});

describe('cases', () => {
  it('that are wrong are told', async () => {
    const rule = `
title: Looks at pods
id: 11111111-1111-4111-8111-111111111111
logsource: { product: kubernetes, service: audit }
detection: { selection: { verb: list }, condition: selection }
x-vestige:
  cases:
    match: [{ name: a get, event: { auditID: a, stage: ResponseComplete, verb: get } }]
    miss: [{ name: a list, event: { auditID: b, stage: ResponseComplete, verb: list } }]`;
    writeFileSync(join(directory, 'x.yml'), rule);
    const outcomes = await testRules(parseRules(rule, 'x.yml').rules);
    expect(outcomes.map(({ wanted, matched }) => [wanted, matched])).toEqual([
      ['match', false],
      ['miss', true],
    ]);
  });
});

describe('a correlation over layers', () => {
  const layers = `
title: Exec requested
id: 11111111-1111-4111-8111-111111111101
name: exec_requested
logsource: { product: kubernetes, service: audit }
detection: { selection: { objectRef.resource: pods, objectRef.subresource: exec }, condition: selection }
---
title: Shell started
id: 11111111-1111-4111-8111-111111111102
name: shell_started
logsource: { product: linux, category: process_creation }
detection: { selection: { Image|endswith: /sh }, condition: selection }
---
title: Connected
id: 11111111-1111-4111-8111-111111111103
name: connected
logsource: { product: linux, category: network_connection }
detection: { selection: { vestige.outside: true }, condition: selection }
---
title: Exec requested, then a shell that connects
id: 11111111-1111-4111-8111-111111111104
correlation:
  type: temporal_ordered
  rules: [exec_requested, shell_started, connected]
  group-by: [vestige.namespace, vestige.pod]
  timespan: 1m
x-vestige:
  cases:
    match:
      - name: one pod
        container: { namespace: shop, pod: web-1 }
        steps: &steps
          - event: &exec { verb: create, objectRef: { resource: pods, subresource: exec, namespace: shop, name: web-1 } }
          - exec: { argv: [sh], exe: /bin/sh }
          - connect: { to: "203.0.113.9:443", exe: /bin/sh }
    miss:
      - name: another pod
        container: { namespace: shop, pod: web-2 }
        steps: *steps
      - name: another order
        container: { namespace: shop, pod: web-1 }
        steps:
          - exec: { argv: [sh], exe: /bin/sh }
          - event: *exec
          - connect: { to: "203.0.113.9:443", exe: /bin/sh }
      - name: not within the minute
        container: { namespace: shop, pod: web-1 }
        steps:
          - event: *exec
          - exec: { argv: [sh], exe: /bin/sh }
          - connect: { to: "203.0.113.9:443", exe: /bin/sh }
            at: 90
`;
  it('groups by places, whatever the layer', async () => {
    const { rules, problems } = parseRules(layers, 'x.yml');
    expect([...problems, ...checkRules(rules)]).toEqual([]);
    const outcomes = await testRules(rules);
    expect(outcomes.map(({ name, matched }) => [name, matched])).toEqual([
      ['one pod', true],
      ['another pod', false],
      ['another order', false],
      ['not within the minute', false],
    ]);
  });
});

it('a correlation groups by fields that stand in the bytes alone', async () => {
  const text = `
title: Pod made
id: 11111111-1111-4111-8111-111111111201
name: pod_made
logsource: { product: kubernetes, service: audit }
detection: { selection: { verb: create, objectRef.resource: pods }, condition: selection }
---
title: Login failed
id: 11111111-1111-4111-8111-111111111202
name: login_failed
logsource: { product: linux, service: auditd }
detection: { selection: { type: USER_LOGIN }, condition: selection }
---
title: Pods for one team
id: 11111111-1111-4111-8111-111111111203
correlation: { type: event_count, rules: [pod_made], group-by: [requestObject.metadata.labels.team], timespan: 1m, condition: { gte: 2 } }
x-vestige:
  cases:
    match:
      - name: one team
        events: [&pod { verb: create, objectRef: { resource: pods }, requestObject: { kind: Pod, metadata: { labels: { team: a } } } }, *pod]
    miss:
      - name: two teams
        events: [*pod, { verb: create, objectRef: { resource: pods }, requestObject: { kind: Pod, metadata: { labels: { team: b } } } }]
---
title: Logins from one address
id: 11111111-1111-4111-8111-111111111204
correlation: { type: event_count, rules: [login_failed], group-by: [addr], timespan: 1m, condition: { gte: 2 } }
x-vestige:
  cases:
    match:
      - name: one address
        steps: [&login { user: { type: USER_LOGIN, acct: root, addr: 203.0.113.9, res: failed } }, *login]
    miss:
      - name: two addresses
        steps: [*login, { user: { type: USER_LOGIN, acct: root, addr: 203.0.113.8, res: failed } }]
`;
  const { rules, problems } = parseRules(text, 'x.yml');
  expect([...problems, ...checkRules(rules)]).toEqual([]);
  const outcomes = await testRules(rules);
  expect(outcomes.map(({ name, matched }) => [name, matched])).toEqual([
    ['one team', true],
    ['two teams', false],
    ['one address', true],
    ['two addresses', false],
  ]);
});
