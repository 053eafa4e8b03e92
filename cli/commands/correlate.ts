// vestige correlate

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type Correlation, correlate } from '../../analytics/correlate.ts';
import { loadRules } from '../../analytics/rules/load.ts';
import type { Rule } from '../../analytics/rules/rule.ts';
import { CommandError, type Context, EXIT } from '../context.ts';

export function registerCorrelate(program: Command, context: Context): void {
  program
    .command('correlate')
    .description('join the layers: entities, findings and attack chains from all that was imported')
    .option('--rules <directory>', 'rules to use instead of the built-in ones')
    .addHelpText(
      'after',
      `
Examples:
  vestige correlate
  vestige --json correlate`,
    )
    .action((options: { rules?: string }) =>
      context.withStore('vestige correlate', async (store) => {
        const done = await correlate(
          store,
          await readRules(options.rules ?? context.packDirectory, context),
          context.now,
        );
        for (const p of done.refused) context.say(`vestige: rule ${p.path}, ${p.at}: ${p.detail}`);
        context.printOne(done, () => inWords(done));
      }),
    );
}

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
