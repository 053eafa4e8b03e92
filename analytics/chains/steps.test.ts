import { expect, test } from 'vitest';
import type { ChainFinding } from './findings.ts';
import { stepAt, tellSteps } from './steps.ts';

const T = Date.parse('2026-01-01T00:00:00Z');
let n = 0;
const finding = (at: number, tactic: string, more: Partial<ChainFinding> = {}): ChainFinding => ({
  cluster: 'c',
  id: `f${++n}`,
  rule_id: tactic,
  title: tactic,
  severity: 'high',
  rule_severity: 'high',
  suppressed_by: '',
  seed: 'high',
  techniques: ['T1'],
  tactics: [tactic],
  at: T + at,
  source: 'auditd',
  event_key: '',
  node: 'n',
  namespace: '',
  pod: '',
  container_id: '',
  process_key: '',
  principal: '',
  digests: [`d${n}`],
  summary: `${tactic} happened`,
  entity: undefined,
  ...more,
});

test('findings close together of one tactic are one step, in order of time whatever order they came in', () => {
  const steps = tellSteps([finding(9_000, 'Impact'), finding(0, 'Execution'), finding(1_000, 'Execution')]);
  expect(steps.map((s) => `${s.n} ${s.tactic} ${s.finding_ids.length}`)).toEqual(['1 Execution 2', '2 Impact 1']);
  expect(steps[0]?.time).toBe('2026-01-01T00:00:00.000Z');
});

test('the gravest finding of a burst names its tactic', () => {
  const [step] = tellSteps([
    finding(0, 'Discovery', { severity: 'low' }),
    finding(500, 'Persistence', { severity: 'critical' }),
  ]);
  expect(step?.tactic).toBe('Persistence');
});

test('the same tactic long after is a step of its own', () => {
  expect(tellSteps([finding(0, 'Impact'), finding(200_000, 'Impact')])).toHaveLength(2);
});

test('a sentence says each rule once and how many more findings there were', () => {
  const [step] = tellSteps([finding(0, 'Impact'), finding(1, 'Impact'), finding(2, 'Impact')]);
  expect(step?.sentence).toBe('Impact happened. (and 2 more findings)');
});

test('a record belongs to the last step that had begun; what came before the first belongs to it', () => {
  const steps = tellSteps([finding(10_000, 'Execution'), finding(100_000, 'Impact')]);
  const at = (ms: number) =>
    stepAt(steps, {
      id: '',
      digest: '',
      layer: '',
      role: 'core',
      time: new Date(T + ms).toISOString().replace('T', ' ').replace('Z', '000000'),
    });
  expect([at(0), at(10_000), at(99_999), at(100_000)]).toEqual([1, 1, 1, 2]);
});

test('a correlation over several acts does not speak for its first one, and each record is told where its own finding is', () => {
  const steps = tellSteps([
    finding(0, 'Execution', { digests: ['entered'] }),
    finding(0, 'Impact', { digests: ['entered', 'mined'], severity: 'critical' }),
    finding(200_000, 'Impact', { digests: ['mined'] }),
  ]);
  expect(steps.map((s) => `${s.tactic}: ${s.digests.join()}`)).toEqual(['Execution: entered', 'Impact: mined']);
  expect(steps[0]?.sentence).toBe('Execution happened. Impact happened.');
});

test('what a script does in seconds in three places is three acts; in one place it is one', () => {
  const acts = (places: readonly string[]) =>
    tellSteps(
      places.flatMap((pod, i) =>
        [1, 2, 3, 4].map((r) =>
          finding(i * 1_000 + r, 'Execution', { pod, namespace: 'pay', rule_id: `${i}-${r}`, severity: 'medium' }),
        ),
      ),
    ).map((s) => s.finding_ids.length);
  expect(acts(['api', 'cache', 'health'])).toEqual([4, 4, 4]);
  expect(acts(['api', 'api', 'api'])).toEqual([12]);
});

test('a program that does the same every few seconds does not lead what others do meanwhile', () => {
  const mined = (at: number) => finding(at, 'Impact', { pod: 'miner', namespace: 'pay', severity: 'critical' });
  const steps = tellSteps([
    mined(0),
    mined(5_000),
    mined(10_000),
    finding(10_500, 'Persistence', { principal: 'eve', severity: 'medium' }),
    mined(15_000),
  ]);
  expect(steps.map((s) => s.tactic)).toEqual(['Impact', 'Persistence', 'Impact']);
});

test('what a program does all the time is told where it began, and holds no two acts together', () => {
  const beacon = Array.from({ length: 20 }, (_, i) =>
    finding(i * 4_000, 'Command and Control', { rule_id: 'beacon', pod: 'miner', severity: 'medium' }),
  );
  const acts = [finding(21_000, 'Persistence'), finding(51_000, 'Impact')];
  const steps = tellSteps([...beacon, ...acts]);
  expect(steps.map((s) => `${s.tactic} ${s.finding_ids.length}`)).toEqual([
    'Command and Control 20',
    'Persistence 1',
    'Impact 1',
  ]);
});

test('what somebody does again and again, as it comes, stays in the acts where he does it', () => {
  const at = [0, 300, 500, 900, 50_000, 50_400, 58_000];
  const runs = at.map((ms) => finding(ms, 'Execution', { rule_id: 'tool', severity: 'medium' }));
  const steps = tellSteps([...runs, finding(50_200, 'Impact')]);
  expect(steps.map((s) => `${s.tactic} ${s.finding_ids.length}`)).toEqual(['Execution 4', 'Impact 3', 'Execution 1']);
});
