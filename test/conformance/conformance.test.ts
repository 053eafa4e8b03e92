// Sigma as the specification has it: every modifier, value, condition, filter and correlation of the table (*.yml beside this), run
// on the real engine by `rules eval`, and its detections also over the bytes of JSON, as rules over Kubernetes audit read them.
// What is expected was thought out from the specification; where it leaves a choice, docs/reference/sigma.md says which.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../analytics/rules/compile/compile.ts';
import { parsePart } from '../../analytics/rules/language/detection.ts';
import { parseRules } from '../../analytics/rules/language/parse.ts';
import { evalRules } from '../../analytics/rules/run/eval.ts';
import { jsonField } from '../../analytics/rules/sources/json-path.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { type Case, type Group, readTable } from './table.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-conformance-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'conformance test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Outcome {
  matches: [string, number[]][];
  refused: string[];
}

/** Each case by itself, or all in one scan where their rules do not meet. */
async function outcomesOf({ cases, independent }: Group): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for (const together of independent ? [cases] : cases.map((one) => [one])) {
    const parsed = together.map(({ name, rules }) => parseRules(rules, name));
    const events = (together[0]?.events ?? []).map((event, i) => ({ n: i + 1, event }));
    const { matches, refused } = await evalRules(
      store,
      parsed.flatMap(({ rules }) => rules),
      events,
    );
    const said = [...parsed.flatMap(({ problems }) => problems), ...refused];
    for (const { name } of together) {
      const own = matches.filter(({ rule_title }) => !independent || rule_title === name);
      const problems = said.filter(({ path }) => path.replace(/#\d+$/, '') === name);
      outcomes.set(name, {
        matches: byTitle(own),
        refused: problems.map(({ detail, remedy }) => `${detail} | ${remedy}`),
      });
    }
  }
  return outcomes;
}

/** Events of a rule together, of a correlation each run. */
function byTitle(matches: readonly { rule_title: string; event: number; events?: number[] }[]): [string, number[]][] {
  const titles = new Map<string, number[]>();
  const runs: [string, number[]][] = [];
  for (const { rule_title, event, events } of matches) {
    if (events !== undefined) runs.push([rule_title, events]);
    else titles.set(rule_title, [...(titles.get(rule_title) ?? []), event]);
  }
  return [...titles, ...runs];
}

const sorted = (matches: Case['matches']) => matches.map((match) => JSON.stringify(match)).sort();

const table = readTable();

describe.each(table)('$name', (group) => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = await outcomesOf(group);
  });

  it.each(group.cases)('$name', ({ name, matches, refused }) => {
    const outcome = outcomes.get(name);
    if (refused === undefined) expect(outcome?.refused).toEqual([]);
    else expect(outcome?.refused.join('\n')).toContain(refused);
    expect(sorted(outcome?.matches ?? [])).toEqual(sorted(matches));
  });
});

describe('the bytes of JSON', () => {
  const groups = table.filter(({ single }) => single.length > 0);
  it.each(groups)('answer as the fields do: $name', async ({ single }) => {
    const events = single[0]?.case.events ?? [];
    const conditions = single.map(({ detection }) => {
      const { exact } = compile(parsePart(detection, 'd'), (name) =>
        name === undefined ? undefined : jsonField('raw', name),
      );
      return `toBool(${exact})`;
    });
    const rows = await store.rows(
      `SELECT n, [${conditions.join(', ')}] AS hits FROM (SELECT arrayJoin(arrayEnumerate({events:Array(String)} AS all)) AS n, all[n] AS raw) ORDER BY n`,
      { events: events.map((event) => JSON.stringify(event)) },
    );
    const found = single.map((one, i) => ({
      name: one.case.name,
      lines: rows.filter(({ hits }) => (hits as boolean[])[i]).map(({ n }) => Number(n)),
    }));
    expect(found).toEqual(single.map((one) => ({ name: one.case.name, lines: one.case.matches[0]?.[1] ?? [] })));
  });
});
