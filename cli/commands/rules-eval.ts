// vestige rules eval
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { loadRules } from '../../analytics/rules/language/load.ts';
import { type EvalMatch, evalRules } from '../../analytics/rules/run/eval.ts';
import { readJsonEvents } from '../../ingest/frame/json-events.ts';
import { ReadError, readUncompressed } from '../../ingest/frame/lines.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { visible } from '../render/table.ts';
import { withScratchStore } from './rules.ts';

interface Options {
  rules?: string;
  events: string[];
  timeField?: string;
}

const STDIN = '-';

export function registerRulesEval(rules: Command, context: Context): void {
  rules
    .command('eval')
    .description('run rules over events in JSON, one a line, of any log source; without a store')
    .option('--rules <path>', 'a directory or file of rules, other than those that come with vestige')
    .requiredOption('--events <file...>', 'plain, gzip or zstd; - for what comes in by a pipe')
    .option('--time-field <name>', 'where an event says when it happened, for correlations (default: the usual names)')
    .addHelpText(
      'after',
      `
A row for each match: rule, event (its line), the alias that made it match; for a correlation the lines it rests on.

Examples:
  vestige --json rules eval --rules sigma/rules/windows --events events.jsonl
  zcat audit.log.gz | vestige rules eval --events -
  vestige --ndjson rules eval --rules my-rules/ --events logins.jsonl --time-field event.created`,
    )
    .action((options: Options) => evalFiles(options, context));
}

type Row = EvalMatch & { file?: string };

async function evalFiles({ rules: directory, events: files, timeField }: Options, context: Context): Promise<void> {
  const from = directory ?? context.packDirectory;
  for (const path of [from, ...files.filter((file) => file !== STDIN)]) {
    if (!existsSync(path)) throw new CommandError(EXIT.notFound, `no such file or directory: ${path}`);
  }
  const { rules, problems } = await loadRules(from);
  for (const { path, at, detail } of problems) context.say(visible(`vestige: ${path}: ${at}: ${detail}`));
  const rows: Row[] = [];
  let skipped = 0;
  // the engine takes what a pipe brings for rows of its own
  if (!files.includes(STDIN)) context.leaveStdin();
  await withScratchStore(async (store) => {
    for (const [i, file] of files.entries()) {
      if (context.stop.aborted) return;
      const name = file === STDIN ? 'stdin' : file;
      const tell = (n: number, reason: string) => context.say(visible(`vestige: ${name}:${n}: ${reason}`));
      try {
        const chunks = readUncompressed(file === STDIN ? context.stdin() : file, () => {});
        const done = await evalRules(store, rules, readJsonEvents(chunks, tell), { timeField });
        if (i === 0) {
          for (const { path, at, detail } of done.refused) context.say(visible(`vestige: ${path}: ${at}: ${detail}`));
          skipped = new Set(done.refused.map(({ path }) => path)).size;
        }
        const correlations = rules.some((rule) => rule.kind === 'correlation');
        if (correlations && done.untimed > 0) context.say(untimed(name, done.untimed, done.events, timeField));
        for (const match of done.matches) rows.push(files.length > 1 ? { file: name, ...match } : match);
      } catch (error) {
        if (!(error instanceof ReadError)) throw error;
        context.say(`vestige: ${name}: ${error.message}`);
        context.setExitCode(EXIT.failed);
      }
    }
  });
  await context.printList(rows, [
    ...(files.length > 1 ? [{ title: 'file', value: (row: Row) => row.file ?? '', flexible: true }] : []),
    { title: 'event', value: (row) => String(row.event) },
    { title: 'rule', value: (row) => row.rule_title, flexible: true },
    { title: 'id', value: (row) => row.rule_id },
    { title: 'alias', value: (row) => row.alias ?? '' },
    { title: 'events', value: (row) => row.events?.join(' ') ?? '', flexible: true },
  ]);
  if (rules.length - skipped === 0) {
    context.say('vestige: no rule that can be run');
    context.setExitCode(EXIT.failed);
  }
}

function untimed(name: string, without: number, all: number, timeField: string | undefined): string {
  const where =
    timeField === undefined ? 'under none of the usual names; --time-field NAME says where' : `in ${timeField}`;
  return without === all
    ? `vestige: ${name}: no event has a time (${where}): correlations are not run`
    : `vestige: ${name}: ${without} of ${all} events have no time (${where}): correlations leave them out`;
}
