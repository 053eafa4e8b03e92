// vestige rules coverage: the matrix of attacks on containers, and which rules look for what of it
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type Coverage, coverageOf } from '../../analytics/rules/coverage/coverage.ts';
import { navigatorLayer } from '../../analytics/rules/coverage/navigator.ts';
import { type LoadedRules, loadRules } from '../../analytics/rules/language/load.ts';
import type { Store } from '../../analytics/store/store.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { addLanguage, type Language } from '../language.ts';
import { visibleJson } from '../render/table.ts';
import { wrap } from '../render/wrap.ts';

interface Options {
  rules?: string;
  navigator?: true;
  technique?: string;
  lang: Language;
}

export function registerRulesCoverage(rules: Command, context: Context): void {
  const command = rules
    .command('coverage')
    .description('the matrix of attacks on containers: which rules look for what, and what of it this store holds')
    .option('--rules <path>', 'a directory or file of rules, other than those that come with vestige')
    .option('--technique <id>', 'one technique of the matrix (EX-01) with its rules, in full')
    .option('--navigator', 'a layer for the ATT&CK Navigator (format 4.5)');
  addLanguage(command)
    .addHelpText(
      'after',
      `
Examples:
  vestige rules coverage
  vestige rules coverage --technique EX-01 --lang zh
  vestige rules coverage --navigator > layer.json
  vestige --json rules coverage --rules my-rules/`,
    )
    .action(async ({ rules: directory = context.packDirectory, navigator, technique, lang }: Options) => {
      if (!existsSync(directory)) throw new CommandError(EXIT.notFound, `no such directory: ${directory}`);
      const loaded = await loadRules(directory);
      const found = await findingsByRule(context);
      const coverage = coverageOf(loaded.rules, found);
      if (navigator) context.stdout.write(`${visibleJson(navigatorLayer(coverage, loaded.rules, found), 2)}\n`);
      else if (technique !== undefined) printTechnique(technique, coverage, context, lang);
      else await printMatrix(coverage, loaded, context, lang);
    });
}

// Asked for before there is a store: coverage is told without findings, and no store is made.
async function findingsByRule(context: Context): Promise<Map<string, number> | undefined> {
  const { store } = context.options();
  if (store.startsWith('embedded:') && !existsSync(store.slice('embedded:'.length))) return undefined;
  return context.withStore('vestige rules coverage', countByRule);
}

async function countByRule(store: Store): Promise<Map<string, number>> {
  const rows = await store.rows('SELECT rule_id, count() AS n FROM findings FINAL GROUP BY rule_id');
  return new Map(rows.map((row) => [String(row['rule_id']), Number(row['n'])]));
}

async function printMatrix(
  coverage: readonly Coverage[],
  { rules, problems }: LoadedRules,
  context: Context,
  lang: Language,
): Promise<void> {
  for (const { path, detail } of problems) context.say(`vestige: ${path}: ${detail}`);
  await context.printList(coverage, [
    { title: 'ID', value: (row) => row.id },
    { title: 'TACTIC', value: (row) => (lang === 'zh' ? row.tactic_zh : row.tactic) },
    { title: 'TECHNIQUE', value: (row) => (lang === 'zh' ? row.name_zh : row.name), flexible: true },
    { title: 'ATT&CK', value: (row) => row.attack.join(' '), flexible: true },
    { title: 'LAYERS', value: layers },
    { title: 'RULES', value: (row) => String(row.rules.length) },
    { title: 'CASES', value: (row) => String(row.cases) },
    { title: 'SEEN', value: seen },
    { title: 'UNSEEN', value: (row) => row.unseen ?? '', flexible: true },
  ]);
  const without = coverage.filter((row) => row.rules.length === 0).map((row) => row.id);
  const found = coverage.filter((row) => (row.findings ?? 0) > 0).length;
  context.say(
    `${coverage.length} techniques, ${coverage.length - without.length} with rules (${rules.length})${
      coverage[0]?.findings === null ? '' : `, ${found} seen in this store`
    }${without.length === 0 ? '' : `; none for ${without.join(' ')}`}`,
  );
}

/** Layers that could see it; in brackets those that no rule looks at. */
const layers = ({ layers: all, covered }: Coverage) =>
  all.map((layer) => (covered.includes(layer) ? layer : `(${layer})`)).join(' ');

const seen = ({ findings }: Coverage) => (findings === null ? '' : findings === 0 ? 'no' : String(findings));

const WIDTH = 100;

function printTechnique(id: string, coverage: readonly Coverage[], context: Context, lang: Language): void {
  const row = coverage.find((one) => one.id === id.toUpperCase());
  if (!row) throw new CommandError(EXIT.notFound, `no such technique: ${id} (vestige rules coverage lists them)`);
  context.printOne(row, () => {
    const rules = row.rules.map((rule) => {
      const title = lang === 'zh' && rule.title_zh !== '' ? rule.title_zh : rule.title;
      const findings = rule.findings ? `, ${rule.findings} findings` : '';
      return `  ${rule.severity.padEnd(13)} ${title} (${rule.layers.join(', ')}; ${rule.cases} cases${findings})\n${' '.repeat(16)}${rule.path}`;
    });
    return [
      `${row.id}  ${row.name}  ${row.name_zh}`,
      `${row.tactic} (${row.tactic_zh}); ATT&CK ${row.attack.join(', ')}; layers ${layers(row)}`,
      '',
      rules.length === 0 ? '  no rule' : rules.join('\n'),
      ...(row.unseen === null
        ? []
        : ['', wrap(`Not seen: ${row.unseen}`, WIDTH, '  '), wrap(`Needed: ${row.needed ?? ''}`, WIDTH, '  ')]),
    ].join('\n');
  });
}
