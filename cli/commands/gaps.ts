// vestige gaps
import { type Command, Option } from 'commander';
import { type Gap, listGaps } from '../../analytics/queries/gaps.ts';
import type { Context } from '../context.ts';
import { addLimit } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

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
    .option('--node <name>', 'only of this node')
    .addHelpText(
      'after',
      `
Examples:
  vestige gaps
  vestige --json gaps --source auditd --node worker-1`,
    );
  addLimit(command).action((options: { source?: string; node?: string; limit: number }) =>
    context.withStore('vestige gaps', (store) =>
      printLimited(context, store, options.limit, (limit) => listGaps(store, { ...options, limit }), columns),
    ),
  );
}
