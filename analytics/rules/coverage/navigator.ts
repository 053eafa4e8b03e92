// Coverage as a layer of the ATT&CK Navigator, format 4.5
// (https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md): an ATT&CK technique is as
// dark as rules look for it, and red where a store holds a finding of it.
import type { Rule } from '../language/rule.ts';
import type { Coverage } from './coverage.ts';

const FOUND = '#d7301f';

interface LayerTechnique {
  techniqueID: string;
  score: number;
  comment: string;
  color?: string;
  showSubtechniques: boolean;
  metadata: { name: string; value: string }[];
}

/** @param found findings by rule, undefined without a store */
export function navigatorLayer(
  coverage: readonly Coverage[],
  rules: readonly Rule[],
  found: ReadonlyMap<string, number> | undefined,
) {
  const ids = new Set([...coverage.flatMap((row) => row.attack), ...rules.flatMap((rule) => rule.techniques)]);
  const techniques = [...ids].sort().map((id) => techniqueOf(id, coverage, rules, found));
  return {
    name: 'Vestige: attacks on containers',
    versions: { attack: '18', navigator: '5.2.0', layer: '4.5' },
    domain: 'enterprise-attack',
    description: `What ${rules.length} rules look for over Kubernetes audit, container runtime and auditd${
      found === undefined ? '' : '; red: found in the store'
    }.`,
    sorting: 3,
    layout: { layout: 'side', showID: true, showName: true, expandedSubtechniques: 'annotated' },
    hideDisabled: false,
    techniques,
    gradient: {
      colors: ['#f7fbff', '#6baed6', '#08519c'],
      minValue: 0,
      // the format asks for more than minValue
      maxValue: Math.max(1, ...techniques.map((technique) => technique.score)),
    },
    legendItems: found === undefined ? [] : [{ label: 'found in the store', color: FOUND }],
    selectTechniquesAcrossTactics: true,
    selectSubtechniquesWithParent: false,
  };
}

function techniqueOf(
  id: string,
  coverage: readonly Coverage[],
  rules: readonly Rule[],
  found: ReadonlyMap<string, number> | undefined,
): LayerTechnique {
  const own = rules.filter((rule) => rule.techniques.includes(id));
  const rows = coverage.filter((row) => row.attack.includes(id));
  const findings = own.reduce((sum, rule) => sum + (found?.get(rule.id) ?? 0), 0);
  return {
    techniqueID: id,
    score: own.length,
    comment: own.map((rule) => rule.title).join('\n'),
    ...(findings > 0 ? { color: FOUND } : {}),
    // a parent whose own sub-technique is annotated shows it
    showSubtechniques: !id.includes('.'),
    metadata: [
      ...rows.map((row) => ({ name: row.id, value: `${row.name} / ${row.name_zh}` })),
      {
        name: 'cases',
        value: String(own.reduce((sum, rule) => sum + rule.cases.match.length + rule.cases.miss.length, 0)),
      },
      ...(found === undefined ? [] : [{ name: 'findings', value: String(findings) }]),
    ],
  };
}
