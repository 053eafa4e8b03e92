// vestige correlate
import type { Command } from 'commander';
import { type Correlation, correlate } from '../../analytics/correlate.ts';
import type { Context } from '../context.ts';

export function registerCorrelate(program: Command, context: Context): void {
  program
    .command('correlate')
    .description('join the layers: entities, findings and attack chains from all that was imported')
    .addHelpText(
      'after',
      `
Examples:
  vestige correlate
  vestige --json correlate`,
    )
    .action(() =>
      context.withStore('vestige correlate', async (store) => {
        const done = await correlate(store, context.now);
        context.printOne(done, () => inWords(done));
      }),
    );
}

function inWords(c: Correlation): string {
  return [
    `${c.pods} pods, ${c.containers} containers, ${c.processes} processes, ${c.sessions} exec sessions, ${c.events} events on one axis`,
    `in ${c.seconds.toFixed(1)} s`,
  ].join('\n');
}
