// vestige rules list: what rules there are, what each asks and of what it cannot see
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { loadRules } from '../../analytics/rules/language/load.ts';
import type { Rule } from '../../analytics/rules/language/rule.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { addLanguage, type Language } from '../language.ts';

interface Options {
  rules?: string;
  lang: Language;
}

export function registerRulesList(rules: Command, context: Context): void {
  const command = rules
    .command('list')
    .description('the rules')
    .option('--rules <path>', 'a directory or file of rules, other than those that come with vestige');
  addLanguage(command)
    .addHelpText(
      'after',
      `
Examples:
  vestige rules list
  vestige rules list --lang zh
  vestige --json rules list --rules my-rules/`,
    )
    .action(async ({ rules: directory = context.packDirectory, lang }: Options) => {
      if (!existsSync(directory)) throw new CommandError(EXIT.notFound, `no such directory: ${directory}`);
      const { rules: loaded, problems } = await loadRules(directory);
      for (const { path, detail } of problems) context.say(`vestige: ${path}: ${detail}`);
      await context.printList(loaded.map(describe), [
        { title: 'severity', value: (rule) => rule.severity },
        {
          title: 'rule',
          value: (rule) => (lang === 'zh' ? (rule.zh?.title ?? rule.title) : rule.title),
          flexible: true,
        },
        {
          title: 'asks',
          value: (rule) =>
            lang === 'zh' ? (rule.zh?.description ?? rule.description) : (rule.question ?? rule.description),
          flexible: true,
        },
        { title: 'matrix', value: (rule) => rule.matrix.join(' '), flexible: true },
        { title: 'techniques', value: (rule) => rule.techniques.join(' '), flexible: true },
        { title: 'source', value: (rule) => rule.source },
        { title: 'file', value: (rule) => rule.path, flexible: true },
      ]);
    });
}

function describe(rule: Rule) {
  const { id, title, severity, techniques, tactics, matrix, signal, description, falsePositives, blindSpots, path } =
    rule;
  const source =
    rule.kind === 'correlation'
      ? rule.type
      : Object.values(rule.logsource)
          .filter((part) => part !== undefined)
          .join(' ');
  return {
    id,
    title,
    question: rule.question ?? null,
    severity,
    severity_reason: rule.severityReason ?? null,
    techniques,
    tactics,
    matrix,
    signal: signal ?? null,
    source,
    description,
    zh: rule.chinese ?? null,
    falsePositives,
    blindSpots,
    cases: { match: rule.cases.match.length, miss: rule.cases.miss.length },
    path,
  };
}
