// vestige dead-letters
import { type Command, Option } from 'commander';
import {
  DEAD_LETTER_REASONS,
  type DeadLetter,
  type DeadLetterReason,
  listDeadLetters,
} from '../../analytics/queries/dead-letters.ts';
import type { Context } from '../context.ts';
import { addLimit } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { shortId, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

const columns: readonly Column<DeadLetter>[] = [
  { title: 'RECEIVED', value: (d) => shortTime(d.received_at) },
  { title: 'REASON', value: (d) => d.reason },
  { title: 'SOURCE', value: (d) => d.source },
  { title: 'NODE', value: (d) => d.node },
  { title: 'STREAM', value: (d) => d.stream, flexible: true },
  { title: 'POSITION', value: (d) => String(d.position) },
  { title: 'RECORD', value: (d) => shortId(d.digest) },
  { title: 'BYTES', value: (d) => d.detail, flexible: true },
];

export function registerDeadLetters(program: Command, context: Context): void {
  const command = program
    .command('dead-letters')
    .description('records that could not be decoded, and why; their bytes are kept: vestige record DIGEST')
    .addOption(new Option('--reason <reason>', 'only for this reason').choices(DEAD_LETTER_REASONS))
    .addHelpText(
      'after',
      `
Examples:
  vestige dead-letters
  vestige --json dead-letters --reason oversized`,
    );
  addLimit(command).action((options: { reason?: DeadLetterReason; limit: number }) =>
    context.withStore('vestige dead-letters', (store) =>
      printLimited(context, store, options.limit, (limit) => listDeadLetters(store, { ...options, limit }), columns),
    ),
  );
}
