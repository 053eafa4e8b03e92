import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadRules } from '../language/load.ts';
import { parseRules } from '../language/parse.ts';
import type { Rule } from '../language/rule.ts';
import { coverageOf } from './coverage.ts';
import { MATRIX } from './matrix.ts';
import { navigatorLayer } from './navigator.ts';

const DESIGN = '../../shared/design/attack-matrix.json';
const base = (technique: string) => technique.split('.')[0];
const kebab = (tactic: string) => tactic.toLowerCase().replaceAll(' ', '-');

describe('the pack and the matrix', () => {
  let pack: Rule[];
  beforeAll(async () => {
    pack = (await loadRules('analytics/rules/pack')).rules;
  });

  it('has a rule for every technique, or says why none can be and what would tell', () => {
    const bare = coverageOf(pack, undefined).filter(
      ({ rules, unseen, needed }) => rules.length === 0 && (unseen === null || needed === null),
    );
    expect(bare.map(({ id }) => id)).toEqual([]);
    const half = MATRIX.filter(({ unseen, needed }) => (unseen === undefined) !== (needed === undefined));
    expect(half.map(({ id }) => id)).toEqual([]);
  });

  it('names only techniques that the matrix has', () => {
    const ids = new Set(MATRIX.map(({ id }) => id));
    const wrong = pack.flatMap((rule) => rule.matrix.filter((id) => !ids.has(id)).map((id) => `${rule.path}: ${id}`));
    expect(wrong).toEqual([]);
  });

  // A request is the technique itself; what auditd tells is often a step on the way (a login that failed, towards a leaked login),
  // of another tactic. ATT&CK has tactics that the matrix has not, as collection: a rule of those alone is held to nothing.
  it('has, over requests and containers, ATT&CK tags that agree with the matrix, in technique or in tactic', () => {
    const at = new Map(MATRIX.map((technique) => [technique.id, technique]));
    const known = new Set(MATRIX.map(({ tactic }) => kebab(tactic)));
    const odd = pack.filter((rule) => {
      const named = rule.matrix.flatMap((id) => at.get(id) ?? []);
      const techniques = named.flatMap(({ attack }) => attack.map(base));
      const tactics = named.map(({ tactic }) => kebab(tactic));
      return (
        /^(kubernetes|runtime)\//.test(rule.path) &&
        rule.tactics.some((tactic) => known.has(tactic)) &&
        !rule.techniques.some((id) => techniques.includes(base(id))) &&
        !rule.tactics.some((tactic) => tactics.includes(tactic))
      );
    });
    expect(odd.map((rule) => rule.path)).toEqual([]);
  });

  it('finds every technique by a rule that has an ATT&CK id of it or of its family', () => {
    const odd = coverageOf(pack, undefined).filter(({ attack, rules }) => {
      const wanted = new Set(attack.map(base));
      const covering = new Set(rules.map(({ id }) => id));
      return !pack.some((rule) => covering.has(rule.id) && rule.techniques.some((id) => wanted.has(base(id))));
    });
    expect(odd.map(({ id }) => id)).toEqual([]);
  });

  it.skipIf(!existsSync(DESIGN))('is the matrix of the design', () => {
    const design = z.array(z.looseObject({ id: z.string() })).parse(JSON.parse(readFileSync(DESIGN, 'utf8')));
    const without = ({ signal: _, ...technique }: Record<string, unknown>) => technique;
    const own = MATRIX.map(({ unseen: _, needed: __, ...technique }) => technique);
    expect(own).toEqual(design.map(without));
  });

  it('is a layer of the Navigator as its format 4.5 says', () => {
    const found = new Map([[pack[0]?.id ?? '', 3]]);
    const layer = Layer.parse(navigatorLayer(coverageOf(pack, found), pack, found));
    const ids = layer.techniques.map(({ techniqueID }) => techniqueID);
    expect(new Set(ids).size).toBe(ids.length);
    const scored = (id: string) => pack.filter((rule) => rule.techniques.includes(id)).length;
    expect(layer.techniques.filter(({ techniqueID, score }) => score !== scored(techniqueID))).toEqual([]);
    const red = layer.techniques.filter(({ color }) => color !== undefined).map(({ techniqueID }) => techniqueID);
    expect(red).toEqual([...(pack[0]?.techniques ?? [])].sort());
  });
});

