// Which technique of the matrix which rules find, with how many cases, and what of it is in a store. Pure.
import { sourceOf } from '../compile/check.ts';
import type { Rule } from '../language/rule.ts';
import { MATRIX, type Technique } from './matrix.ts';

type Layer = Technique['layers'][number];

export interface CoveringRule {
  id: string;
  title: string;
  title_zh: string;
  severity: string;
  layers: Layer[];
  path: string;
  cases: number;
  /** In the store; null where there is none. */
  findings: number | null;
}

export interface Coverage extends Omit<Technique, 'unseen' | 'needed'> {
  /** Of those layers, the ones that rules look at. */
  covered: Layer[];
  rules: CoveringRule[];
  cases: number;
  findings: number | null;
  unseen: string | null;
  needed: string | null;
}

/**
 * @param found findings in a store by rule, undefined without a store
 * @returns a row for each technique of the matrix, in its order
 */
export function coverageOf(rules: readonly Rule[], found: ReadonlyMap<string, number> | undefined): Coverage[] {
  const described = rules.map((rule) => ({ rule, covering: describe(rule, rules, found) }));
  return MATRIX.map(({ unseen = null, needed = null, ...technique }) => {
    const covering = described.filter(({ rule }) => covers(rule, technique)).map((one) => one.covering);
    return {
      ...technique,
      covered: technique.layers.filter((layer) => covering.some((rule) => rule.layers.includes(layer))),
      rules: covering,
      cases: covering.reduce((sum, rule) => sum + rule.cases, 0),
      findings: found === undefined ? null : covering.reduce((sum, rule) => sum + (rule.findings ?? 0), 0),
      unseen,
      needed,
    };
  });
}

// A rule that names the matrix is taken at its word; another (of SigmaHQ, of a house) covers what its ATT&CK tags name, by
// the very id or as the parent of it.
function covers(rule: Rule, technique: Pick<Technique, 'id' | 'attack'>): boolean {
  if (rule.matrix.length > 0) return rule.matrix.includes(technique.id);
  return rule.techniques.some((id) => technique.attack.some((wanted) => wanted === id || wanted.startsWith(`${id}.`)));
}

function describe(rule: Rule, all: readonly Rule[], found: ReadonlyMap<string, number> | undefined): CoveringRule {
  return {
    id: rule.id,
    title: rule.title,
    title_zh: rule.chinese?.title ?? '',
    severity: rule.severity,
    layers: [...layersOf(rule, all, new Set())].sort(),
    path: rule.path,
    cases: rule.cases.match.length + rule.cases.miss.length,
    findings: found === undefined ? null : (found.get(rule.id) ?? 0),
  };
}

// A correlation sees the layers of the rules it rests on, which may be correlations themselves.
function layersOf(rule: Rule, all: readonly Rule[], passed: Set<Rule>): Set<Layer> {
  if (passed.has(rule)) return new Set();
  passed.add(rule);
  if (rule.kind === 'event') {
    const layer = sourceOf(rule)?.layer;
    return new Set(layer === undefined ? [] : [layer]);
  }
  const named = all.filter((other) => rule.rules.some((name) => name === other.name || name === other.id));
  return new Set(named.flatMap((other) => [...layersOf(other, all, passed)]));
}
