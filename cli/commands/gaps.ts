// vestige gaps
import { type Command, Option } from 'commander';
import { type Gap, listGaps } from '../../analytics/queries/gaps.ts';
import type { Context } from '../context.ts';
import { addLimit, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  source?: string;
  kind?: string;
}

const columns: readonly Column<Gap>[] = [
  { title: 'FROM', value: (g) => shortTime(g.first_seen) },
  { title: 'TO', value: (g) => shortTime(g.last_seen) },
  { title: 'SOURCE', value: (g) => g.source },
  { title: 'NODE', value: (g) => g.node },
  { title: 'KIND', value: (g) => g.kind },
  { title: 'MISSING', value: (g) => (g.missing === null ? 'unknown' : String(g.missing)) },
  { title: 'STREAM', value: (g) => g.stream, flexible: true },
  { title: 'DETAIL', value: (g) => g.detail, flexible: true },
];

export function registerGaps(program: Command, context: Context): void {
  const command = program
    .command('gaps')
    .description('what is known to be missing, from when to when, and why; as of the last correlate')
    .addOption(new Option('--source <source>', 'only of this source').choices(['k8s-audit', 'auditd', 'runtime']))
    .option('--cluster <name>', 'only of this cluster')
    .option('--node <name>', 'only of this node; * stands for any text, as in all names here')
    .option('--kind <kind>', 'only of this kind: serials-missing, auditd-stopped, ... (docs/reference/gaps.md)')
    .addHelpText(
      'after',
      `
--since and --until take gaps that overlap the time between them.

Examples:
  vestige gaps
  vestige gaps --kind 'audit*' --since 2026-11-23T13:00:00Z
  vestige --json gaps --source auditd --node worker-1`,
    );
  addLimit(addTimes(command)).action((options: Options) => {
    const filter = { ...options, ...readFilter(options, context) };
    return context.withStore('vestige gaps', (store) =>
      printLimited(context, store, filter.limit, (limit) => listGaps(store, { ...filter, limit }), columns),
    );
  });
}
