// vestige reindex
import { type Command, Option } from 'commander';
import { type Reindexed, reindex } from '../../analytics/reindex.ts';
import { type Context, EXIT } from '../context.ts';
import { parseTime } from '../time.ts';

interface Options {
  source?: string;
  since?: string;
}

export function registerReindex(program: Command, context: Context): void {
  program
    .command('reindex')
    .description('derive the typed tables again from the records: after an update, or when they were damaged')
    .addOption(new Option('--source <source>', 'only of this source').choices(['k8s-audit', 'auditd', 'runtime']))
    .option('--since <time>', 'only events from this instant on: RFC 3339, a date, or -2h for two hours ago')
    .addHelpText(
      'after',
      `
Searches and imports go on meanwhile. What was concluded stays until vestige correlate runs again.

Examples:
  vestige reindex
  vestige reindex --source auditd --since -30d`,
    )
    .action(async (options: Options) => {
      const chosen = {
        ...(options.source === undefined ? {} : { source: options.source }),
        ...(options.since === undefined ? {} : { since: parseTime(options.since, '--since', context.now()) }),
      };
      await context.withStore('vestige reindex', async (store) => {
        const { stderr } = context;
        const done = await reindex(chosen, {
          store,
          now: context.now,
          stop: context.stop,
          onProgress: (n, all) => stderr.isTTY && stderr.write(`\r${n} of ${all}\u001b[K${n === all ? '\n' : ''}`),
        });
        context.printOne(done, () => inWords(done));
        if (done.finished) context.say('what was concluded is older than these rows now: run vestige correlate');
        else context.setExitCode(EXIT.failed);
      });
    });
}

function inWords({ rows, dead_letters, removed, seconds, finished }: Reindexed): string {
  return [
    `${rows.k8s_audit} Kubernetes API, ${rows.auditd} auditd and ${rows.runtime} runtime rows derived, ${dead_letters} dead letters`,
    `${removed} rows removed that the records do not give`,
    finished ? `in ${seconds.toFixed(1)} s` : 'stopped before the end; run it again',
  ].join('\n');
}
