// vestige correlate

import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Correlation, correlate } from '../../analytics/correlate.ts';
import { CONTEXT_LABELS, type ContextLabels } from '../../analytics/entities/actors/actors.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import type { Rule } from '../../analytics/rules/language/rule.ts';
import { CommandError, type Context, EXIT } from '../context.ts';

interface Options {
  rules?: string;
  ownerLabels: readonly string[];
  teamLabels: readonly string[];
  sensitivityLabels: readonly string[];
}

export function registerCorrelate(program: Command, context: Context): void {
  program
    .command('correlate')
    .description('join the layers: entities, findings and attack chains from all that was imported')
    .option('--rules <directory>', 'rules to use instead of the built-in ones')
    .addOption(labelsOption('owner', 'whose a pod is'))
    .addOption(labelsOption('team', 'which team answers for it'))
    .addOption(labelsOption('sensitivity', 'how much it matters'))
    .addHelpText(
      'after',
      `
Labels are looked up on the pod, its workload and its namespace, the nearest first; a key without a prefix stands for that name under any.

Examples:
  vestige correlate
  vestige correlate --team-labels acme.io/squad,team
  vestige --json correlate`,
    )
    .action((options: Options) =>
      context.withStore('vestige correlate', async (store) => {
        const done = await correlate(
          store,
          await readRules(options.rules ?? context.packDirectory, context),
          context.now,
          labelsOf(options),
        );
        for (const p of done.refused) context.say(`vestige: rule ${p.path}, ${p.at}: ${p.detail}`);
        context.printOne(done, () => inWords(done));
      }),
    );
}

const keysOf = (list: string) =>
  list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');

function labelsOption(name: keyof ContextLabels, what: string): Option {
  return new Option(`--${name}-labels <keys>`, `labels that say ${what}, the first to be found first`)
    .env(`VESTIGE_${name.toUpperCase()}_LABELS`)
    .default(CONTEXT_LABELS[name], CONTEXT_LABELS[name].join(','))
    .argParser(keysOf);
}

const labelsOf = (options: Options): ContextLabels => ({
  owner: options.ownerLabels,
  team: options.teamLabels,
  sensitivity: options.sensitivityLabels,
});

function inWords(c: Correlation): string {
  return [
    `${c.pods} pods, ${c.containers} containers, ${c.processes} processes, ${c.sessions} sessions, ${c.events} events on one axis`,
    `${c.findings} findings, ${c.chains} chains`,
    `in ${c.seconds.toFixed(1)} s`,
  ].join('\n');
}

/** Rules that can be used; what cannot be understood is said, and does not hold up the others. */
export async function readRules(directory: string, context: Context): Promise<Rule[]> {
  if (!existsSync(directory)) throw new CommandError(EXIT.notFound, `${directory}: no such directory of rules`);
  const { rules, problems } = await loadRules(directory);
  for (const p of problems) context.say(`vestige: rule ${p.path}, ${p.at}: ${p.detail}`);
  return rules;
}
