// vestige ingest PATH...
import { type Command, Option } from 'commander';
import type { Source } from '../../ingest/frame/recognise.ts';
import { type ImportProblem, type ImportSummary, importPaths } from '../../ingest/import.ts';
import { type Context, EXIT } from '../context.ts';
import { createProgressBar } from '../render/progress.ts';

interface Options {
  source?: Source;
  cluster?: string;
  node?: string;
}

export function registerIngest(program: Command, context: Context): void {
  program
    .command('ingest')
    .description('import files and directories of logs: Kubernetes audit, auditd, container runtime')
    .argument('<path...>', 'plain, gzip or zstd; the format is recognised by content')
    .addOption(
      new Option('--source <source>', 'what the files hold, when it cannot be recognised').choices([
        'k8s-audit',
        'auditd',
        'runtime',
      ]),
    )
    .option('--cluster <name>', 'cluster the records come from (default: node.json beside the files, else "default")')
    .option('--node <name>', 'node the records come from (default: node= of the line, else node.json)')
    .addHelpText(
      'after',
      `
Examples:
  vestige ingest /var/log/kubernetes/audit.log /var/log/audit
  vestige ingest case-42/ --cluster prod --node worker-1
  vestige --json ingest audit.log.zst`,
    )
    .action(async (paths: string[], options: Options) => {
      await context.withStore('vestige ingest', async (store) => {
        const bar = createProgressBar(context.stderr, context.now);
        const summary = await importPaths(paths, options, {
          store,
          now: context.now,
          stop: context.stop,
          onProgress: bar.show,
        });
        bar.clear();
        report(summary, context);
      });
    });
}

export function report(summary: ImportSummary, context: Context): void {
  for (const problem of summary.problems) context.say(`vestige: ${problem.path}: ${problem.detail}`);
  const { problems, ...figures } = summary;
  context.printOne({ ...figures, problems }, () => inWords(summary));
  context.setExitCode(exitCodeOf(problems));
}

function inWords(s: ImportSummary): string {
  const rate = s.seconds > 0 ? ` (${(s.bytes / 1e6 / s.seconds).toFixed(1)} MB/s)` : '';
  return [
    `${s.records} new records, ${s.duplicates} already there, ${s.dead_letters} that could not be decoded`,
    `events: ${s.events.k8s_audit} Kubernetes API, ${s.events.auditd} auditd, ${s.events.runtime} runtime`,
    `${(s.bytes / 1e6).toFixed(1)} MB in ${s.files} files in ${s.seconds.toFixed(1)} s${rate}; ${s.skipped} other files left alone`,
    ...(s.balanced ? [] : ['the books of this import do not balance: see --json, and please report it']),
  ].join('\n');
}

function exitCodeOf(problems: readonly ImportProblem[]): number {
  const kinds = new Set(problems.map((p) => p.kind));
  if (kinds.has('damaged') || kinds.has('unreadable') || kinds.has('nothing-known')) return EXIT.failed;
  return kinds.has('missing') ? EXIT.notFound : EXIT.done;
}