// layers/spec/v4.5/layerformat.md of mitre-attack/attack-navigator, as far as we write it; strict: nothing else is known
const Layer = z.strictObject({
  name: z.string().min(1),
  versions: z.strictObject({
    attack: z.string(),
    navigator: z.string().regex(/^(4\.9|[5-9])\./),
    layer: z.literal('4.5'),
  }),
  domain: z.enum(['enterprise-attack', 'mobile-attack', 'ics-attack']),
  description: z.string(),
  sorting: z.int().min(0).max(3),
  layout: z.strictObject({
    layout: z.enum(['side', 'flat', 'mini']),
    showID: z.boolean(),
    showName: z.boolean(),
    expandedSubtechniques: z.enum(['none', 'all', 'annotated']),
  }),
  hideDisabled: z.boolean(),
  techniques: z.array(
    z.strictObject({
      techniqueID: z.string().regex(/^T\d{4}(\.\d{3})?$/),
      score: z.number(),
      comment: z.string(),
      color: z
        .string()
        .regex(/^#[0-9a-f]{6}$/)
        .optional(),
      showSubtechniques: z.boolean(),
      metadata: z.array(z.strictObject({ name: z.string(), value: z.string() })),
    }),
  ),
  gradient: z
    .strictObject({ colors: z.array(z.string()).min(2), minValue: z.number(), maxValue: z.number() })
    .refine(({ minValue, maxValue }) => maxValue > minValue),
  legendItems: z.array(z.strictObject({ label: z.string(), color: z.string() })),
  selectTechniquesAcrossTactics: z.boolean(),
  selectSubtechniquesWithParent: z.boolean(),
});

describe('coverage', () => {
  const rulesOf = (text: string) => parseRules(text, 'x.yml').rules;
  const rule = (n: number, more: string) => `
title: R${n}
id: 11111111-1111-4111-8111-11111111111${n}
${more}
`;
  const exec =
    'logsource: { product: kubernetes, service: audit }\ndetection: { s: { verb: get }, condition: s }\nname: exec';
  const row = (rules: readonly Rule[], id: string, found?: Map<string, number>) =>
    coverageOf(rules, found).find((one) => one.id === id);

  it('takes a rule of others by its ATT&CK tags, a parent for its sub-techniques, and no sibling', () => {
    const rules = rulesOf(rule(1, `${exec}\ntags: [attack.t1552]`));
    expect(row(rules, 'CA-01')?.rules.map(({ title }) => title)).toEqual(['R1']);
    const sibling = rulesOf(rule(1, `${exec}\ntags: [attack.t1552.003]`));
    expect(row(sibling, 'CA-01')?.rules).toEqual([]);
  });

  it('gives a correlation the layers of what it rests on, and ends where rules name each other', () => {
    const rests = (n: number, name: string, on: string) =>
      rule(
        n,
        `name: ${name}\ncorrelation: { type: event_count, rules: [${on}], timespan: 1m, condition: { gte: 2 } }\nx-vestige: { matrix: [EX-01] }`,
      );
    const rules = rulesOf([rule(1, exec), rests(2, 'b', 'exec'), rests(3, 'c', 'd'), rests(4, 'd', 'c')].join('---\n'));
    expect(rules).toHaveLength(4);
    expect(row(rules, 'EX-01')?.rules.map(({ layers }) => layers)).toEqual([['k8s-audit'], [], []]);
    expect(row(rules, 'EX-01')?.covered).toEqual(['k8s-audit']);
  });

  it('tells findings of a store, and nothing where there is none', () => {
    const rules = rulesOf(rule(1, `${exec}\nx-vestige: { matrix: [EX-01] }`));
    expect(row(rules, 'EX-01')?.findings).toBeNull();
    expect(row(rules, 'EX-01', new Map([[rules[0]?.id ?? '', 7]]))?.findings).toBe(7);
    expect(row(rules, 'EX-01', new Map())?.findings).toBe(0);
  });
});
