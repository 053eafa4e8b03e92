// What rules make of answers, against what the engine says of the whole condition: made-up conditions over made-up rows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { type Expression, type Match, testsOf } from '../language/expression.ts';
import { parsePattern } from '../language/pattern.ts';
import { few, many, one } from '../sources/source.ts';
import { compile, type Field, type FieldLookup, type Sight } from './compile.ts';
import { anchorOf, known, MAYBE, NO, outlineOf, truthOf, YES } from './outline.ts';
import { createInquiry } from './questions.ts';
import { residueOf } from './residue.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-outline-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'outline test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

// `part` has a value in records of one kind only, as fields of auditd's records do; `joined` cannot be seen in the event.
const fields: Record<string, Field> = {
  s: one('s'),
  m: many('m'),
  f: few('f'),
  part: one("if(kind = 'a', s, '')"),
  joined: one('f', 'others'),
};
const lookup: FieldLookup = (name) => (name === undefined ? one('s') : fields[name]);
const see: Sight = (name) => {
  if (name === undefined) return { fields: [], whole: false, inBytes: true };
  if (name === 'part') return { fields: [one('s'), few("''")], whole: false };
  const field = fields[name];
  return field && field.join === undefined ? { fields: [field], whole: true } : undefined;
};

// a zero byte, letters that ignoring case makes an s and a k, a byte that is no text
const value = fc
  .array(fc.constantFrom('61', '41', '62', '73', '6b', '2f', '31', '00', '0a', 'c5bf', 'e284aa', 'ff'), {
    maxLength: 4,
  })
  .map((bytes) => bytes.join(''));
const row = fc.record({ s: value, f: value, m: fc.array(value, { maxLength: 3 }), kind: fc.constantFrom('a', 'b') });

const written = fc
  .array(fc.constantFrom('a', 'A', 'b', 's', 'k', 'sk', '/', '1', '*', '?', '\0'), { maxLength: 4 })
  .map((pieces) => pieces.join(''));
const match: fc.Arbitrary<Match> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('pattern' as const),
      pattern: written.map(parsePattern),
      cased: fc.boolean(),
    }),
  },
  fc.record({
    kind: fc.constant('regex' as const),
    source: fc.constantFrom('^a', 'ab|bs', '(?i)sk', 'a.b', '[ab]{2}$', '/(a|b)', '.'),
    flags: fc.constantFrom('', 'i', 's'),
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    operator: fc.constantFrom('<' as const, '>=' as const),
    value: fc.constantFrom(1, 11),
  }),
  fc.constantFrom<Match>(
    { kind: 'exists', wanted: true },
    { kind: 'exists', wanted: false },
    { kind: 'null' },
    { kind: 'empty' },
    { kind: 'field', field: 'f', anchor: 'contains', cased: false },
  ),
);
const ofField: fc.Arbitrary<Expression> = fc.record({
  kind: fc.constant('test' as const),
  field: fc.constantFrom('s', 'm', 'f', 'part', 'joined'),
  match,
  at: fc.constant(''),
});
const keyword: fc.Arbitrary<Expression> = fc.constantFrom('a', 'sk', 'b/').map((text) => ({
  kind: 'test',
  field: undefined,
  match: { kind: 'pattern', pattern: parsePattern(`*${text}*`), cased: false },
  at: '',
}));
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: ofField },
    keyword,
    fc.record({ kind: fc.constant('not' as const), of: tie('expression') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('expression'), { minLength: 1, maxLength: 4 }),
    }),
  ),
}));

const rowsOf = (values: readonly string[]) => `
  SELECT unhex(x.1) AS s, unhex(x.2) AS f, arrayMap(v -> unhex(v), x.3) AS m, x.4 AS kind, concat('msg=', s, '.') AS raw
  FROM (SELECT arrayJoin([${values.join(', ')}]) AS x)`;
const sqlOf = (left: Expression | boolean) => (typeof left === 'boolean' ? String(left) : compile(left, lookup).exact);

describe('what answers make of a condition', () => {
  it('is never no where the condition holds, nor yes where it does not, and what it leaves comes to the same', async () => {
    const seen = { settled: 0, excluded: 0, anchored: 0, shortened: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(expression, { minLength: 8, maxLength: 12 }),
        fc.array(row, { minLength: 8, maxLength: 16 }),
        fc.boolean(),
        async (expressions, rows, asksExpressions) => {
          const inquiry = createInquiry();
          const outlines = expressions.map((one) =>
            outlineOf(one, { see, ask: inquiry.ask, expressions: asksExpressions }),
          );
          const values = rows.map(
            ({ s, f, m, kind }) => `('${s}', '${f}', [${m.map((v) => `'${v}'`).join(', ')}]::Array(String), '${kind}')`,
          );
          const answered = await store.rows(`
            WITH ${inquiry.with()}
            SELECT [${expressions.map((one) => `toUInt8(${compile(one, lookup).exact})`).join(', ')}] AS holds,
              ${inquiry.ofFew.columns()} AS few, ${inquiry.ofOthers.columns()} AS others,
              ${inquiry.ofBytes.isAny() ? inquiry.ofBytes.columns() : '[]'} AS bytes
            FROM (${rowsOf(values)})`);
          expect(answered).toHaveLength(rows.length);
          const ofTests = new Map(
            expressions
              .flatMap((one) => [...testsOf(one)])
              .map((test) => [test, outlineOf(test, { see, ask: inquiry.ask, expressions: asksExpressions })]),
          );
          const whole: unknown[] = [];
          const residues: (Expression | boolean)[][] = [];
          for (const { holds, few, others, bytes } of answered as Record<string, number[][]>[]) {
            const yes = new Set([
              ...inquiry.ofFew.numbersOf(few ?? []),
              ...inquiry.ofOthers.numbersOf(others ?? []),
              ...inquiry.ofBytes.numbersOf(bytes ?? []),
            ]);
            whole.push(holds);
            residues.push(
              expressions.map((one) =>
                residueOf(one, (test) => truthOf(ofTests.get(test) ?? known(MAYBE), (question) => yes.has(question))),
              ),
            );
            for (const [i, outline] of outlines.entries()) {
              const isTrue = Number(holds?.[i]) === 1;
              const truth = truthOf(outline, (question) => yes.has(question));
              const told = JSON.stringify(expressions[i]);
              if (truth === NO) expect([told, isTrue]).toEqual([told, false]);
              if (truth === YES) expect([told, isTrue]).toEqual([told, true]);
              const anchor = anchorOf(outline, (some) => some.length);
              if (isTrue && anchor) expect([told, anchor.some((question) => yes.has(question))]).toEqual([told, true]);
              seen.settled += Number(truth === YES);
              seen.excluded += Number(truth === NO);
              seen.anchored += Number(anchor !== undefined);
            }
          }
          const tested = await store.rows(
            residues
              .map(
                (left, i) =>
                  `SELECT ${i} AS place, [${left.map((one) => `toUInt8(${sqlOf(one)})`).join(', ')}] AS holds FROM (${rowsOf([values[i] ?? ''])})`,
              )
              .join(' UNION ALL '),
          );
          const holdOf = new Map(tested.map(({ place, holds }) => [Number(place), holds]));
          expect(whole.map((_, i) => holdOf.get(i))).toEqual(whole);
          seen.shortened += residues
            .flat()
            .filter((one) => typeof one !== 'boolean' && !expressions.includes(one)).length;
        },
      ),
      { numRuns: 40 },
    );
    // neither is left to chance
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(200);
  });
});
