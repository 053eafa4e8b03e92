// vestige chains
import type { Command } from 'commander';
import { type ChainSummary, listChains } from '../../analytics/queries/chains.ts';
import type { Context } from '../context.ts';
import { addLimit } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { duration, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

const columns: readonly Column<ChainSummary>[] = [
  { title: 'CHAIN', value: (c) => c.id },
  { title: 'SEVERITY', value: (c) => c.severity },
  { title: 'SCORE', value: (c) => c.score.toFixed(1) },
  { title: 'FIRST SEEN', value: (c) => shortTime(c.first_seen) },
  { title: 'LASTED', value: (c) => duration(c.first_seen, c.last_seen) },
  { title: 'STEPS', value: (c) => String(c.steps.length) },
  { title: 'TITLE', value: (c) => c.title, flexible: true },
];

export function registerChains(program: Command, context: Context): void {
  const command = program
    .command('chains')
    .description('attack chains, first the one to read first')
    .addHelpText(
      'after',
      `
Examples:
  vestige chains
  vestige --json chains --limit 5`,
    );
  addLimit(command).action(async ({ limit }: { limit: number }) => {
    await context.withStore('vestige chains', (store) =>
      printLimited(context, store, limit, (n) => listChains(store, { limit: n }), columns),
    );
  });
}
