// The pack against its own cases, and rules of others against the commands that judge them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { missingCases } from '../../analytics/rules/cases.ts';
import { checkRules } from '../../analytics/rules/check.ts';
import { loadRules } from '../../analytics/rules/load.ts';
import { parseRules } from '../../analytics/rules/parse.ts';
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
    const bare = rules.filter((rule) => missingCases(rule).length > 0 || !rule.sentence || !rule.signal);
    expect(bare.map((rule) => rule.path)).toEqual([]);
    expect(rules.filter((rule) => rule.techniques.length === 0 || rule.tactics.length === 0)).toEqual([]);
  });

  it('finds what its cases must match and leaves their near misses alone', async () => {
    const { rules } = await loadRules(PACK);
    const outcomes = await testRules(rules);
    expect(outcomes.length).toBeGreaterThan(2 * rules.length - 1);
    const wrong = outcomes.filter(({ wanted, matched }) => matched !== (wanted === 'match'));
    expect(wrong.map(({ rule, wanted, name }) => `${rule.path}: ${wanted}: ${name}`)).toEqual([]);
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
