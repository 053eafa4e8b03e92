// A second opinion: pySigma's parser takes and refuses the same rules, of the table and of SigmaHQ, but for cases that say why not.
// Where Python has it only (pip install pysigma; PYTHON names another interpreter than python3).
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../analytics/rules/language/parse.ts';
import { readTable } from './table.ts';

const SIGMA_HQ = ['..', '../..'].map((up) => `${up}/shared/data/sigma/rules`).find(existsSync);
const PYTHON = process.env['PYTHON'] ?? 'python3';

function python(script: string, input = ''): string | undefined {
  try {
    const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
    return execFileSync(PYTHON, ['-c', script], { input, stdio, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  } catch {
    return undefined;
  }
}

const SCRIPT = `
import json, sys
from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule
said = {}
for name, text in json.load(sys.stdin):
    try:
        for rule in SigmaCollection.from_yaml(text).rules:
            if isinstance(rule, SigmaRule):
                for condition in rule.detection.parsed_condition:
                    condition.parsed
        said[name] = None
    except Exception as error:
        said[name] = str(error)[:200] or type(error).__name__
json.dump(said, sys.stdout)
`;

/** What pySigma refuses, and why; null for what it takes. */
function pysigmaSays(rules: readonly (readonly [name: string, text: string])[]): Map<string, string | null> {
  const answer = python(SCRIPT, JSON.stringify(rules)) ?? '{}';
  return new Map(Object.entries(JSON.parse(answer) as Record<string, string | null>));
}

describe.skipIf(python('import sigma.collection') === undefined)('pySigma', () => {
  it('takes and refuses what we do, but for what the table explains', () => {
    const cases = readTable().flatMap((group) => group.cases);
    // placeholders are given to its pipelines
    const said = pysigmaSays(cases.map(({ name, rules }) => [name, rules.replace(/^\{"placeholders".*\n---\n/, '')]));
    expect(said.size).toBe(cases.length);
    const differing = cases.flatMap(({ name, refused, pysigma }) => {
      const theirs = said.get(name) ?? null;
      const differs = (theirs === null) !== (refused === undefined);
      return differs === (pysigma !== undefined) ? [] : [{ name, refused, theirs, pysigma }];
    });
    expect(differing).toEqual([]);
  });

  it.skipIf(SIGMA_HQ === undefined)('takes every rule of SigmaHQ, and so do we', () => {
    const files = readdirSync(SIGMA_HQ ?? '', { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.yml$/.test(file),
    );
    expect(files.length).toBeGreaterThan(100);
    const texts = files.map((file) => [file, readFileSync(join(SIGMA_HQ ?? '', file), 'utf8')] as const);
    const said = pysigmaSays(texts);
    const differing = texts.flatMap(([file, text]) => {
      const ours = parseRules(text, file).problems.map(({ detail }) => detail);
      const theirs = said.get(file) ?? null;
      return (theirs === null) === (ours.length === 0) ? [] : [{ file, ours, theirs }];
    });
    expect(differing).toEqual([]);
  });
});
