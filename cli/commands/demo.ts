// vestige demo: what `npm start` runs. A recorded intrusion from its logs to the chain and the page, in one command.
import type { Command } from 'commander';
import { correlate } from '../../analytics/correlate.ts';
import { listChains, readChain } from '../../analytics/queries/chains.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { renderChain } from '../render/chain.ts';
import { createProgressBar } from '../render/progress.ts';
import { readRules } from './correlate.ts';
import { serve } from './up.ts';

export function registerDemo(program: Command, context: Context): void {
  program
    .command('demo')
    .description('import a recorded intrusion, print the attack chain found, serve the page')
    .addHelpText(
      'after',
      `
Examples:
  vestige demo
  vestige --store embedded:/tmp/look demo`,
    )
    .action(() =>
      context.withStore('vestige demo', async (store) => {
        await importSample(store, context);
        if (context.stop.aborted) return;
        const done = await correlate(store, await readRules([context.packDirectory], context), context.now);
        context.say(
          `Joined and searched in ${done.seconds.toFixed(1)} s: ${done.findings} findings, ${done.chains} chains.\n`,
        );
        await printFirstChain(store, context);
        if (context.stop.aborted) return;
        const { closed } = await serve(store, context, { host: '127.0.0.1' });
        context.say('Ctrl-C ends it. The same store answers in another terminal: node dist/vestige.js chains');
        await closed;
      }),
    );
}

async function importSample(store: Store, context: Context): Promise<void> {
  context.say('Importing a recorded intrusion: six minutes of one cluster in three kinds of log.');
  const bar = createProgressBar(context.stderr, context.now);
  const summary = await importPaths(
    [context.sampleDirectory],
    {},
    { store, now: context.now, stop: context.stop, onProgress: bar.show },
  );
  bar.clear();
  const problem = summary.problems[0];
  if (problem !== undefined) throw new CommandError(EXIT.failed, `${problem.path}: ${problem.detail}`);
  context.say(
    summary.records === 0 && summary.duplicates > 0
      ? `It was there already: ${summary.duplicates} records.`
      : `${summary.records} records in ${summary.seconds.toFixed(1)} s.`,
  );
}

async function printFirstChain(store: Store, context: Context): Promise<void> {
  const [first] = await listChains(store, { limit: 1 });
  const chain = first === undefined ? undefined : await readChain(store, first.id);
  if (chain !== undefined) context.stdout.write(`${renderChain(chain)}\n\n`);
}
